#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Reads files of keys. Buffers that may hold a secret are wiped.
package enum KeyFile {
    /// Reads a file that holds a secret key. The caller wipes the bytes.
    ///
    /// A file that holds a public key may have any permission bits, so that the error can say what is wrong with it.
    fileprivate static func secretContent(of path: String) throws(KeyFileError) -> [UInt8] {
        // Not put into the error, which ends up in a log.
        guard !path.hasPrefix(secretPrefix) else { throw KeyFileError(path: "", reason: .secretKeyAsPath) }
        // O_NONBLOCK: a FIFO without a writer must not block the caller.
        let file = try open(path, O_RDONLY | O_NONBLOCK)
        guard let status = try? file.status(), status.kind == .file else {
            throw KeyFileError(path: path, reason: .notOrdinaryFile)
        }
        var buffer = [UInt8](repeating: 0, count: Limits.secretKeyFile)
        defer { Sodium.wipe(&buffer) }
        guard let count = try? file.readBytes(into: &buffer) else {
            throw KeyFileError(path: path, reason: .unreadable)
        }
        var content = Array(buffer.prefix(count))
        let reason: KeyFileReason? =
            if status.mode & 0o077 != 0, !holdsPublicKey(content) {
                .readableByOthers
            } else if count == Limits.secretKeyFile {
                .tooLarge(limit: Limits.secretKeyFile - 1)
            } else {
                nil
            }
        guard let reason else { return content }
        Sodium.wipe(&content)
        throw KeyFileError(path: path, reason: reason)
    }

    /// Reads a file of UTF-8, without its byte order mark. The file may be a pipe.
    ///
    /// - Parameter limit: The largest size, in bytes.
    package static func text(of path: String, limit: Int) throws(KeyFileError) -> String {
        var bytes = try content(of: path, limit: limit)
        defer { Sodium.wipe(&bytes) }
        return try text(bytes, path)
    }

    fileprivate static func text(_ bytes: [UInt8], _ path: String) throws(KeyFileError) -> String {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        guard let text = String(validating: bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0), as: UTF8.self)
        else { throw KeyFileError(path: path, reason: .notText) }
        return text
    }

    fileprivate static func content(of path: String, limit: Int) throws(KeyFileError) -> [UInt8] {
        guard !path.hasPrefix(secretPrefix) else { throw KeyFileError(path: "", reason: .secretKeyAsPath) }
        let file = try open(path, O_RDONLY)
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit + 1, 65_536))
        defer { Sodium.wipe(&chunk) }
        while true {
            guard let count = try? file.readBytes(into: &chunk) else {
                Sodium.wipe(&content)
                let isFolder = (try? file.status())?.kind != .file
                throw KeyFileError(path: path, reason: isFolder ? .notOrdinaryFile : .unreadable)
            }
            guard count > 0 else { return content }
            guard content.count + count <= limit else {
                Sodium.wipe(&content)
                throw KeyFileError(path: path, reason: .tooLarge(limit: limit))
            }
            content.grow(by: chunk[..<count])
        }
    }

    private static func open(_ path: String, _ flags: CInt) throws(KeyFileError) -> OpenFile {
        do throws(SystemError) {
            return try OpenFile(path, flags)
        } catch {
            throw KeyFileError(path: path, reason: error.isMissing ? .missing : .unreadable)
        }
    }

    /// The ranges of the lines. They are not slices, since a slice that is still there when the bytes are wiped would
    /// keep a copy.
    fileprivate static func lines(of bytes: [UInt8]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") {
            lines.append(start..<end)
            start = end + 1
        }
        return lines + [start..<bytes.count]
    }

    /// Returns true if a line is neither empty nor a comment.
    fileprivate static func isRelevant(_ line: Range<Int>, of bytes: [UInt8]) -> Bool {
        !line.isEmpty && bytes[line.lowerBound] != UInt8(ascii: "#")
    }

    /// Returns true if the first relevant line is a public key.
    fileprivate static func holdsPublicKey(_ bytes: [UInt8]) -> Bool {
        guard let first = lines(of: bytes).first(where: { isRelevant($0, of: bytes) }) else { return false }
        var text = Array(bytes[first])
        defer { Sodium.wipe(&text) }
        return endsWithPublicKey(text)
    }

    /// Returns true if the last field of a line is a public key. In NAME.pub the name comes first.
    fileprivate static func endsWithPublicKey(_ text: [UInt8]) -> Bool {
        text.split(separator: 0x20).last?.starts(with: publicPrefix.utf8) ?? false
    }

    fileprivate static let publicPrefix = "p2ppub1_"
    fileprivate static let secretPrefix = "P2PSECRET1_"
}

extension [UInt8] {
    /// Appends bytes. A buffer that becomes too small is wiped.
    fileprivate mutating func grow(by bytes: ArraySlice<UInt8>) {
        guard count + bytes.count > capacity else { return append(contentsOf: bytes) }
        var larger: [UInt8] = []
        larger.reserveCapacity(Swift.max(2 * capacity, count + bytes.count))
        larger.append(contentsOf: self)
        larger.append(contentsOf: bytes)
        Sodium.wipe(&self)
        self = larger
    }
}

extension SigningKey {
    /// Reads the secret key of a file that `p2p keygen` made: one line with the key; empty lines and lines that begin
    /// with `#` are skipped. All copies of the text are wiped.
    ///
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, not an ordinary file, longer than 4,095 bytes,
    ///   accessible to users other than its owner, or not a key.
    public convenience init(contentsOfFile path: String) throws(KeyFileError) {
        var bytes = try KeyFile.secretContent(of: path)
        defer { Sodium.wipe(&bytes) }
        let lines = KeyFile.lines(of: bytes).enumerated().filter { KeyFile.isRelevant($0.element, of: bytes) }
        guard let (index, line) = lines.first else { throw KeyFileError(path: path, reason: .noKey) }
        var text = Array(bytes[line])
        defer { Sodium.wipe(&text) }
        // Editors may leave spaces or CR at the end.
        while let last = text.last, last == 0x20 || last == 0x0D { text.removeLast() }
        do throws(KeyTextError) {
            guard !KeyFile.endsWithPublicKey(text) else { throw .publicKey }
            try self.init(text.span)
        } catch {
            throw KeyFileError(path: path, reason: .invalidKey(error, line: index + 1))
        }
        guard lines.count == 1 else {
            throw KeyFileError(path: path, reason: .severalKeys(line: lines[1].offset + 1))
        }
    }
}

extension PublicKey {
    /// Reads the public key of a file that `p2p keygen` made: the last field of the first line that is not empty and
    /// not a comment.
    ///
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, longer than 65,536 bytes, not text, or not a key.
    public init(contentsOfFile path: String) throws(KeyFileError) {
        var bytes = try KeyFile.content(of: path, limit: Limits.publicKeyFile)
        defer { Sodium.wipe(&bytes) }
        try KeyFile.checkNoSecret(bytes, path)
        let lines = try KeyFile.text(bytes, path).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#"), let field = line.split(separator: " ").last else { continue }
            do throws(KeyTextError) {
                try self.init(String(field))
                return
            } catch {
                throw KeyFileError(path: path, reason: .invalidKey(error, line: index + 1))
            }
        }
        throw KeyFileError(path: path, reason: .noKey)
    }
}

extension KeyFile {
    /// Refuses a file whose first key is a secret one, before its content is copied into a string that cannot be wiped.
    fileprivate static func checkNoSecret(_ bytes: [UInt8], _ path: String) throws(KeyFileError) {
        let first = lines(of: bytes).enumerated().first { isRelevant($0.element, of: bytes) }
        guard let first, bytes[first.element].starts(with: secretPrefix.utf8) else { return }
        throw KeyFileError(path: path, reason: .invalidKey(.secretKey, line: first.offset + 1))
    }
}

extension Roster {
    /// Reads an `authorized_peers` file; see ``init(_:)``.
    ///
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, longer than 16 MiB, not text, or has a wrong
    ///   line.
    public init(contentsOfFile path: String) throws(KeyFileError) {
        let text = try KeyFile.text(of: path, limit: Limits.rosterFile)
        do throws(RosterError) {
            try self.init(text)
        } catch {
            throw KeyFileError(path: path, reason: .invalidRoster(error))
        }
    }
}
