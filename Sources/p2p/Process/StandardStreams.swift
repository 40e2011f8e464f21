internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The standard streams: descriptors 0, 1 and 2.
enum StandardStreams {
    /// True if standard input was closed when the program started.
    static var inputWasClosed: Bool { closedInput.load(ordering: .relaxed) }

    private static let closedInput = Atomic(false)

    /// Opens the standard streams that are closed. Otherwise the next file or socket would get the number of a closed
    /// stream, and lines of the log would be written to that file or socket.
    ///
    /// A read from a standard input that was closed finds the end of the input. A write to another stream that was
    /// closed fails with `EBADF`, as if the stream were still closed.
    static func fillClosed() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // A new descriptor gets the lowest free number, which is that of the closed stream.
            let opened = unsafe open("/dev/null", O_RDONLY)
            if opened < 0 { fillWithPipe() }
            if descriptor == STDIN_FILENO { closedInput.store(true, ordering: .relaxed) }
        }
    }

    /// Makes a pipe whose reading end gets the lowest free descriptor, and closes the writing end.
    private static func fillWithPipe() {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return }
        close(ends[1])
    }
}
