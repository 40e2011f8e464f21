#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Reads files that hold keys, passphrases or rosters (PROTOCOL.md, section 8). Buffers that may hold a secret are
/// wiped.
package enum KeyFile {
    /// Reads a file that holds a secret. The caller must wipe the returned bytes.
    ///
    /// Checks the permissions of a file if the file contains a secret key or `mayBePipe` is true. Any other file is
    /// read without this check, so that the caller can report the fault in the file's content. Always checks the
    /// permissions of a named pipe.
    ///
    /// - Parameters:
    ///   - groupMayRead: True to accept a file that its group, or a group in its ACL, may read.
    ///   - mayBePipe: True to accept a pipe too, and to read it until its end.
    package static func secretContent(
        of path: String, groupMayRead: Bool = false, mayBePipe: Bool = false
    ) throws(KeyFileError) -> [UInt8] {
        // A path that begins like a secret key is probably a secret, and errors are logged. So the error does not
        // contain the path.
        guard !secretPrefixes.contains(where: path.hasPrefix) else {
            throw KeyFileError(path: "", reason: .secretKeyAsPath)
        }
        // O_NONBLOCK: a FIFO without a writer must not block the caller.
        let file = try open(path, O_RDONLY | O_NONBLOCK)
        guard let status = try? file.status(), status.kind == .file || mayBePipe && status.kind == .pipe else {
            throw KeyFileError(path: path, reason: .notOrdinaryFile)
        }
        if status.kind == .pipe { try checkPipe(status, at: path) }
        var content: [UInt8] = []
        content.reserveCapacity(Limits.secretKeyFile)
        var buffer = [UInt8](repeating: 0, count: Limits.secretKeyFile)
        defer { Sodium.wipe(&buffer) }
        do throws(KeyFileError) {
            var count = 0
            repeat {
                if status.kind == .pipe { try waitForBytes(file, path) }
                guard let read = try? file.readBytes(into: &buffer) else {
                    throw KeyFileError(path: path, reason: .unreadable)
                }
                count = read
                content.append(contentsOf: buffer.prefix(min(count, Limits.secretKeyFile - content.count)))
            } while count > 0 && content.count < Limits.secretKeyFile
            if status.kind == .file, mayBePipe || holdsSecret(content[...]) {
                if let reason = exposure(status, groupMayRead: groupMayRead) {
                    throw KeyFileError(path: path, reason: reason)
                }
                try checkFolders(of: path)
            }
            guard content.count < Limits.secretKeyFile else {
                throw KeyFileError(path: path, reason: .tooLarge(limit: Limits.secretKeyFile - 1))
            }
            return content
        } catch {
            Sodium.wipe(&content)
            throw error
        }
    }

    /// Reads a text file or a pipe. The caller must wipe the returned bytes.
    ///
    /// Refuses a file or a named pipe that other users can change or replace.
    ///
    /// - Parameter limit: The largest size, in bytes.
    package static func content(of path: String, limit: Int) throws(KeyFileError) -> [UInt8] {
        guard !secretPrefixes.contains(where: path.hasPrefix) else {
            throw KeyFileError(path: "", reason: .secretKeyAsPath)
        }
        // O_NONBLOCK: a FIFO without a writer must not block the caller.
        let file = try open(path, O_RDONLY | O_NONBLOCK)
        var content: [UInt8] = []
        do throws(KeyFileError) {
            let status = try? file.status()
            if let status, status.kind == .file {
                guard status.belongsToTrusted else { throw KeyFileError(path: path, reason: .ownedByAnother) }
                guard !status.access.isWritable else { throw KeyFileError(path: path, reason: .writableByOthers) }
                try checkFolders(of: path)
            }
            if let status, status.kind == .pipe { try checkPipe(status, at: path) } else { file.makeBlocking() }
            var chunk = [UInt8](repeating: 0, count: min(limit + 1, 65_536))
            defer { Sodium.wipe(&chunk) }
            while true {
                if status?.kind == .pipe { try waitForBytes(file, path) }
                guard let count = try? file.readBytes(into: &chunk) else {
                    throw KeyFileError(path: path, reason: status?.kind == .file ? .unreadable : .notOrdinaryFile)
                }
                guard count > 0 else { return content }
                guard content.count + count <= limit else {
                    throw KeyFileError(path: path, reason: .tooLarge(limit: limit))
                }
                content.grow(by: chunk[..<count])
            }
        } catch {
            Sodium.wipe(&content)
            throw error
        }
    }

    /// Waits at most 10 s until a pipe has bytes or ends. The time is limited because a server answers no peer during
    /// the wait.
    private static func waitForBytes(_ file: borrowing OpenFile, _ path: String) throws(KeyFileError) {
        guard file.waitForBytes(within: Limits.pipePatience) else {
            throw KeyFileError(path: path, reason: .silentPipe)
        }
    }

    /// Returns the reason to refuse a file that holds a secret; nil if only permitted users can access the file.
    private static func exposure(_ status: FileStatus, groupMayRead: Bool) -> KeyFileReason? {
        guard status.belongsToTrusted else { return .ownedByAnother }
        let (group, others) = (status.access.group, status.access.others)
        guard others.isEmpty, group.isSubset(of: .read) else { return .readableByOthers }
        return group.isEmpty || groupMayRead ? nil : .readableByGroup
    }

    /// Refuses a file that other users can replace because they may write to its folder. If the path is a symbolic
    /// link, the folders of the link and of its target are checked. In a sticky folder such as `/tmp`, other users
    /// cannot replace a file of root or of this process's user.
    private static func checkFolders(of path: String) throws(KeyFileError) {
        let folders = [folder(of: path)] + (FileStatus.resolved(path).map { [folder(of: $0)] } ?? [])
        for folder in folders {
            guard let status = try? FileStatus(of: folder) else {
                throw KeyFileError(path: path, reason: .unreadable)
            }
            guard status.keepsFiles else {
                throw KeyFileError(path: path, reason: .folderWritableByOthers(folder: folder))
            }
        }
    }

    /// Refuses a named pipe that other users can write to or replace, because they could then choose what this process
    /// reads. An unnamed pipe, such as that of `<(…)`, is accepted, because the user who started the process made the
    /// pipe.
    private static func checkPipe(_ status: FileStatus, at path: String) throws(KeyFileError) {
        guard FileStatus.resolved(path) != nil else { return }
        guard status.belongsToTrusted else { throw KeyFileError(path: path, reason: .ownedByAnother) }
        guard !status.access.isWritable else { throw KeyFileError(path: path, reason: .writableByOthers) }
        try checkFolders(of: path)
    }

    /// Returns the folder part of a path.
    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func open(_ path: String, _ flags: CInt) throws(KeyFileError) -> OpenFile {
        do throws(SystemError) {
            return try OpenFile(path, flags)
        } catch {
            throw KeyFileError(path: path, reason: error.isMissing ? .missing : .unreadable)
        }
    }

    fileprivate static func next(
        _ lines: inout TextLines, in bytes: Span<UInt8>, of path: String
    ) throws(KeyFileError) -> TextLines.Line? {
        do throws(TextFault) {
            return try lines.next(in: bytes)
        } catch {
            switch error {
            case .notUTF8(let line): throw KeyFileError(path: path, reason: .notText(line: line))
            case .controlCharacter(let line): throw KeyFileError(path: path, reason: .controlCharacter(line: line))
            }
        }
    }

    /// Returns the first line that is neither empty nor only a comment.
    fileprivate static func firstLine(_ bytes: Span<UInt8>, of path: String) throws(KeyFileError) -> TextLines.Line {
        var lines = TextLines()
        guard let line = try next(&lines, in: bytes, of: path) else {
            throw KeyFileError(path: path, reason: .noKey)
        }
        return line
    }

    /// Throws if a line after `line` contains anything but a comment, or if the text is malformed.
    fileprivate static func checkEnd(
        after line: TextLines.Line, _ bytes: Span<UInt8>, of path: String
    ) throws(KeyFileError) {
        var lines = TextLines()
        while let next = try next(&lines, in: bytes, of: path) {
            guard next.number != line.number else { continue }
            let isKey = next.fields.contains { field in
                (secretPrefixes + [publicPrefix]).contains { begins(field, with: $0, bytes) }
            }
            throw KeyFileError(
                path: path, reason: isKey ? .severalKeys(line: next.number) : .unexpectedText(line: next.number))
        }
    }

    fileprivate static func begins(_ field: Range<Int>, with prefix: String, _ bytes: Span<UInt8>) -> Bool {
        guard field.count >= prefix.utf8.count else { return false }
        for (index, byte) in zip(field, prefix.utf8) where bytes[index] != byte { return false }
        return true
    }

    fileprivate static let publicPrefix = "p2ppub1_"
    /// The prefixes of secret keys: first for a key without a passphrase, then for a key with a passphrase.
    fileprivate static let secretPrefixes = ["P2PSECRET1_", sealedPrefix]
    private static let sealedPrefix = "P2PSEALED1_"
}

extension [UInt8] {
    /// Appends bytes. If the buffer becomes too small, its content moves to a larger buffer, and the old buffer is
    /// wiped.
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
    /// Reads the secret key of a file that `p2p keygen` made: one line with the key. Empty lines and comments, from `#`
    /// to the end of the line, are skipped. All copies of the text are wiped.
    ///
    /// The file must belong to root or to this process's user. Neither the mode nor the ACL of the file may give
    /// permissions to anybody else. Nobody else may be able to replace the file in its folder.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - groupMayRead: True to accept a file that its group may read. Container platforms make the files of secrets
    ///     readable by a group.
    ///   - passphrase: The passphrase of the key. It is not used if the key has no passphrase.
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, not an ordinary file, longer than 4,095 bytes or
    ///   accessible to other users, or if it does not contain exactly one secret key. If `passphrase` is wrong, or is
    ///   nil although the key has a passphrase, the reason is ``KeyFileReason/invalidKey(_:line:)``.
    public convenience init(
        contentsOfFile path: String, groupMayRead: Bool = false, passphrase: Passphrase? = nil
    ) throws(KeyFileError) {
        var bytes = try KeyFile.secretContent(of: path, groupMayRead: groupMayRead)
        defer { Sodium.wipe(&bytes) }
        let line = try KeyFile.firstLine(bytes.span, of: path)
        do throws(KeyTextError) {
            if let last = line.fields.last, KeyFile.begins(last, with: KeyFile.publicPrefix, bytes.span) {
                throw .publicKey
            }
            try self.init(bytes.span.extracting(line.fields[0]), passphrase: passphrase)
        } catch {
            throw KeyFileError(path: path, reason: .invalidKey(error, line: line.number))
        }
        guard line.fields.count == 1 else {
            throw KeyFileError(path: path, reason: .unexpectedText(line: line.number))
        }
        try KeyFile.checkEnd(after: line, bytes.span, of: path)
    }
}

extension KeyFile {
    /// Returns true if the first 4,096 bytes of the file at `path` contain the prefix of a secret key; false also if
    /// the file cannot be read. The permissions of the file are not checked.
    package static func holdsSecret(_ path: String) -> Bool {
        guard var bytes = beginning(of: path) else { return false }
        defer { Sodium.wipe(&bytes) }
        return holdsSecret(bytes[...])
    }

    /// Returns the first bytes of an ordinary file, at most 4,096; nil if there is no such file or it cannot be read.
    /// The caller must wipe the returned bytes.
    private static func beginning(of path: String) -> [UInt8]? {
        guard let file = try? OpenFile(path, O_RDONLY | O_NONBLOCK), (try? file.status())?.kind == .file else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: Limits.secretKeyFile)
        defer { Sodium.wipe(&bytes) }
        guard let count = try? file.readBytes(into: &bytes) else { return nil }
        return Array(bytes[..<count])
    }

    /// Returns true if the bytes contain the prefix of a secret key, even in a comment or in malformed text.
    private static func holdsSecret(_ bytes: ArraySlice<UInt8>) -> Bool {
        secretPrefixes.contains { prefix in
            let prefix = Array(prefix.utf8)
            return bytes.indices.contains { bytes[$0...].starts(with: prefix) }
        }
    }

    /// Returns true if the file at `path` contains a secret key with a passphrase. The permissions of the file are not
    /// checked.
    package static func hasPassphrase(_ path: String) -> Bool {
        guard var bytes = beginning(of: path) else { return false }
        defer { Sodium.wipe(&bytes) }
        guard let line = try? firstLine(bytes.span, of: path) else { return false }
        return begins(line.fields[0], with: sealedPrefix, bytes.span)
    }

    /// Returns the content of a secret key's file, with the key replaced by `text`. The caller must wipe the returned
    /// bytes.
    package static func content(
        of path: String, groupMayRead: Bool, replacingKeyBy text: Span<UInt8>
    ) throws(KeyFileError) -> [UInt8] {
        var old = try secretContent(of: path, groupMayRead: groupMayRead)
        defer { Sodium.wipe(&old) }
        let key = try firstLine(old.span, of: path).fields[0]
        var new: [UInt8] = []
        new.reserveCapacity(old.count + text.count)
        new.append(contentsOf: old[..<key.lowerBound])
        for index in 0..<text.count { new.append(text[index]) }
        new.append(contentsOf: old[key.upperBound...])
        return new
    }
}

extension Passphrase {
    /// Reads a passphrase from a file of one line, or from a pipe. A byte order mark at the beginning, and LF or CR LF
    /// at the end, are not part of the passphrase. All copies of the text are wiped.
    ///
    /// A file must belong to root or to this process's user, and nobody else may have permissions for the file or be
    /// able to replace it. These are also the rules for the file of a secret key.
    ///
    /// This call blocks its thread. At a pipe, it waits up to 10 s for the next bytes, and then throws
    /// ``KeyFileReason/silentPipe``.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - groupMayRead: True to accept a file that its group may read.
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, longer than 4,095 bytes or accessible to other
    ///   users, or if it does not contain a valid passphrase.
    public convenience init(contentsOfFile path: String, groupMayRead: Bool = false) throws(KeyFileError) {
        var bytes = try KeyFile.secretContent(of: path, groupMayRead: groupMayRead, mayBePipe: true)
        defer { Sodium.wipe(&bytes) }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let start = bytes.starts(with: mark) ? mark.count : 0
        var end = bytes.count
        for byte in [UInt8(ascii: "\n"), UInt8(ascii: "\r")] where end > start && bytes[end - 1] == byte { end -= 1 }
        do throws(PassphraseError) {
            try self.init(bytes.span.extracting(start..<end))
        } catch {
            throw KeyFileError(path: path, reason: .invalidPassphrase(error))
        }
    }
}

extension PublicKey {
    /// Reads the public key of a file that `p2p keygen` made: one line with the key, or with a name and the key. Empty
    /// lines and comments are skipped.
    ///
    /// Only root and this process's user may be able to change the file. The file may be a pipe. This call blocks its
    /// thread. At a pipe, it waits up to 10 s for the next bytes, and then throws ``KeyFileReason/silentPipe``.
    ///
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, longer than 65,536 bytes or not text, if it does
    ///   not contain exactly one public key, or if other users can change or replace it.
    public init(contentsOfFile path: String) throws(KeyFileError) {
        self = try KeyFile.publicKey(of: path).key
    }
}

extension KeyFile {
    /// Reads the public key of a file, and the name before the key if there is one.
    package static func publicKey(of path: String) throws(KeyFileError) -> (name: PeerName?, key: PublicKey) {
        var bytes = try content(of: path, limit: Limits.publicKeyFile)
        defer { Sodium.wipe(&bytes) }
        let line = try firstLine(bytes.span, of: path)
        guard line.fields.count <= 2 else {
            throw KeyFileError(path: path, reason: .unexpectedText(line: line.number))
        }
        let key: PublicKey
        do throws(KeyTextError) {
            for field in line.fields where secretPrefixes.contains(where: { begins(field, with: $0, bytes.span) }) {
                throw .secretKey
            }
            key = try PublicKey(utf8: bytes.span.extracting(line.fields[line.fields.count - 1]))
        } catch {
            throw KeyFileError(path: path, reason: .invalidKey(error, line: line.number))
        }
        var name: PeerName?
        if line.fields.count == 2 {
            name = PeerName(utf8: [UInt8](copying: bytes.span.extracting(line.fields[0])))
            if name == nil { throw KeyFileError(path: path, reason: .invalidName(line: line.number)) }
        }
        try checkEnd(after: line, bytes.span, of: path)
        return (name, key)
    }
}

extension Roster {
    /// Reads an `authorized_peers` file. ``init(_:)`` describes the format. Only root and this process's user may be
    /// able to change the file. The file may be a pipe. This call blocks its thread. At a pipe, it waits up to 10 s for
    /// the next bytes, and then throws ``KeyFileReason/silentPipe``.
    ///
    /// - Throws: ``KeyFileError`` if the file is missing, unreadable, longer than 16 MiB or not text, if it has an
    ///   invalid line, or if other users can change or replace it.
    public init(contentsOfFile path: String) throws(KeyFileError) {
        var bytes = try KeyFile.content(of: path, limit: Limits.rosterFile)
        defer { Sodium.wipe(&bytes) }
        do throws(RosterError) {
            try self.init(utf8: bytes.span)
        } catch {
            throw KeyFileError(path: path, reason: .invalidRoster(error))
        }
    }
}
