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
    /// - Parameter hint: the hint if there is no such file.
    /// - Throws: `Failure` with exit code 77 if the file is missing, unreadable, or readable by others; 65 if it does not
    ///   hold one key; 64 if `path` is itself a secret key.
    static func readSecret(_ path: String, hint: String) throws -> SigningKey {
        // The message must not repeat it: it would get into logs.
        guard !path.hasPrefix("P2PSECRET1_") else {
            throw Failure(
                .usage, "a secret key where the path of its file belongs",
                hint: "the shell may have recorded the key in its history: make a new one with 'p2p keygen'")
        }
        var bytes = try SecretFile.load(path, missingHint: hint)
        defer { Sodium.wipe(&bytes) }
        var key: SigningKey?
        for (index, line) in lines(of: bytes).enumerated() {
            guard !line.isEmpty, bytes[line.lowerBound] != UInt8(ascii: "#") else { continue }
            guard key == nil else {
                throw Failure(
                    .data, "\(path):\(index + 1): more than one key", hint: "put each key into a file of its own")
            }
            var text = Array(bytes[line])
            defer { Sodium.wipe(&text) }
            // Some editors leave spaces or CR at the end of a line.
            while let last = text.last, last == 0x20 || last == 0x0D { text.removeLast() }
            do throws(KeyTextError) {
                guard !endsWithPublicKey(text[...]) else { throw .publicKey }
                key = try SigningKey(secretText: text.span)
            } catch {
                throw Failure(
                    .data, "\(path):\(index + 1): \(error.summary)",
                    hint: "restore the file, or make a new key with 'p2p keygen'")
            }
        }
        guard let key else {
            throw Failure(
                .data, "\(path):1: no key in this file", hint: "restore the file, or make a new key with 'p2p keygen'")
        }
        return key
    }

    /// Returns the ranges of the lines, without their ends.
    ///
    /// Slices would share the bytes' storage, and wiping the bytes would then wipe a copy.
    private static func lines(of bytes: [UInt8]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") {
            lines.append(start..<end)
            start = end + 1
        }
        return lines + [start..<bytes.count]
    }

    /// Returns true if the first line that is not a comment ends with a public key.
    static func isPublic(_ bytes: [UInt8]) -> Bool {
        let first = lines(of: bytes).first { !$0.isEmpty && bytes[$0.lowerBound] != UInt8(ascii: "#") }
        return first.map { endsWithPublicKey(bytes[$0]) } ?? false
    }

    /// Returns true if the last field of a line is a public key. In NAME.pub the name comes first.
    private static func endsWithPublicKey(_ text: ArraySlice<UInt8>) -> Bool {
        text.split(separator: 0x20).last?.starts(with: "p2ppub1_".utf8) ?? false
    }

    /// Reads a public key.
    ///
    /// - Parameter text: `p2ppub1_…`, or the path of a file with `NAME p2ppub1_…` or `p2ppub1_…`.
    /// - Throws: `Failure` with exit code 77 if there is no such file or it cannot be read; 65 if it holds no public key.
    static func readPublic(_ text: String) throws -> PublicKey {
        if text.hasPrefix("p2ppub1_") || text.hasPrefix("P2PSECRET1_") {
            do {
                return try PublicKey(text: text)
            } catch {
                throw Failure(.data, "the server key: \(error.summary)", hint: serverKeyHint)
            }
        }
        guard FileSystem.exists(text) else {
            throw Failure(
                .noPermission, "no key at \(text)",
                hint: "copy the server's server.pub there, or give its key with --server-key")
        }
        for (index, line) in try readText(text).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            guard !line.isEmpty, !line.hasPrefix("#"), let field = line.split(separator: " ").last else { continue }
            do {
                return try PublicKey(text: String(field))
            } catch {
                throw Failure(.data, "\(text):\(index + 1): \(error.summary)", hint: serverKeyHint)
            }
        }
        throw Failure(.data, "\(text):1: no key in this file", hint: serverKeyHint)
    }

    private static let serverKeyHint = "use the line of the server's server.pub, or only its p2ppub1_…"

    /// Reads a list of authorized peers.
    ///
    /// - Throws: `Failure` with exit code 66 if there is no such file; 77 if it cannot be read; 65, with file and line,
    ///   if a line is malformed.
    static func readRoster(_ path: String) throws -> Roster {
        guard FileSystem.exists(path) else {
            throw Failure(
                .noInput, "no list of peers at \(path)",
                hint: "'p2p keygen NAME --authorize' adds a peer to it, 'touch \(path)' makes an empty one, "
                    + "and --open lets anyone join")
        }
        do {
            return try Roster(text: try readText(path))
        } catch let error as RosterError {
            throw Failure(
                .data, "\(path):\(error.line): \(error.summary)",
                hint: "a line is NAME p2ppub1_…, as 'p2p keygen' prints it")
        }
    }

    /// Reads a text file, without the byte order mark with which some editors begin one.
    private static func readText(_ path: String) throws -> String {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.readContent(of: path)
        } catch {
            throw SecretFile.cannotRead(path, chmod: "u+r")
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        guard let text = String(validating: bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0), as: UTF8.self)
        else { throw Failure(.data, "\(path):1: not text") }
        return text
    }
}
