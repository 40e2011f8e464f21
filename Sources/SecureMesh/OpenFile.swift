#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#else
    package import Darwin
#endif

/// The error of a system call.
package struct SystemError: Error {
    /// The value of `errno`.
    package let code: CInt

    /// Reads `errno`: the error of the last system call that failed on this thread.
    package init() {
        code = errno
    }

    package init(_ code: CInt) {
        self.code = code
    }

    /// The system's text for the error, with its number.
    package var message: String {
        let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "unknown error"
        return "\(text) (errno: \(code))"
    }

    /// True if the error means that there is no file at the path.
    package var isMissing: Bool { code == ENOENT || code == ENOTDIR }

    /// True if the permissions of the file, or of a folder in its path, forbid the access.
    package var isDenied: Bool { code == EACCES || code == EPERM }
}

/// The kind, the owner and the permissions of a file.
package struct FileStatus {
    package enum Kind {
        case file
        case folder
        case pipe
        case other
    }

    package let kind: Kind
    package let owner: uid_t
    package let group: gid_t
    /// The permission bits, such as 0o600.
    package let mode: mode_t
    /// The permissions of all users except the owner, root and this process's user.
    package let access: FileAccess

    fileprivate init(_ status: stat, acl: [UInt8]?) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFIFO: .pipe
            default: .other
            }
        owner = status.st_uid
        group = status.st_gid
        mode = status.st_mode & 0o7777
        access = FileAccess(mode: UInt32(status.st_mode & 0o777), acl: acl, trusted: [0, geteuid()])
    }

    /// Reads the status of the file at `path`. Follows symbolic links.
    package init(of path: String) throws(SystemError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw SystemError() }
        self.init(status, acl: ExtendedAttribute.accessList(of: path))
    }

    package var belongsToUser: Bool { owner == geteuid() }
    /// True if the owner is root or this process's user. Both of them can read this process's keys in any case.
    package var belongsToTrusted: Bool { owner == 0 || belongsToUser }
    /// True for a folder in which nobody else can replace the files of root and of this process's user. In a sticky
    /// folder, only the owner of a file and the owner of the folder may remove the file.
    package var keepsFiles: Bool { belongsToTrusted && (mode & 0o1000 != 0 || !access.isWritable) }
}

extension FileStatus {
    /// Checks that this process may create files in the folder.
    package static func checkWritable(folder: String) throws(SystemError) {
        guard unsafe faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 else { throw SystemError() }
    }

    /// Returns the absolute path of the file at `path`, with all symbolic links resolved; nil if the file does not
    /// exist.
    package static func resolved(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        return unsafe String(validatingCString: resolved)
    }
}

/// An open file, which is closed when this value is destroyed.
package struct OpenFile: ~Copyable {
    package let descriptor: CInt

    /// Opens a file. Child processes do not inherit the descriptor. Throws ENOENT if the path contains a zero byte,
    /// because the system would end the path at this byte and open another file.
    ///
    /// - Parameters:
    ///   - flags: The flags of open(2).
    ///   - mode: The permission bits of a file that is created, before the process's umask is applied.
    package init(_ path: String, _ flags: CInt, mode: mode_t = 0) throws(SystemError) {
        let isWhole = !path.utf8.contains(0)
        descriptor = isWhole ? unsafe open(path, flags | O_CLOEXEC, mode) : -1
        guard descriptor >= 0 else { throw isWhole ? SystemError() : SystemError(ENOENT) }
    }

    deinit {
        close(descriptor)
    }

    package func status() throws(SystemError) -> FileStatus {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw SystemError() }
        return FileStatus(status, acl: ExtendedAttribute.accessList(of: descriptor))
    }

    /// The ACL of the file in the kernel's format; nil if the file has no ACL.
    package var accessList: [UInt8]? { ExtendedAttribute.accessList(of: descriptor) }

    /// Sets the ACL of the file, in the kernel's format.
    package func setAccessList(_ acl: [UInt8]) throws(SystemError) {
        guard ExtendedAttribute.setAccessList(acl, of: descriptor) == 0 else { throw SystemError() }
    }

    /// Clears O_NONBLOCK, so that reads wait for bytes.
    package func makeBlocking() {
        _ = fcntl(descriptor, F_SETFL, 0)
    }

    /// Waits until a pipe has bytes or its writer has closed it.
    ///
    /// - Parameter limit: The longest time to wait.
    /// - Returns: True if there are bytes or the pipe was closed; false if `limit` has passed. If no writer has opened
    ///   the pipe yet, the wait continues.
    package func waitForBytes(within limit: Duration) -> Bool {
        let end = ContinuousClock.now + limit
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let left = CInt(max((end - ContinuousClock.now) / .milliseconds(1), 0).rounded(.up))
            let count = unsafe poll(&event, 1, left)
            guard count < 0, errno == EINTR else { return count != 0 }
        }
    }

    /// Takes the exclusive advisory lock of the file, flock(2).
    ///
    /// - Returns: False if the file is locked already.
    func lock() -> Bool {
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    /// Writes all bytes at an offset.
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let rest = Array(bytes[written...])
            let count = unsafe pwrite(descriptor, rest, rest.count, off_t(offset + written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError() }
            written += count
        }
    }

    /// Removes the content of the file.
    func empty() {
        _ = ftruncate(descriptor, 0)
    }

    /// Reads the bytes that are available, but not more than the size of the buffer.
    ///
    /// - Returns: The number of bytes; 0 at the end of the file.
    package func readBytes(into buffer: inout [UInt8]) throws(SystemError) -> Int {
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemError() }
        }
    }
}
