internal import SecureMesh

#if canImport(CStatfs)
    internal import CStatfs
#endif
#if canImport(CTimex)
    internal import CTimex
#endif
#if canImport(CUio)
    internal import CUio
#endif
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension SystemError {
    /// The system's description of the error, such as "No space left on device".
    var text: String { unsafe String(cString: strerror(code)) }

    /// True for EPIPE: the pipe has no reader.
    var isBrokenPipe: Bool { code == EPIPE }

    /// True for EBUSY: the file cannot be replaced because it is a mount point. A single file can be mounted into a
    /// container.
    var isMountPoint: Bool { code == EBUSY }

    /// True for EPERM: something other than the permissions may forbid the access, such as the attribute of an
    /// immutable file.
    var isForbidden: Bool { code == EPERM }

    /// True for EROFS: the file system is mounted read-only.
    var isReadOnly: Bool { code == EROFS }

    /// True for EBADF: the descriptor is not open, or not open for writing.
    var isClosed: Bool { code == EBADF }

    /// True if the disk is full, the quota is used up, or the file is at its size limit.
    var isFull: Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }

    /// True for ELOOP: the path is a symbolic link, and the call does not allow one.
    var isLoop: Bool { code == ELOOP }

    /// True for EEXIST: there is already a file of that name.
    var isExisting: Bool { code == EEXIST }

    /// True if the same call may succeed later.
    var isTemporary: Bool { code == EINTR || code == EAGAIN }
}

/// Wraps system calls that concern files, the environment and the time. Most of these calls take pointers.
enum FileSystem {
    static let standardInput = STDIN_FILENO
    static let standardOutput = STDOUT_FILENO
    static let standardError = STDERR_FILENO

    static var processNumber: Int32 { getpid() }

    static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

    /// Returns true if an environment variable has a value that is not UTF-8.
    static func isNoText(environment name: String) -> Bool {
        guard let value = unsafe getenv(name) else { return false }
        return unsafe String(validatingCString: value) == nil
    }

    /// Returns the value of an environment variable, or nil if it is not set.
    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// The names of all environment variables.
    static var environmentNames: [String] {
        var names: [String] = []
        #if canImport(Darwin)
            guard var entry = unsafe _NSGetEnviron().pointee else { return names }
        #else
            var entry = unsafe environ
        #endif
        while let text = unsafe entry.pointee {
            names.append(String(unsafe String(cString: text).prefix { $0 != "=" }))
            unsafe entry += 1
        }
        return names
    }

    /// Returns the status of the file at `path`. Follows symbolic links.
    static func status(of path: String) throws(SystemError) -> FileStatus {
        try FileStatus(of: path)
    }

    /// The effective user ID of this process, as text for `chown`.
    static var user: String { "\(geteuid())" }

    /// Returns the device number and the inode number of the file behind a descriptor, in the form of `JOURNAL_STREAM`
    /// (systemd.exec(5)); nil if fstat(2) fails.
    static func identity(of descriptor: CInt) -> String? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }

    static func exists(_ path: String) -> Bool { (try? status(of: path)) != nil }

    static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

    /// Writes bytes to the device or the pipe at `path`.
    static func writeDirectly(_ content: [UInt8], to path: String) throws(SystemError) {
        try OpenFile(path, O_WRONLY).writeAll(content)
    }

    /// Returns true if `path` itself is a symbolic link. The target of the link need not exist.
    static func isLink(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// Returns true if `path` itself is a symbolic link that belongs neither to root nor to the user of this process.
    static func isForeignLink(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
            && status.st_uid != 0 && status.st_uid != geteuid()
    }

    /// Makes a hard link to a file. Fails if a file has the name of the link already.
    static func link(_ path: String, as name: String) throws(SystemError) {
        guard unsafe linkat(AT_FDCWD, path, AT_FDCWD, name, 0) == 0 else { throw SystemError() }
    }

    /// Renames a file. If another file has the new name, that other file is replaced.
    static func rename(_ path: String, to name: String) throws(SystemError) {
        guard unsafe renameat(AT_FDCWD, path, AT_FDCWD, name) == 0 else { throw SystemError() }
    }

    /// Waits for the lock of a folder. The process then holds the lock until `folder` is closed.
    ///
    /// - Returns: True if the process has the lock; false if another process still holds it after five seconds.
    static func lock(_ folder: borrowing OpenFile) throws(SystemError) -> Bool {
        for _ in 0..<100 {
            if flock(folder.descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw SystemError() }
            usleep(50_000)
        }
        return false
    }

    /// Waits until the descriptor has bytes, and reads at most `most` of them. If a signal interrupts the call, repeats
    /// it.
    ///
    /// - Returns: The bytes; an empty array at the end of the input.
    static func readSome(_ most: Int, from descriptor: CInt) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: most)
        while true {
            let count = unsafe read(descriptor, &bytes, bytes.count)
            if count >= 0 { return Array(bytes.prefix(count)) }
            guard errno == EINTR else { throw SystemError() }
        }
    }

    /// Writes all bytes, or throws.
    static func writeAll(_ content: [UInt8], to descriptor: CInt) throws(SystemError) {
        var rest = content[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw count < 0 ? SystemError() : SystemError(EIO) }
            rest = rest.dropFirst(count)
        }
    }

    /// The largest number of bytes whose write to a pipe is atomic (PIPE_BUF).
    static let pipeAtom = Int(PIPE_BUF)

    /// Writes as many of the bytes as the descriptor takes.
    ///
    /// - Returns: The number of bytes written; 0 if the descriptor is non-blocking and takes none.
    static func writeSome(_ content: [UInt8], to descriptor: CInt) throws(SystemError) -> Int {
        while true {
            let count = unsafe content.withUnsafeBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count > 0 { return count }
            switch count < 0 ? errno : EIO {
            case EINTR: continue
            case EAGAIN: return 0
            case let code: throw SystemError(code)
            }
        }
    }

    /// Writes bytes without waiting for a reader, even if the descriptor is a blocking one. Linux supports this for
    /// pipes and sockets, but not for files and terminals.
    ///
    /// - Parameter content: At most `pipeAtom` bytes. A pipe takes either all or none of them.
    /// - Returns: The number of bytes written; nil if none were written.
    static func writeWithoutWaiting(_ content: [UInt8], to descriptor: CInt) -> Int? {
        #if canImport(CUio) && canImport(Glibc)
            var content = content
            let count = unsafe content.withUnsafeMutableBytes { bytes in
                var vector = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return unsafe pwritev2(descriptor, &vector, 1, -1, noWait)
            }
            return count > 0 ? count : nil
        #else
            return nil
        #endif
    }

    /// The flag RWF_NOWAIT of linux/fs.h, which forbids a write to wait.
    private static let noWait: CInt = 8

    /// Makes a pipe whose ends are non-blocking and are not inherited by other programs.
    static func makePipe() throws(SystemError) -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw SystemError() }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }

    /// Reads and discards all bytes in a non-blocking pipe.
    static func empty(_ descriptor: CInt) {
        while !readAvailable(descriptor).isEmpty {}
    }

    /// Reads at most 64 bytes from a non-blocking pipe. Returns an empty array if the pipe has no bytes.
    static func readAvailable(_ descriptor: CInt) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(count, 0)))
    }

    /// Waits until one of the descriptors in `writing` takes bytes without blocking, or `reading` has bytes.
    ///
    /// - Returns: For each descriptor in `writing`, true if a write to it would not block, whether it succeeds or
    ///   fails.
    static func waitUntilReady(writing: [CInt], reading: CInt) -> [Bool] {
        var polls = writing.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        polls.append(pollfd(fd: reading, events: Int16(POLLIN), revents: 0))
        while unsafe poll(&polls, nfds_t(polls.count), -1) < 0, errno == EINTR {}
        return polls.dropLast().map { $0.revents != 0 }
    }

    /// Waits until a descriptor has bytes, is at its end or has failed.
    static func waitUntilReadable(_ descriptor: CInt) {
        var polls = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        while unsafe poll(&polls, 1, -1) < 0, errno == EINTR {}
    }

    /// Blocks this thread for the given time.
    static func pause(milliseconds: CInt) {
        _ = poll(nil, 0, milliseconds)
    }

    /// Calls read(2) once, for at most `limit` bytes. Throws `EINTR` if a signal interrupts the call.
    ///
    /// - Returns: The bytes; an empty array at the end of the input.
    static func readSome(from descriptor: CInt, atMost limit: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = unsafe read(descriptor, &bytes, limit)
        guard count >= 0 else { throw SystemError() }
        return Array(bytes.prefix(count))
    }

    /// Makes a folder with exactly this mode. Does nothing if the path exists.
    static func makeFolder(_ path: String, mode: mode_t) throws(SystemError) {
        guard unsafe mkdir(path, mode) != 0 else {
            // The mode must not depend on the umask.
            guard unsafe chmod(path, mode) == 0 else { throw SystemError() }
            return
        }
        let error = SystemError()
        guard error.code == EEXIST else { throw error }
    }

    /// Returns true if `chmod` may have no effect on a file, because its file system may not store access modes: FAT,
    /// NTFS, a Windows share, or a file system that a program provides (FUSE).
    static func mayLackAccessModes(_ path: String) -> Bool {
        #if canImport(CStatfs)
            var status = statfs()
            guard unsafe statfs(path, &status) == 0 else { return false }
            // The magic numbers of statfs(2): FAT, exFAT, NTFS (two drivers), FUSE, 9P (Windows drives in WSL), CIFS,
            // SMB2, VirtualBox.
            let kinds: [UInt32] = [
                0x4d44, 0x2011_BAB0, 0x5346_544e, 0x7366_746e, 0x6573_5546, 0x0102_1997, 0xFF53_4D42, 0xFE53_4D42,
                0x786f_4256,
            ]
            return kinds.contains(UInt32(truncatingIfNeeded: status.f_type))
        #else
            return false
        #endif
    }

    /// Removes the file at `path`, if there is one. Ignores errors.
    static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    /// The CPU time that this process has used. On POSIX systems, `clock()` counts microseconds.
    static var processorTime: Duration {
        .microseconds(clock())
    }

    /// The peak resident memory of this process, in bytes; 0 if the system does not report it.
    static var peakMemory: Int {
        var usage = rusage()
        #if canImport(Glibc)
            guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        #else
            guard unsafe getrusage(CInt(RUSAGE_SELF), &usage) == 0 else { return 0 }
        #endif
        #if canImport(Darwin)
            return usage.ru_maxrss
        #else
            // Linux counts KiB.
            return usage.ru_maxrss * 1_024
        #endif
    }

    /// True if a program synchronizes the clock of this host; nil if the system does not report this.
    static var isClockSynchronized: Bool? {
        #if canImport(CTimex)
            var state = timex()
            let result = unsafe adjtimex(&state)
            return result < 0 ? nil : result != TIME_ERROR
        #else
            return nil
        #endif
    }

    /// The resident memory of this process, in bytes; nil if the system does not report it.
    static var residentMemory: Int? {
        guard let file = try? OpenFile("/proc/self/statm", O_RDONLY) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 128)
        guard let count = try? file.readBytes(into: &buffer) else { return nil }
        let pages = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ").dropFirst().first
        return pages.flatMap { Int($0) }.map { $0 * Int(sysconf(CInt(_SC_PAGESIZE))) }
    }
}

extension OpenFile {
    func writeAll(_ content: [UInt8]) throws(SystemError) {
        try FileSystem.writeAll(content, to: descriptor)
    }

    /// Sets the permission bits of the file. The umask does not affect them.
    func setMode(_ mode: mode_t) throws(SystemError) {
        guard fchmod(descriptor, mode) == 0 else { throw SystemError() }
    }

    /// Changes the owner and the group of the file, unless the file has both already.
    func setOwner(_ user: uid_t, _ group: gid_t) throws(SystemError) {
        let status = try status()
        guard status.owner != user || status.group != group else { return }
        guard fchown(descriptor, user, group) == 0 else { throw SystemError() }
    }

    /// Waits until the content is on the disk.
    func synchronize() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw SystemError() }
    }
}
