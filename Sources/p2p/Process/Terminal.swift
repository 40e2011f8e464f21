#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The terminal to which a stream leads.
enum Terminal {
    /// True if the stream leads to a terminal on which a line can be overwritten.
    static func canReplaceLine(_ descriptor: CInt) -> Bool { FileSystem.isTerminal(descriptor) && !isDumb }

    /// True if the terminal obeys no escape sequences.
    static var isDumb: Bool {
        switch FileSystem.environment("TERM") {
        case nil, "", "dumb": true
        default: false
        }
    }

    /// True if the process is in the group that may read from its terminal.
    static func isInForeground(_ descriptor: CInt) -> Bool { tcgetpgrp(descriptor) == getpgrp() }

    /// The number of columns; nil if there is no terminal, or it does not tell.
    static func width(of descriptor: CInt) -> Int? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
