internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The system calls on socket files and their folders.
///
/// This is the only file of this target with `unsafe`.
enum SocketFiles {
    /// The id of this process.
    static var process: Int32 { getpid() }
    /// The effective user of this process.
    static var user: UInt32 { geteuid() }

    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Makes a folder that only its owner may enter, unless the path exists.
    static func makeFolder(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o700) == 0 {
            // The mode must not depend on the process's umask.
            unsafe chmod(path, 0o700)
        } else if errno != EEXIST {
            throw SystemError()
        }
    }

    /// Returns the status of a file; nil if the file does not exist. Does not follow a symbolic link.
    static func status(_ path: String) throws(SystemError) -> SocketFileStatus? {
        var status = stat()
        guard unsafe lstat(path, &status) != 0 else { return SocketFileStatus(status) }
        let error = SystemError()
        guard error.isMissing else { throw error }
        return nil
    }

    /// Gives a file the mode 0600, and returns its status.
    static func allowOwnerOnly(_ path: String) throws(SystemError) -> SocketFileStatus {
        var status = stat()
        guard unsafe chmod(path, 0o600) == 0, unsafe lstat(path, &status) == 0 else { throw SystemError() }
        return SocketFileStatus(status)
    }

    /// Renames a file. Atomically replaces a file that is already at `path`.
    static func rename(_ old: String, to path: String) throws(SystemError) {
        #if canImport(Glibc)
            let result = unsafe Glibc.rename(old, path)
        #elseif canImport(Musl)
            let result = unsafe Musl.rename(old, path)
        #else
            let result = unsafe Darwin.rename(old, path)
        #endif
        guard result == 0 else { throw SystemError() }
    }

    static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    /// Returns up to 4,096 names in a folder, and no names if the folder cannot be read.
    static func names(in folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while names.count < 4_096, let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names
    }

    /// Returns true if a process listens at a socket file.
    ///
    /// - Throws: `SystemError` if a system call fails, so that it is not known whether a process listens.
    static func isListening(_ path: String) throws(SystemError) -> Bool {
        #if canImport(Glibc)
            let type = CInt(SOCK_STREAM.rawValue)
        #else
            let type = SOCK_STREAM
        #endif
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SystemError() }
        defer { close(descriptor) }
        // `connect` must not block if the listener's queue of connections is full.
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < longestPath else { throw SystemError(ENAMETOOLONG) }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, size) }
        }
        if result == 0 { return true }
        let error = SystemError()
        switch error.code {
        case ECONNREFUSED, ENOENT: return false
        case EAGAIN, EINPROGRESS: return true
        default: throw error
        }
    }

    /// The number of bytes for the path in a socket address, including the zero byte that ends the path.
    static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

    #if canImport(Darwin)
        typealias Credentials = xucred
        static let credentialsLevel = CInt(SOL_LOCAL)
        static let credentialsOption = CInt(LOCAL_PEERCRED)
        static func user(of credentials: Credentials) -> UInt32 { credentials.cr_uid }
    #else
        /// The structure `ucred` of unix(7).
        struct Credentials: Sendable {
            let process: Int32
            let user: UInt32
            let group: UInt32
        }

        static let credentialsLevel = CInt(SOL_SOCKET)
        static let credentialsOption = CInt(SO_PEERCRED)
        static func user(of credentials: Credentials) -> UInt32 { credentials.user }
    #endif
}

/// The kind, the owner and the mode bits of a file, with its device and its inode number, which identify the file.
struct SocketFileStatus {
    enum Kind {
        case socket
        case folder
        case other
    }

    let kind: Kind
    let owner: UInt32
    let mode: UInt32
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFSOCK: .socket
            case S_IFDIR: .folder
            default: .other
            }
        owner = status.st_uid
        mode = UInt32(status.st_mode & 0o7777)
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }

    /// Returns true if both statuses are of the same file, even if its owner or its mode has changed.
    func isSameFile(as other: SocketFileStatus) -> Bool { device == other.device && number == other.number }
}
