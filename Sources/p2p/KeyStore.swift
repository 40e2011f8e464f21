internal import SecureMesh

/// A folder of keys: NAME.key (secret), NAME.pub, authorized_peers.
struct KeyStore {
    let folder: String
    private let givenFolder: String?

    /// `--keys`, or `$P2P_KEYS`, or `./keys`.
    init(folder: String?) {
        let environment = FileSystem.environment("P2P_KEYS").flatMap { $0.isEmpty ? nil : $0 }
        givenFolder = folder
        self.folder = folder ?? environment ?? "keys"
    }

    func secretPath(_ name: PeerName) -> String { "\(folder)/\(name).key" }
    func publicPath(_ name: PeerName) -> String { "\(folder)/\(name).pub" }
    var rosterPath: String { "\(folder)/authorized_peers" }

    /// Why a key that ought to be in this folder may be missing; nil: the server's.
    func keygenHint(_ name: PeerName?) -> String {
        let words = ["p2p", "keygen"] + (name.map { ["\($0)"] } ?? []) + (givenFolder.map { ["--keys", $0] } ?? [])
        return "make one with '\(words.joined(separator: " "))'"
    }

    static let pathHint = "is that the path? 'p2p keygen' makes keys"

    /// The line that goes into NAME.pub, onto stdout and into authorized_peers.
    static func publicLine(_ name: PeerName, _ key: PublicKey) -> String { "\(name) \(key)" }

    /// Makes and keeps a new key.
    ///
    /// - Throws: `Failure`, 73 if a file is there already; then nothing has changed.
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

    /// - Throws: `Failure`, 73, naming the first file that `create` would find in its way.
    func checkAbsent(_ name: PeerName, isToAuthorise: Bool) throws {
        for path in [secretPath(name), publicPath(name)] where FileSystem.exists(path) {
            throw Failure(
                .cannotCreate, "\(path) exists already, keys are never overwritten",
                hint: isToAuthorise && name != .server
                    ? "to authorise the key that is there: cat \(publicPath(name)) >> \(rosterPath)"
                    : "move it away, or choose another name or folder")
        }
    }

    /// Adds `NAME KEY` to authorized_peers, unless the line is there.
    func authorise(_ name: PeerName, _ key: PublicKey) throws {
        let line = Self.publicLine(name, key)
        let existing = FileSystem.exists(rosterPath) ? try Self.readText(rosterPath) : ""
        guard !existing.split(whereSeparator: \.isNewline).contains(Substring(line)) else { return }
        let separator = existing.isEmpty || existing.hasSuffix("\n") ? "" : "\n"
        try SecretFile.append(rosterPath, Array("\(separator)\(line)\n".utf8))
    }

    /// Reads a secret key.
    ///
    /// - Throws: `Failure`: 77 if there is none, it cannot be read or others could; 65 if it is not a key.
    static func readSecret(_ path: String, hint: String) throws -> SigningKey {
        // Not said back: it would stand in the log of whatever runs this.
        guard !path.hasPrefix("P2PSECRET1_") else {
            throw Failure(
                .usage, "a secret key where the file that holds it belongs",
                hint: "it may stand in the shell's history now: make a new one with 'p2p keygen'")
        }
        var bytes = try SecretFile.load(path, missingHint: hint)
        defer { Sodium.wipe(&bytes) }
        var key: SigningKey?
        for (index, line) in lines(of: bytes).enumerated() {
            guard !line.isEmpty, bytes[line.lowerBound] != UInt8(ascii: "#") else { continue }
            guard key == nil else {
                throw Failure(.data, "\(path):\(index + 1): more than one key", hint: "one file, one key: split it")
            }
            var text = Array(bytes[line])
            defer { Sodium.wipe(&text) }
            // An editor may leave spaces or CR at the end.
            while let last = text.last, last == 0x20 || last == 0x0D { text.removeLast() }
            do throws(KeyTextError) {
                guard !endsWithPublicKey(text) else { throw .publicKey }
                key = try SigningKey(secretText: text.span)
            } catch {
                throw Failure(
                    .data, "\(path):\(index + 1): \(error.explanation)",
                    hint: "restore the file, or make a new key with 'p2p keygen'")
            }
        }
        guard let key else {
            throw Failure(
                .data, "\(path):1: no key in this file", hint: "restore the file, or make a new key with 'p2p keygen'")
        }
        return key
    }

    /// Where the lines are. Not slices: one that lives on would have the bytes copied when they are wiped.
    private static func lines(of bytes: [UInt8]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") {
            lines.append(start..<end)
            start = end + 1
        }
        return lines + [start..<bytes.count]
    }

    /// Whether the first line that is no comment is a public key.
    static func isPublic(_ bytes: [UInt8]) -> Bool {
        let first = lines(of: bytes).first { !$0.isEmpty && bytes[$0.lowerBound] != UInt8(ascii: "#") }
        return first.map { endsWithPublicKey(Array(bytes[$0])) } ?? false
    }

    /// In NAME.pub the key comes after the name.
    private static func endsWithPublicKey(_ text: [UInt8]) -> Bool {
        text.split(separator: 0x20).last?.starts(with: "p2ppub1_".utf8) ?? false
    }

    /// `p2ppub1_…` itself, or a file that holds `NAME p2ppub1_…`.
    static func readPublic(_ text: String) throws -> PublicKey {
        if text.hasPrefix("p2ppub1_") || text.hasPrefix("P2PSECRET1_") {
            do {
                return try PublicKey(text: text)
            } catch {
                throw Failure(.data, "the server key: \(error.explanation)", hint: serverKeyHint)
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
                throw Failure(.data, "\(text):\(index + 1): \(error.explanation)", hint: serverKeyHint)
            }
        }
        throw Failure(.data, "\(text):1: no key in this file", hint: serverKeyHint)
    }

    private static let serverKeyHint = "take the line of the server's server.pub, or its p2ppub1_… alone"

    /// - Throws: `Failure`: 66 if there is no file, 65 with file and line if a line is wrong.
    static func readRoster(_ path: String) throws -> Roster {
        guard FileSystem.exists(path) else {
            throw Failure(
                .noInput, "no list of peers at \(path)",
                hint: "'p2p keygen NAME --authorize' adds a peer to it, an empty one will do ('touch \(path)'); "
                    + "--open lets anyone join")
        }
        do {
            return try Roster(text: try readText(path))
        } catch let error as RosterError {
            throw Failure(
                .data, "\(path):\(error.line): \(error.explanation)",
                hint: "a line is NAME p2ppub1_…, as 'p2p keygen' prints it")
        }
    }

    private static func readText(_ path: String) throws -> String {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.readContent(of: path)
        } catch {
            throw SecretFile.cannotRead(path, chmod: "u+r")
        }
        // Some editors begin a file with a byte order mark.
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        guard let text = String(validating: bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0), as: UTF8.self)
        else { throw Failure(.data, "\(path):1: not text") }
        return text
    }
}

extension KeyTextError {
    var explanation: String {
        switch self {
        case .wrongPrefix: "not a key: keys begin with p2ppub1_ or P2PSECRET1_"
        case .secretKey: "a secret key where a public one belongs"
        case .publicKey: "a public key where the secret one belongs"
        case .malformed: "a key that is cut short or mistyped"
        case .wrongCheck: "a key that is mistyped: its check characters do not match"
        case .invalidPoint: "not a key that an honest key generation makes"
        }
    }
}

extension RosterError {
    var explanation: String {
        switch problem {
        case .notTwoFields: "not NAME and key"
        case .invalidName: "not a name: 1 to 32 characters of A-Z a-z 0-9 . _ -"
        case .invalidKey(let error): error.explanation
        case .repeatedKey(let line): "this key is in line \(line) already"
        }
    }
}
