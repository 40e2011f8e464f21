#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A signal that the command handles.
struct Signal: Hashable, Sendable {
    let number: CInt

    static let interrupt = Signal(number: SIGINT)
    static let terminate = Signal(number: SIGTERM)
    static let hangup = Signal(number: SIGHUP)
    static let quit = Signal(number: SIGQUIT)
    static let user1 = Signal(number: SIGUSR1)
    static let user2 = Signal(number: SIGUSR2)
    static let brokenPipe = Signal(number: SIGPIPE)
    static let fileTooLarge = Signal(number: SIGXFSZ)

    /// The exit code of a process that this signal ends, as shells compute it.
    var exitCode: CInt { 128 + number }
}
