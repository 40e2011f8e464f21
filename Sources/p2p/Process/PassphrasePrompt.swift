internal import SecureMesh
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Asks for a passphrase on the terminal of the process. The terminal does not show the characters that the user types.
///
/// The terminal edits the line and sends signals for Ctrl-C and Ctrl-Z as usual. Before a signal ends or stops the
/// process, the handler of the signal restores the settings of the terminal. The handler uses no lock and no heap
/// memory.
enum PassphrasePrompt {
    /// The reason why the user has given no passphrase.
    enum Refusal: Error {
        /// The process has no terminal.
        case noTerminal
        /// The process is in the background. The system would stop it if it read from the terminal.
        case inBackground
        /// The input has ended, or the answer is longer than a passphrase may be.
        case noLine
        /// The answer is not a valid passphrase.
        case invalid(PassphraseError)
    }

    /// Prints a prompt, and returns the passphrase that the user types.
    static func ask(_ prompt: String) throws(Refusal) -> Passphrase {
        guard let file = try? OpenFile("/dev/tty", O_RDWR | O_NOCTTY) else { throw .noTerminal }
        guard Terminal.isInForeground(file.descriptor) else { throw .inBackground }
        var settings = termios()
        guard unsafe tcgetattr(file.descriptor, &settings) == 0 else { throw .noTerminal }
        unsafe former.pointee = settings
        settings.c_lflag &= ~tcflag_t(ECHO)
        settings.c_lflag |= tcflag_t(ICANON | ISIG | ECHONL)
        unsafe silent.pointee = settings
        let bytes = Array("\(prompt): ".utf8.prefix(longestPrompt))
        unsafe text.update(from: bytes, count: bytes.count)
        count.store(bytes.count, ordering: .relaxed)
        terminal.store(file.descriptor, ordering: .relaxed)
        let actions =
            [SIGINT, SIGTERM, SIGHUP, SIGQUIT].map { ($0, replaceAction(of: $0, by: end)) }
            + [(SIGTSTP, replaceAction(of: SIGTSTP, by: pause))]
        defer {
            unsafe tcsetattr(file.descriptor, TCSAFLUSH, former)
            for (number, action) in actions { signal(number, action) }
        }
        show()
        var line = [UInt8](repeating: 0, count: Limits.passphrase + 2)
        defer { Sodium.wipe(&line) }
        guard let length = try? file.readBytes(into: &line), length > 0, line[length - 1] == UInt8(ascii: "\n") else {
            restore()
            throw .noLine
        }
        do throws(PassphraseError) {
            return try Passphrase(line.span.extracting(0..<length - 1))
        } catch {
            throw .invalid(error)
        }
    }

    // The state that the signal handlers use. Only one thread asks for a passphrase.
    private static let longestPrompt = 1_024
    private static let terminal = Atomic<CInt>(-1)
    private static let count = Atomic<Int>(0)
    nonisolated(unsafe) private static let text = UnsafeMutablePointer<UInt8>.allocate(capacity: longestPrompt)
    nonisolated(unsafe) private static let former = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    nonisolated(unsafe) private static let silent = UnsafeMutablePointer<termios>.allocate(capacity: 1)

    private typealias Handler = @convention(c) (CInt) -> Void

    /// Turns the echo of the terminal off, and prints the prompt.
    private static func show() {
        let terminal = terminal.load(ordering: .relaxed)
        unsafe tcsetattr(terminal, TCSAFLUSH, silent)
        _ = unsafe write(terminal, text, count.load(ordering: .relaxed))
    }

    /// Restores the settings of the terminal, and begins a new line.
    private static func restore() {
        let terminal = terminal.load(ordering: .relaxed)
        unsafe tcsetattr(terminal, TCSANOW, former)
        var byte = UInt8(ascii: "\n")
        _ = unsafe write(terminal, &byte, 1)
    }

    private static let end: Handler = { number in
        restore()
        _exit(Signal(number: number).exitCode)
    }

    /// Stops the process, as the default action of the signal would. When the process continues, prints the prompt
    /// again.
    private static let pause: Handler = { number in
        restore()
        signal(number, SIG_DFL)
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, number)
        unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        kill(getpid(), number)
        signal(number, pause)
        show()
    }

    /// Sets the handler of a signal, unless the signal is ignored, and returns the previous action.
    private static func replaceAction(of number: CInt, by handler: @escaping Handler) -> Handler? {
        let previous = signal(number, SIG_IGN)
        // The constant SIG_IGN is a pointer of value 1, which Swift imports as a function.
        if unsafe unsafeBitCast(previous, to: Int.self) != 1 { signal(number, handler) }
        return previous
    }
}
