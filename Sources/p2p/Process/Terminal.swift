#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The terminal to which a stream leads.
enum Terminal {
    /// Returns true if the stream leads to a terminal on which a line can be overwritten.
    static func canReplaceLine(_ descriptor: CInt) -> Bool { FileSystem.isTerminal(descriptor) && !isDumb }

    /// True if the terminal does not understand escape sequences.
    static var isDumb: Bool {
        switch FileSystem.environment("TERM") {
        case nil, "", "dumb": true
        default: false
        }
    }

    /// Returns true if this process may read from the terminal, because it is in the terminal's foreground process
    /// group.
    static func isInForeground(_ descriptor: CInt) -> Bool { tcgetpgrp(descriptor) == getpgrp() }

    /// Returns the number of columns of the terminal; nil if the stream leads to no terminal, or the width is unknown.
    static func width(of descriptor: CInt) -> Int? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    struct Size: Equatable {
        let columns: Int
        let rows: Int
    }

    /// Returns the size of the terminal's window; nil if the stream leads to no terminal, or the size is unknown.
    static func size(of descriptor: CInt) -> Size? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return nil
        }
        return Size(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}

/// The settings of a terminal before they were changed.
struct TerminalMode {
    private let descriptor: CInt
    private let settings: termios

    /// Makes a terminal deliver each key at once, without echo. Ctrl-C still sends SIGINT. Ctrl-Z and Ctrl-\ send no
    /// signal, because such a signal would stop or end the process before the process could restore the terminal.
    ///
    /// - Returns: The settings before the change; nil if the stream does not lead to a terminal.
    static func readKeys(from descriptor: CInt) -> TerminalMode? {
        var settings = termios()
        guard unsafe tcgetattr(descriptor, &settings) == 0 else { return nil }
        let mode = TerminalMode(descriptor: descriptor, settings: settings)
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        unsafe withUnsafeMutableBytes(of: &settings.c_cc) { keys in
            for key in [VSUSP, VQUIT] { unsafe keys[Int(key)] = UInt8(truncatingIfNeeded: disabled) }
        }
        guard unsafe tcsetattr(descriptor, TCSANOW, &settings) == 0 else { return nil }
        return mode
    }

    func restore() {
        var settings = settings
        _ = unsafe tcsetattr(descriptor, TCSANOW, &settings)
    }

    /// The value of _POSIX_VDISABLE, which disables a control character of the terminal.
    #if canImport(Darwin)
        private static let disabled = 0xFF
    #else
        private static let disabled = 0
    #endif
}
