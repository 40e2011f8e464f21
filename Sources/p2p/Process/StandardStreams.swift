#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The descriptors 0, 1 and 2.
enum StandardStreams {
    /// Opens the standard streams that are closed. Otherwise the next file or socket would get the number of one, and
    /// lines of the log would be written to it.
    ///
    /// Standard input is then at its end, and a write fails with `EBADF`, as if the stream were still closed.
    static func fillClosed() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // A new descriptor has the lowest free number, which is this one.
            let opened = unsafe open("/dev/null", O_RDONLY)
            if opened < 0 { fillWithPipe() }
        }
    }

    /// Takes the lowest free number for the reading end of a pipe whose other end is closed.
    private static func fillWithPipe() {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return }
        close(ends[1])
    }
}
