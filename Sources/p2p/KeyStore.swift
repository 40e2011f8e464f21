internal import SecureMesh

/// A folder with NAME.key (secret) and NAME.pub for each name, and authorized_peers.
struct KeyStore {
    let folder: String
    private let givenFolder: String?

    /// - Parameter folder: the argument of `--keys`; if it is nil, the folder is `$P2P_KEYS`, or else `./keys`.
    init(folder: String?) {
        let environment = FileSystem.environment("P2P_KEYS").flatMap { $0.isEmpty ? nil : $0 }
        givenFolder = folder
        self.folder = folder ?? environment ?? "keys"
    }

    func secretPath(_ name: PeerName) -> String { "\(folder)/\(name).key" }
    func publicPath(_ name: PeerName) -> String { "\(folder)/\(name).pub" }
    var rosterPath: String { "\(folder)/authorized_peers" }

    /// Returns the hint for a secret key that is not in this folder.
    ///
    /// - Parameter name: the name of the key; nil for the server's.
    func keygenHint(_ name: PeerName?) -> String {
        let arguments =
            ["p2p", "keygen"] + (name.map { ["\($0)"] } ?? []) + (givenFolder.map { ["--keys", $0] } ?? [])
        return "make one with '\(arguments.joined(separator: " "))'"
    }

    static let pathHint = "is that the path? 'p2p keygen' makes keys"

    /// Returns the line for NAME.pub, stdout and authorized_peers.
    static func publicLine(_ name: PeerName, _ key: PublicKey) -> String { "\(name) \(key)" }

    /// Creates a key and its two files.
    ///
    /// - Throws: `Failure` with exit code 73 if a file exists or cannot be created. Then no file has changed.
    func create(_ name: PeerName) throws -> PublicKey {
        try SecretFile.createFolder(folder)
        let key = SigningKey()
        let header = "# created \(FileSystem.timestamp())\n# public key \(key.publicKey)\n"
        try key.withSecretText { text in
            var content = Array(header.utf8)
            content.reserveCapacity(content.count + text.count + 1)
            for index in 0..<text.count { content.append(text[index]) }
            content.append(UInt8(ascii: "\n"))
            defer { Sodium.wipe(&content) }
            try SecretFile.create(secretPath(name), content, mode: 0o600)
        }
        do {
            let line = Array("\(Self.publicLine(name, key.publicKey))\n".utf8)
            try SecretFile.create(publicPath(name), line, mode: 0o644)
        } catch {
            SecretFile.remove(secretPath(name))
            throw error
        }
        return key.publicKey
    }

    /// Checks that `create` would not overwrite a file.
    ///
    /// - Parameter authorizes: true if the user asked to authorize the key.
    /// - Throws: `Failure` with exit code 73 and the first file that exists.
    func checkAbsent(_ name: PeerName, authorizes: Bool) throws {
        for path in [secretPath(name), publicPath(name)] where FileSystem.exists(path) {
            throw Failure(
                .cannotCreate, "\(path) exists already, keys are never overwritten",
                hint: authorizes && name != .server
                    ? "to authorize the existing key: cat \(publicPath(name)) >> \(rosterPath)"
                    : "move it away, or choose another name or folder")
        }
    }

    /// Appends `NAME KEY` to authorized_peers, unless it has this line.
    func authorize(_ name: PeerName, _ key: PublicKey) throws {
        let line = Self.publicLine(name, key)
        let existing = FileSystem.exists(rosterPath) ? try Self.readText(rosterPath) : ""
        guard !existing.split(whereSeparator: \.isNewline).contains(Substring(line)) else { return }
        let separator = existing.isEmpty || existing.hasSuffix("\n") ? "" : "\n"
        try SecretFile.append(rosterPath, Array("\(separator)\(line)\n".utf8))
    }

    /// Reads a secret key from a file.
    ///
    /// - Parameters:
    ///   - hint: the hint if there is no such file.
    ///   - groupMayRead: true if the file's group may read it.
    /// - Throws: `Failure` with exit code 77 if the file is missing, unreadable, or accessible to others; 65 if it does
    ///   not hold one key; 64 if `path` is itself a secret key.
    static func readSecret(_ path: String, hint: String, groupMayRead: Bool = false) throws -> SigningKey {
        do throws(KeyFileError) {
            return try SigningKey(contentsOfFile: path, groupMayRead: groupMayRead)
        } catch {
            switch error.reason {
            case .missing: throw Failure(.noPermission, "no key at \(path)", hint: hint)
            case .unreadable: throw SecretFile.cannotRead(path, chmod: "600")
            case .tooLarge:
                throw Failure(.data, "\(path): too long for a key", hint: "give the file that 'p2p keygen' made")
            default: throw Self.failure(error, hint: "restore the file, or make a new key with 'p2p keygen'")
            }
        }
    }

    /// Reads a public key.
    ///
    /// - Parameter text: `p2ppub1_…`, or the path of a file with `NAME p2ppub1_…` or `p2ppub1_…`.
    /// - Throws: `Failure` with exit code 77 if there is no such file or it cannot be read; 65 if it holds no public
    ///   key.
    static func readPublic(_ text: String) throws -> PublicKey {
        if text.hasPrefix("p2ppub1_") || text.hasPrefix("P2PSECRET1_") {
            do {
                return try PublicKey(text)
            } catch {
                throw Failure(.data, "the server key: \(error.summary)", hint: serverKeyHint)
            }
        }
        do throws(KeyFileError) {
            return try PublicKey(contentsOfFile: text)
        } catch {
            guard error.reason != .missing else {
                throw Failure(
                    .noPermission, "no key at \(text)",
                    hint: "copy the server's server.pub there, or give its key with --server-key")
            }
            throw failure(error, hint: serverKeyHint)
        }
    }

    private static let serverKeyHint = "use the line of the server's server.pub, or only its p2ppub1_…"

    /// Reads a list of authorized peers.
    ///
    /// - Throws: `Failure` with exit code 66 if there is no such file; 77 if it cannot be read; 65, with file and line,
    ///   if a line is malformed.
    static func readRoster(_ path: String) throws -> Roster {
        do throws(KeyFileError) {
            return try Roster(contentsOfFile: path)
        } catch {
            guard error.reason != .missing else {
                throw Failure(
                    .noInput, "no list of peers at \(path)",
                    hint: "'p2p keygen NAME --authorize' adds a peer to it, 'touch \(path)' makes an empty one, "
                        + "and --open lets anyone join")
            }
            throw failure(error, hint: "a line is NAME p2ppub1_…, as 'p2p keygen' prints it")
        }
    }

    private static func readText(_ path: String) throws -> String {
        do throws(KeyFileError) {
            return String(decoding: try KeyFile.content(of: path, limit: Limits.rosterFile), as: UTF8.self)
        } catch {
            throw failure(error, hint: nil)
        }
    }

    /// Returns the failure for a file that exists.
    ///
    /// - Parameter hint: the hint for a file with the wrong content.
    private static func failure(_ error: KeyFileError, hint: String?) -> Failure {
        let path = error.path
        switch error.reason {
        case .unreadable: return SecretFile.cannotRead(path, chmod: "u+r")
        case .notOrdinaryFile: return SecretFile.notAFile(path)
        case .secretKeyAsPath:
            // The message does not repeat it: it would get into logs.
            return Failure(
                .usage, error.description,
                hint: "the shell may have recorded the key in its history: make a new one with 'p2p keygen'")
        case .readableByOthers:
            return Failure(.noPermission, error.description, hint: SecretFile.hint("chmod 600 \(path)", for: path))
        case .readableByGroup:
            return Failure(
                .noPermission, error.description,
                hint: SecretFile.hint("chmod 600 \(path)", for: path)
                    + ", or give --group-readable-key if everyone in its groups may have the key")
        case .ownedByAnother:
            return Failure(
                .noPermission, error.description, hint: "as root: chown \(FileSystem.user) \(path)")
        case .writableByOthers:
            return Failure(.noPermission, error.description, hint: SecretFile.hint("chmod go-w \(path)", for: path))
        case .folderWritableByOthers(let folder):
            let mend =
                (try? FileSystem.status(of: folder))?.belongsToTrusted == true
                ? SecretFile.hint("chmod go-w \(folder)", for: folder)
                : "as root: chown \(FileSystem.user) \(folder) && chmod go-w \(folder)"
            return Failure(.noPermission, error.description, hint: mend)
        case .notText: return Failure(.data, error.description, hint: "save the file as UTF-8, without other changes")
        case .controlCharacter:
            return Failure(.data, error.description, hint: "'cat -v \(path)' shows the character")
        case .severalKeys: return Failure(.data, error.description, hint: "put each key into a file of its own")
        case .unexpectedText: return Failure(.data, error.description, hint: "begin a comment with #")
        default: return Failure(.data, error.description, hint: hint)
        }
    }
}
