#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The file in which a server keeps its directory across a restart (PROTOCOL.md, section 5.10).
///
/// The file has slots of 256 bytes. The first slot is the header: 16 bytes that name the format, the mesh key (32), the
/// directory id (8), the version (8) and the number of starts (8). Each other slot is free, or holds a member: 1 (1),
/// the server's address that the member uses (19), the hash of the member's ENTRY (32), the size of the ENTRY (1), and
/// the ENTRY. A free slot begins with 0. All numbers are big-endian.
///
/// A change of a member writes one slot, and each publication writes the header, so the cost does not grow with the
/// mesh. The operating system may write the slots to the disk later and in any order. So after a crash of the host, the
/// file may hold an older directory, or a mixture of two. A mixture can also remain if the process is killed between
/// two writes. A slot whose hash is wrong counts as free. Members whose directory differs get a SNAPSHOT.
final class DirectoryFile {
    let path: String
    private let file: OpenFile
    private let mesh: PublicKey
    /// The directory that the file held when it was opened. The server removes it here, to save memory.
    var kept: KeptDirectory?
    private var slots: [SessionID: Int] = [:]
    private var free: [Int] = []
    private var slotCount = 0
    private var hasFailed = false

    /// Opens the file, or creates it, and reads it. As long as this object exists, no other server can use the file.
    ///
    /// - Parameter mesh: The mesh key of the server.
    /// - Throws: `cannotKeepDirectory`.
    convenience init(_ path: String, mesh: PublicKey) throws(MeshError) {
        let file: OpenFile
        do throws(SystemError) {
            file = try OpenFile(path, Self.openFlags | O_CREAT, mode: 0o600)
        } catch {
            throw .cannotKeepDirectory(path: path, reason: error.message)
        }
        try self.init(file, path, mesh: mesh)
    }

    private init(_ file: consuming OpenFile, _ path: String, mesh: PublicKey) throws(MeshError) {
        self.path = path
        self.mesh = mesh
        self.file = file
        guard let status = try? self.file.status(), status.kind == .file else {
            throw .cannotKeepDirectory(path: path, reason: "it is not an ordinary file")
        }
        let folder = try? FileStatus(of: KeyFile.folder(of: path))
        guard status.belongsToTrusted, !status.access.isWritable, folder?.keepsFiles == true else {
            throw .cannotKeepDirectory(path: path, reason: Self.othersCanChange)
        }
        guard self.file.lock() else {
            throw .cannotKeepDirectory(path: path, reason: "another server uses it")
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Self.content(of: self.file)
        } catch {
            throw .cannotKeepDirectory(path: path, reason: error.message)
        }
        guard let header = Self.Header(bytes, mesh: mesh) else {
            throw .cannotKeepDirectory(path: path, reason: "it holds something else")
        }
        guard header.mesh == mesh else {
            throw .cannotKeepDirectory(path: path, reason: "it holds the directory of another server key")
        }
        var members: [KeptMember] = []
        slotCount = max((bytes.count + Self.slotSize - 1) / Self.slotSize, 1)
        for slot in 1..<max(slotCount, 1) {
            let start = slot * Self.slotSize
            let member = Self.member(bytes[start..<min(start + Self.slotSize, bytes.count)])
            if let member, slots[member.entry.session] == nil {
                slots[member.entry.session] = slot
                members.append(member)
            } else {
                free.append(slot)
            }
        }
        kept = KeptDirectory(id: header.id, version: header.version, starts: header.starts, members: members)
    }

    /// Checks that a server could use the file. Does not create or change it.
    ///
    /// - Parameter mesh: The mesh key of the server.
    /// - Returns: The number of members in the file; nil if there is no file yet.
    /// - Throws: `cannotKeepDirectory`.
    static func check(_ path: String, mesh: PublicKey) throws(MeshError) -> Int? {
        let file: OpenFile
        do throws(SystemError) {
            file = try OpenFile(path, openFlags)
        } catch {
            guard error.code == ENOENT else { throw .cannotKeepDirectory(path: path, reason: error.message) }
            try checkFolder(of: path)
            return nil
        }
        return try DirectoryFile(file, path, mesh: mesh).kept?.members.count
    }

    /// Checks that a file could be created at the path.
    private static func checkFolder(of path: String) throws(MeshError) {
        let folder = KeyFile.folder(of: path)
        let isKept: Bool
        do throws(SystemError) {
            isKept = try FileStatus(of: folder).keepsFiles
            try FileStatus.checkWritable(folder: folder)
        } catch {
            throw .cannotKeepDirectory(path: path, reason: error.message)
        }
        guard isKept else { throw .cannotKeepDirectory(path: path, reason: othersCanChange) }
    }

    /// Stores a change. After an error, the file is emptied, and later changes are not stored.
    ///
    /// - Returns: The system's text for the error; nil if there was none.
    func store(_ change: KeptChange) -> String? {
        guard !hasFailed else { return nil }
        do throws(SystemError) {
            for session in change.removed {
                guard let slot = slots.removeValue(forKey: session) else { continue }
                try file.write([0], at: slot * Self.slotSize)
                free.append(slot)
            }
            for member in change.added {
                let slot = free.popLast() ?? slotCount
                slotCount = max(slotCount, slot + 1)
                slots[member.entry.session] = slot
                try file.write(Self.encoded(member), at: slot * Self.slotSize)
            }
            let header = Header(mesh: mesh, id: change.id, version: change.version, starts: change.starts)
            try file.write(header.encoded, at: 0)
            return nil
        } catch {
            hasFailed = true
            file.empty()
            return error.message
        }
    }

    private static let openFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK
    private static let othersCanChange = "other users can change or replace it"
    private static let slotSize = 256
    /// The size of a file with as many members as a directory can have.
    private static let largest = slotSize * (1 + Limits.directoryEntries)
}

// MARK: the format

extension DirectoryFile {
    private struct Header {
        let mesh: PublicKey
        let id: UInt64
        let version: UInt64
        let starts: UInt64

        init(mesh: PublicKey, id: UInt64, version: UInt64, starts: UInt64) {
            (self.mesh, self.id, self.version, self.starts) = (mesh, id, version, starts)
        }

        /// Reads the header of a file. An empty file is one that holds no directory yet. Returns nil if the file has
        /// another format.
        init?(_ bytes: [UInt8], mesh: PublicKey) {
            guard !bytes.isEmpty else {
                self.init(mesh: mesh, id: 0, version: 1, starts: 0)
                return
            }
            var reader = ByteReader(at: Self.name.count)
            guard bytes.starts(with: Self.name), let key = try? reader.bytes32(bytes.span),
                let id = try? reader.uint64(bytes.span), let version = try? reader.uint64(bytes.span),
                let starts = try? reader.uint64(bytes.span), version > 0, starts < .max
            else { return nil }
            self.init(mesh: PublicKey(bytes: key), id: id, version: version, starts: starts)
        }

        var encoded: [UInt8] {
            var bytes = Self.name
            mesh.bytes.append(to: &bytes)
            bytes.append(bigEndian: id)
            bytes.append(bigEndian: version)
            bytes.append(bigEndian: starts)
            return bytes
        }

        private static let name = Array("p2p directory 1\n".utf8)
    }

    private static func encoded(_ member: KeptMember) -> [UInt8] {
        var entry: [UInt8] = []
        member.entry.append(to: &entry)
        var bytes: [UInt8] = [1]
        member.local.append(to: &bytes)
        member.entry.hash.append(to: &bytes)
        bytes.append(UInt8(entry.count))
        return bytes + entry
    }

    /// Returns the member in a slot; nil if the slot is free.
    private static func member(_ slot: ArraySlice<UInt8>) -> KeptMember? {
        let bytes = Array(slot)
        let span = bytes.span
        var reader = ByteReader()
        guard (try? reader.uint8(span)) == 1, let local = try? SocketAddress(&reader, span),
            let hash = try? reader.bytes32(span), let size = try? reader.uint8(span),
            let start = try? reader.take(Int(size), of: span),
            let entry = entry(bytes[start..<start + Int(size)]), entry.hash == hash
        else { return nil }
        return KeptMember(entry: entry, local: local)
    }

    private static func entry(_ slice: ArraySlice<UInt8>) -> Entry? {
        let bytes = Array(slice)
        var reader = ByteReader()
        guard let entry = try? Entry(&reader, bytes.span), (try? reader.finish(bytes.span)) != nil else { return nil }
        return entry
    }

    /// Reads the whole file.
    private static func content(of file: borrowing OpenFile) throws(SystemError) -> [UInt8] {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try file.readBytes(into: &chunk)
            guard count > 0 else { return content }
            guard content.count + count <= largest else { throw SystemError(EFBIG) }
            content.append(contentsOf: chunk[..<count])
        }
    }
}
