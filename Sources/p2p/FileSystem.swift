internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension SystemError {
    /// The system's text, such as "No space left on device".
    var text: String { unsafe String(cString: strerror(code)) }

    /// True if a pipe has no reader.
    var isBrokenPipe: Bool { code == EPIPE }
}

/// The system calls of the command that take pointers: files, the environment, the time.
enum FileSystem {
    static let standardOutput = STDOUT_FILENO
    static let standardError = STDERR_FILENO

    static var processNumber: Int32 { getpid() }

    static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

    /// Returns the value of an environment variable, or nil if it is not set.
    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Returns the status of the file to which `path` leads, through symbolic links.
    static func status(of path: String) throws(SystemError) -> FileStatus {
        try FileStatus(of: path)
    }

    /// The number of the user that the process runs as, as `chown` takes it.
    static var user: String { "\(geteuid())" }

    /// Returns the device and the number of the file behind a descriptor, as in `JOURNAL_STREAM` (systemd.exec(5)).
    static func identity(of descriptor: CInt) -> String? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }

    static func exists(_ path: String) -> Bool { (try? status(of: path)) != nil }

    static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

    /// Makes a file or replaces its content.
    static func replaceContent(of path: String, with content: [UInt8]) throws(SystemError) {
        try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666).writeAll(content)
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

    /// The largest number of bytes that a pipe takes at once if it takes any.
    static let pipeAtom = Int(PIPE_BUF)

    /// Writes bytes, as many as the descriptor takes.
    ///
    /// - Returns: The number of bytes written; 0 if the descriptor does not block and is full.
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

    /// Makes a pipe whose ends do not block and are not inherited by other programs.
    static func makePipe() throws(SystemError) -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw SystemError() }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }

    /// Reads and drops what is in a pipe that does not block.
    static func empty(_ descriptor: CInt) {
        while !readAvailable(descriptor).isEmpty {}
    }

    /// Reads at most 64 bytes of a pipe that does not block.
    static func readAvailable(_ descriptor: CInt) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(count, 0)))
    }

    /// Waits until one of the descriptors takes bytes without blocking, or `reading` has some.
    ///
    /// - Returns: For each of `writing`, true if a write to it does not block: it succeeds or fails.
    static func waitUntilReady(writing: [CInt], reading: CInt) -> [Bool] {
        var polls = writing.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        polls.append(pollfd(fd: reading, events: Int16(POLLIN), revents: 0))
        while unsafe poll(&polls, nfds_t(polls.count), -1) < 0, errno == EINTR {}
        return polls.dropLast().map { $0.revents != 0 }
    }

    /// Makes a folder, unless there is one.
    static func makeFolder(_ path: String, mode: mode_t) throws(SystemError) {
        guard unsafe mkdir(path, mode) != 0 else { return }
        let error = SystemError()
        guard error.code == EEXIST else { throw error }
    }

    /// Removes a file, if there is one.
    static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    /// Returns the time in UTC, to the second, by RFC 3339: `2026-01-31T12:00:00Z`.
    static func timestamp() -> String {
        var now = time(nil)
        var date = unsafe tm()
        _ = unsafe gmtime_r(&now, &date)
        let day = unsafe [pad(date.tm_year + 1_900, to: 4), pad(date.tm_mon + 1), pad(date.tm_mday)]
        let time = unsafe [pad(date.tm_hour), pad(date.tm_min), pad(date.tm_sec)]
        return "\(day.joined(separator: "-"))T\(time.joined(separator: ":"))Z"
    }

    /// The processor time that this process has used. POSIX counts it in microseconds.
    static var processorTime: Duration {
        .microseconds(clock())
    }

    /// The peak of this process's resident memory, in bytes.
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

    /// The resident memory of this process, in bytes; nil if the system does not tell.
    static var residentMemory: Int? {
        guard let file = try? OpenFile("/proc/self/statm", O_RDONLY) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 128)
        guard let count = try? file.readBytes(into: &buffer) else { return nil }
        let pages = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ").dropFirst().first
        return pages.flatMap { Int($0) }.map { $0 * Int(sysconf(CInt(_SC_PAGESIZE))) }
    }

    private static func pad(_ number: CInt, to width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}

extension OpenFile {
    func writeAll(_ content: [UInt8]) throws(SystemError) {
        try FileSystem.writeAll(content, to: descriptor)
    }

    /// Sets the permission bits, whatever the user's mask is.
    func setMode(_ mode: mode_t) throws(SystemError) {
        guard fchmod(descriptor, mode) == 0 else { throw SystemError() }
    }

    /// Waits until the content is on the disk.
    func synchronize() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw SystemError() }
    }
}
