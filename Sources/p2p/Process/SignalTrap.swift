internal import Dispatch
internal import SecureMesh
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The actions of signals in this process.
///
/// A handler is called on any thread at any time, so it uses no lock, no heap memory and no function of Dispatch.
/// Therefore a second Ctrl-C ends the process even if its threads hang.
///
/// In a container, the command may be the first process. The system performs no default actions for the signals of the
/// first process, so without handlers no signal would end the command.
enum SignalTrap {
    /// Sets the signal actions that all commands share.
    static func setDefaults() {
        // The parent may have blocked signals, as threads of some runtimes do, and a child process inherits this.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        // With the default action, `p2p keygen A B --authorize | head -n 1` would end between two of its files. A
        // write fails with EPIPE instead, or with EFBIG at the limit for the size of a file.
        for each in [Signal.brokenPipe, .fileTooLarge, .user1, .user2] { signal(each.number, SIG_IGN) }
        // The default action writes a core file, which would contain keys.
        signal(Signal.quit.number, endAtOnce)
        guard getpid() == 1 else { return }
        for each in [Signal.interrupt, .terminate, .hangup] { install(endAtOnce, for: each) }
    }

    /// Makes a read from a terminal fail if the process is in the background. By default, SIGTTIN would stop the
    /// process.
    static func ignoreTerminalInput() {
        signal(SIGTTIN, SIG_IGN)
    }

    /// Handles the signals of a server, a peer or a swarm from now on.
    ///
    /// The first signal that stops the command lets it end in an orderly way. Signals in the next 100 ms are ignored,
    /// because one Ctrl-C often makes both a terminal and a wrapper send a signal. After that, SIGINT and SIGTERM end
    /// the process at once.
    ///
    /// - Parameter endsWithTerminal: True if SIGHUP stops the command. A terminal sends SIGHUP when its window is
    ///   closed. Even if this is true, SIGHUP is ignored if the parent process set it to be ignored, as `nohup` does.
    static func trap(endsWithTerminal: Bool) throws -> TrappedSignals {
        let ends: (reading: CInt, writing: CInt)
        do throws(SystemError) {
            ends = try FileSystem.makePipe()
        } catch {
            throw Failure(.system, "no pipe for signals: \(error.text)")
        }
        pipe.store(ends.writing, ordering: .relaxed)
        stopTime.store(0, ordering: .relaxed)
        for each in [Signal.interrupt, .terminate] { signal(each.number, stop) }
        if endsWithTerminal {
            install(stop, for: .hangup)
        } else {
            signal(Signal.hangup.number, note)
        }
        signal(Signal.user1.number, note)

        let (stops, stopped) = AsyncStream.makeStream(of: Signal.self)
        let (hangups, hungUp) = AsyncStream.makeStream(of: Signal.self)
        let (summaries, asked) = AsyncStream.makeStream(of: Signal.self)
        let source = DispatchSource.makeReadSource(fileDescriptor: ends.reading)
        // The closure keeps the source alive until the process ends.
        source.setEventHandler {
            _ = source
            for number in FileSystem.readAvailable(ends.reading) {
                let signal = Signal(number: CInt(number))
                switch signal {
                case .user1: asked.yield(signal)
                case .hangup where !endsWithTerminal: hungUp.yield(signal)
                default: stopped.yield(signal)
                }
            }
        }
        source.resume()
        return TrappedSignals(stops: stops, hangups: hangups, summaries: summaries)
    }

    /// The writing end of the pipe through which the handlers pass the numbers of signals.
    private static let pipe = Atomic<CInt>(-1)
    /// The time of the first signal that stops the command, in nanoseconds of CLOCK_MONOTONIC; 0 if there was none.
    private static let stopTime = Atomic<Int64>(0)
    private static let shortestPause: Int64 = 100_000_000

    private typealias Handler = @convention(c) (CInt) -> Void

    private static let endAtOnce: Handler = { _exit(Signal(number: $0).exitCode) }

    private static let note: Handler = { number in
        let error = errno
        defer { errno = error }
        var byte = UInt8(truncatingIfNeeded: number)
        // If the pipe is full, it already holds many signals, and one more may be lost.
        _ = unsafe write(pipe.load(ordering: .relaxed), &byte, 1)
    }

    private static let stop: Handler = { number in
        let now = SignalTrap.now
        let first = stopTime.load(ordering: .relaxed)
        guard first != 0 else {
            stopTime.store(now, ordering: .relaxed)
            return note(number)
        }
        if number != SIGHUP, now - first >= shortestPause { _exit(Signal(number: number).exitCode) }
    }

    private static var now: Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Sets the action of a signal, unless the parent set the signal to be ignored.
    private static func install(_ handler: Handler, for each: Signal) {
        // The constant SIG_IGN is a pointer of value 1, which Swift imports as a function.
        let previous = unsafe unsafeBitCast(signal(each.number, SIG_IGN), to: Int.self)
        if previous != 1 { signal(each.number, handler) }
    }
}
