internal import SecureMesh

/// A folder of keys. For each name, it contains NAME.key, the secret key, and NAME.pub, the public key. It may also
/// contain the list authorized_peers.
struct KeyStore {
    let folder: String
    private let givenFolder: String?

    /// - Parameter folder: The argument of `--keys`; if it is nil, the folder is `$P2P_KEYS`, or else `./keys`.
    init(folder: String?) {
        let environment = FileSystem.environment("P2P_KEYS").flatMap { $0.isEmpty ? nil : $0 }
        givenFolder = folder
        self.folder = folder ?? environment ?? "keys"
    }

    func secretPath(_ name: PeerName) -> String { "\(folder)/\(name).key" }
    func publicPath(_ name: PeerName) -> String { "\(folder)/\(name).pub" }
    var rosterPath: String { "\(folder)/authorized_peers" }

    /// Returns the hint to show if a secret key is not in this folder.
    ///
    /// - Parameter name: The name of the key; nil for the server's key.
    func keygenHint(_ name: PeerName?) -> String {
        guard let name else { return "make one with '\(command("keygen"))'" }
        do {
            return "make one with '\(command("keygen", "\(try Parse.fileName("\(name)"))"))'"
        } catch {
            // keygen refuses the name, mostly that of a file, for this reason.
            return "\(error)"
        }
    }

    /// The hint that says how to write NAME.pub again, if NAME.key exists.
    func publicKeyHint(_ name: PeerName) -> String {
        "to write it again: p2p key show \(Shell.quoted(secretPath(name))) > \(Shell.quoted(publicPath(name)))"
    }

    static let pathHint = "check the path; 'p2p keygen' makes keys"

    /// Returns the public line of a key. It is the same in NAME.pub, on stdout and in authorized_peers.
    static func publicLine(_ name: PeerName, _ key: PublicKey) -> String { "\(name) \(key)" }

    /// Creates a key, and writes NAME.key and NAME.pub.
    ///
    /// - Parameter passphrase: The passphrase of the secret key; nil for a key without one.
    /// - Throws: `Failure` with exit code 73 if a file exists or cannot be created. In this case, no file has changed.
    func create(_ name: PeerName, _ passphrase: Passphrase?) throws -> PublicKey {
        try makeFolder()
        let key = SigningKey()
        try withContent(of: key, passphrase) { try create(secretPath(name), $0, mode: 0o600) }
        do {
            try create(publicPath(name), Array("\(Self.publicLine(name, key.publicKey))\n".utf8), mode: 0o644)
        } catch {
            FileSystem.remove(secretPath(name))
            throw error
        }
        return key.publicKey
    }

    /// Creates a key, and writes NAME.key and NAME.pub. Replaces the files if they exist.
    ///
    /// - Throws: `Failure` with exit code 73 if a file cannot be replaced. In this case, NAME.key has not changed, and
    ///   neither has NAME.pub if it could be read.
    func replace(_ name: PeerName, _ passphrase: Passphrase?) throws -> PublicKey {
        try makeFolder()
        let key = SigningKey()
        let path = publicPath(name)
        let isNew = !FileSystem.exists(path)
        let old = try? KeyFile.content(of: path, limit: Limits.publicKeyFile)
        // The secret key is replaced last, so that the old one is not lost if another step fails.
        try Self.replace(path, Array("\(Self.publicLine(name, key.publicKey))\n".utf8), mode: 0o644)
        do {
            try withContent(of: key, passphrase) { try Self.replace(secretPath(name), $0, mode: 0o600, isSecret: true) }
        } catch {
            if let old { try? Self.replace(path, old, mode: 0o644) } else if isNew { FileSystem.remove(path) }
            throw error
        }
        return key.publicKey
    }

    /// Adds, changes or removes the passphrase of the secret key in a file. The rest of the file, such as comments,
    /// does not change.
    static func seal(_ key: SigningKey, in path: String, _ passphrase: Passphrase?, access: KeyAccess) throws {
        try withText(of: key, passphrase) { text in
            var content: [UInt8]
            do throws(KeyFileError) {
                content = try KeyFile.content(of: path, groupMayRead: access.groupMayRead, replacingKeyBy: text)
            } catch {
                throw failure(error, hint: nil)
            }
            defer { Sodium.wipe(&content) }
            try replace(path, content, mode: 0o600, isSecret: true)
        }
    }

    private static func replace(_ path: String, _ content: [UInt8], mode: UInt32, isSecret: Bool = false) throws {
        do throws(SystemError) {
            try FileWriter.replace(path, content, mode: mode, isSecret: isSecret)
        } catch {
            throw FileFailure.cannotReplace(path, error)
        }
    }

    /// Calls `body` with the content of a new key file for a secret key. Wipes the content from memory afterwards.
    private func withContent(of key: SigningKey, _ passphrase: Passphrase?, _ body: ([UInt8]) throws -> Void) throws {
        let header = "# created \(UnixTime.now)\n# public key \(key.publicKey)\n"
        try Self.withText(of: key, passphrase) { text in
            var content = Array(header.utf8)
            content.reserveCapacity(content.count + text.count + 1)
            for index in 0..<text.count { content.append(text[index]) }
            content.append(UInt8(ascii: "\n"))
            defer { Sodium.wipe(&content) }
            try body(content)
        }
    }

    /// Calls `body` with the text of a secret key. If the key has no passphrase, the text is wiped from memory
    /// afterwards.
    private static func withText(
        of key: SigningKey, _ passphrase: Passphrase?, _ body: (Span<UInt8>) throws -> Void
    ) throws {
        guard let passphrase else { return try key.withSecretText(body) }
        let text: [UInt8]
        do throws(KeyTextError) {
            text = Array(try key.sealedText(passphrase: passphrase).utf8)
        } catch {
            throw Failure(.system, error.summary, hint: memoryHint)
        }
        try body(text.span)
    }

    private static let memoryHint = "raise the limit: 'ulimit -v' or 'ulimit -d', or that of the container"

    /// Reads the public key from NAME.pub.
    func readPublicKey(of name: PeerName) throws -> PublicKey {
        try Self.readPublicLine(publicPath(name), "the key of \(name)", hint: keygenHint(name)).key
    }

    /// Makes the folder, to which only its owner has access. Keeps an existing folder, but throws if other users can
    /// change it.
    private func makeFolder() throws {
        do throws(SystemError) {
            try FileSystem.makeFolder(folder, mode: 0o700)
        } catch {
            throw FileFailure.cannotCreate(folder, error)
        }
        guard let status = try? FileSystem.status(of: folder) else { return }
        guard status.kind == .folder else {
            throw Failure(.cannotCreate, "\(folder) is not a folder", hint: "choose another folder with --keys")
        }
        guard !status.keepsFiles else { return }
        throw Self.failure(KeyFileError(path: folder, reason: .folderWritableByOthers(folder: folder)), hint: nil)
    }

    private func create(_ path: String, _ content: [UInt8], mode: UInt32) throws {
        do throws(SystemError) {
            try FileWriter.create(path, content, mode: mode)
        } catch {
            throw error.isExisting ? Self.exists(path) : FileFailure.cannotCreate(path, error)
        }
    }

    /// Checks that `create` would not overwrite a file.
    ///
    /// - Parameter authorizes: True if the user asked to authorize the key. The hint of the failure then says how to
    ///   authorize an existing key.
    /// - Throws: `Failure` with exit code 73 if a file exists. The message names the first such file.
    func checkAbsent(_ name: PeerName, authorizes: Bool) throws {
        for path in [secretPath(name), publicPath(name)] where FileSystem.exists(path) || FileSystem.isLink(path) {
            guard path == secretPath(name) else { throw Self.exists(path) }
            let message = "\(path) exists already; keys are never overwritten"
            guard FileSystem.exists(publicPath(name)) || !FileSystem.exists(path) else {
                throw Failure(
                    .cannotCreate, message, hint: "\(publicPath(name)) is missing; \(publicKeyHint(name))")
            }
            guard authorizes, name != .server else { throw Self.exists(path) }
            throw Failure(
                .cannotCreate, message,
                hint: "to authorize the existing key: "
                    + command("authorize", "\(name)", Shell.quoted(publicPath(name))))
        }
    }

    private static func exists(_ path: String) -> Failure {
        Failure(
            .cannotCreate, "\(path) exists already; keys are never overwritten",
            hint: "move it away, or choose another name or folder")
    }

    /// Adds keys to a list of peers, so that they may join. Prints a note for each key.
    func authorize(
        _ keys: [(name: PeerName, key: PublicKey)], in path: String, until: UnixTime? = nil,
        replacing: RosterText.Replacement
    ) throws -> [RosterText.Authorization] {
        if path == rosterPath { try makeFolder() }
        let now = UnixTime.now
        let results = try RosterFile.edit(path) { text in
            try keys.map { name, key in
                do throws(RosterText.Conflict) {
                    return try text.authorize(name, key, until: until, replacing: replacing, now: now)
                } catch {
                    throw conflict(error, name, key, path)
                }
            }
        }
        for result in results { Self.note(result, path) }
        return results
    }

    private func conflict(
        _ conflict: RosterText.Conflict, _ name: PeerName, _ key: PublicKey, _ path: String
    ) -> Failure {
        switch conflict {
        case .otherName(let other):
            Failure(
                .data, "\(path) lists this key as \(other)",
                hint: "run the peer as \(other), or first: \(command("revoke", "\(other)"))")
        case .otherKey(let other):
            Failure(
                .data, "\(path) lists another key of \(name), \(other)",
                hint: "to revoke that one: \(command("authorize", "\(name)", "\(key)", "--replace")), "
                    + "and with --overlap 1h it may join for another hour")
        }
    }

    private static func note(_ result: RosterText.Authorization, _ path: String) {
        let line = result.after
        let end = line.until.map { ", until \($0)" } ?? ""
        switch result.before {
        case nil: Console.note("added \(line.name) to \(path)\(end)")
        case let before? where before.revokedAt != nil:
            let reason = before.comment.isEmpty ? "" : " (\(Console.escaped(before.comment)))"
            Console.note(
                "the key of \(line.name) was revoked at \(before.revokedAt ?? .now)\(reason); it may join again\(end)")
        case let before? where before.text != line.text:
            Console.note("\(path) lists \(line.name) already; it may join\(line.until == nil ? " without end" : end)")
        default: Console.note("\(path) lists \(line.name) already\(end)")
        }
        for old in result.replaced {
            let fate = old.revokedAt == nil ? "may join until \(old.until ?? .now)" : "is revoked"
            Console.note("the old key of \(old.name), \(old.key), \(fate)")
        }
    }

    /// Returns a command line that the user can paste. If the folder was given with `--keys`, the command line has this
    /// option too.
    func command(_ parts: String...) -> String {
        (["p2p"] + parts + (givenFolder.map { ["--keys", Shell.quoted($0)] } ?? [])).joined(separator: " ")
    }

    /// Reads a secret key from a file.
    ///
    /// - Parameters:
    ///   - hint: The hint if there is no such file.
    ///   - access: The users who may read the file, and the source of its passphrase.
    /// - Throws: `Failure`. The exit code is 77 if the file is missing, unreadable, or accessible to others, or if its
    ///   passphrase is missing or wrong. It is 65 if the file does not contain exactly one key, 64 if `path` is itself
    ///   a secret key, and 71 if there is too little memory to use the passphrase.
    static func readSecret(_ path: String, hint: String, access: KeyAccess = KeyAccess()) throws -> SigningKey {
        do {
            return try access.readKey(path)
        } catch let error as KeyFileError {
            switch error.reason {
            case .invalidKey(.wrongPassphrase, _):
                throw Failure(
                    .noPermission, "\(path): wrong passphrase",
                    hint: "nobody can read the key without it; 'p2p key new NAME --replace' makes another key")
            case .invalidKey(.outOfMemory, _): throw Failure(.system, error.description, hint: memoryHint)
            case .missing: throw Failure(.noPermission, "no key at \(path)", hint: hint)
            case .unreadable: throw FileFailure.cannotRead(path, chmod: "600")
            case .tooLarge:
                throw Failure(.data, "\(path): too long for a key", hint: "give the file that 'p2p keygen' made")
            default: throw Self.failure(error, hint: "restore the file, or make a new key with 'p2p keygen'")
            }
        }
    }

    /// Reads a public key.
    ///
    /// - Parameters:
    ///   - text: `p2ppub1_…`, or the path of a file with `NAME p2ppub1_…` or `p2ppub1_…`.
    ///   - what: The name for the key in messages, such as `the server key`.
    ///   - hint: The hint if there is no public key in the text or the file.
    /// - Returns: The key, and the name before the key in the file; no name if there is none.
    /// - Throws: `Failure` with exit code 77 if there is no such file or the file cannot be read; 65 if the text or the
    ///   file holds no public key.
    static func readPublicLine(
        _ text: String, _ what: String, hint: String
    ) throws -> (name: PeerName?, key: PublicKey) {
        if ["p2ppub1_", "P2PSECRET1_", "P2PSEALED1_"].contains(where: text.hasPrefix) {
            do {
                return (nil, try PublicKey(text))
            } catch {
                throw Failure(.data, "\(what): \(error.summary)", hint: hint)
            }
        }
        do throws(KeyFileError) {
            return try KeyFile.publicKey(of: text)
        } catch {
            guard error.reason != .missing else { throw Failure(.noPermission, "no key at \(text)", hint: hint) }
            throw failure(error, hint: hint)
        }
    }

    /// Reads the public key of a server. The text is the key itself, or the path of a file with the key.
    static func readPublic(_ text: String) throws -> PublicKey {
        try readPublicLine(text, "the server key", hint: serverKeyHint).key
    }

    private static let serverKeyHint = "copy the server's server.pub there, or give its p2ppub1_… with --server-key"

    /// Reads a list of authorized peers.
    ///
    /// - Throws: `Failure` with exit code 66 if there is no such file; 77 if the file cannot be read; 65 if a line is
    ///   malformed, with the file and the line in the message.
    static func readRoster(_ path: String) throws -> Roster {
        do throws(KeyFileError) {
            return try Roster(contentsOfFile: path)
        } catch {
            guard error.reason != .missing else { throw noRoster(path) }
            throw failure(error, hint: rosterHint)
        }
    }

    static let rosterHint = "a line is NAME p2ppub1_…, as 'p2p keygen' prints it"

    private static func noRoster(_ path: String) -> Failure {
        let standard = KeyStore(folder: nil)
        let store = path == standard.rosterPath ? standard : KeyStore(folder: KeyFile.folder(of: path))
        let keygen = store.command("keygen", "NAME", "--authorize")
        let additions =
            store.rosterPath == path
            ? "'\(keygen)' and '\(store.command("authorize", "NAME", "KEY"))' add"
            : "'p2p authorize NAME KEY --authorized-peers \(Shell.quoted(path))' adds"
        return Failure(
            .noInput, "no list of peers at \(path)", hint: "\(additions) a peer to it, and --open lets anyone join")
    }

    /// Returns the failure to report if a key file or a list of peers exists but cannot be used.
    ///
    /// - Parameter hint: The hint to print if the content of the file is wrong.
    static func failure(_ error: KeyFileError, hint: String?) -> Failure {
        let path = error.path
        let word = Shell.quoted(path)
        switch error.reason {
        case .unreadable: return FileFailure.cannotRead(path, chmod: "u+r")
        case .notOrdinaryFile: return FileFailure.notAFile(path)
        case .silentPipe:
            return Failure(.data, error.description, hint: "start the program that writes to it, or give a file")
        case .secretKeyAsPath:
            // The message does not contain the key, because messages get into logs.
            return Failure(
                .usage, error.description,
                hint: "the shell may have recorded the key in its history: make a new one with 'p2p keygen'")
        case .readableByOthers:
            return Failure(.noPermission, error.description, hint: FileFailure.hint("chmod 600 \(word)", for: path))
        case .readableByGroup:
            return Failure(
                .noPermission, error.description,
                hint: FileFailure.hint("chmod 600 \(word)", for: path)
                    + ", or give --group-readable-key if everyone in its groups may have the key")
        case .ownedByAnother:
            return Failure(.noPermission, error.description, hint: FileFailure.ownerHint(for: path))
        case .writableByOthers:
            return Failure(.noPermission, error.description, hint: FileFailure.hint("chmod go-w \(word)", for: path))
        case .folderWritableByOthers(let folder):
            let folderWord = Shell.quoted(folder)
            let mend =
                (try? FileSystem.status(of: folder))?.belongsToTrusted == true
                ? FileFailure.hint("chmod go-w \(folderWord)", for: folder)
                : FileFailure.ownerHint(for: folder, then: "chmod go-w \(folderWord)")
            return Failure(.noPermission, error.description, hint: mend)
        case .notText: return Failure(.data, error.description, hint: "save the file as UTF-8, without other changes")
        case .controlCharacter:
            return Failure(.data, error.description, hint: "'cat -v \(word)' shows the character")
        case .invalidKey(.passphraseMissing, _):
            return Failure(.noPermission, error.description, hint: "give it with --passphrase-file")
        case .severalKeys: return Failure(.data, error.description, hint: "put each key into a file of its own")
        case .unexpectedText: return Failure(.data, error.description, hint: "begin a comment with #")
        default: return Failure(.data, error.description, hint: hint)
        }
    }
}
