internal import Foundation
internal import Synchronization

/// A program that runs on its own terminal, as in a window. A test can read its output, type keys, resize the window,
/// and wait for the program's exit.
final class TerminalProcess: Sendable {
    /// The flag of posix_spawn(3) that starts the program in a new session.
    #if canImport(Darwin)
        private static let newSession: Int16 = 0x400
    #else
        private static let newSession: Int16 = 0x80
    #endif

    private struct State {
        var text = ""
        var status: Int32?
        var isClosed = false
        /// True if the program has closed the terminal, and all its output is in `text`.
        var isDrained = false
    }

    private let terminal: Int32
    private let id: pid_t
    private let state = Mutex(State())

    /// Starts a program in a new session. A new terminal becomes its controlling terminal.
    ///
    /// - Parameters:
    ///   - command: The path and the arguments.
    ///   - folder: The working folder.
    ///   - environment: The whole environment of the program.
    init(_ command: [String], in folder: URL, environment: [String: String]) throws {
        var (leader, follower): (Int32, Int32) = (-1, -1)
        guard unsafe openpty(&leader, &follower, nil, nil, nil) == 0, let name = unsafe ttyname(follower) else {
            throw MissingOutcome(what: "a terminal", from: "the system")
        }
        defer { close(follower) }
        terminal = leader
        for descriptor in [leader, follower] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // When the leader of a session opens its first terminal, that terminal becomes its controlling terminal.
        unsafe posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, 0, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // The program must not inherit ignored or blocked signals: a background process may ignore SIGINT, and the
        // threads of Dispatch block signals.
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe posix_spawnattr_setflags(
            &attributes, Self.newSession | Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder.path] + command
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
        var id: pid_t = 0
        let result = unsafe posix_spawn(&id, words[0], &actions, &attributes, &arguments, &variables)
        guard result == 0 else { throw MissingOutcome(what: "a process", from: command[0]) }
        self.id = id
        ProcessWatchdog.notify("began", id)
        let (terminal, end) = (terminal, id)
        Thread.detachNewThread { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 4_096)
            var hasEnded = false
            // The thread polls, because a thread that is blocked in read(2) would keep the terminal open.
            while let self, !self.state.withLock({ $0.isClosed }) {
                var events = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
                guard unsafe poll(&events, hasEnded ? 0 : 1, 20) > 0 else { continue }
                let count = unsafe read(terminal, &buffer, buffer.count)
                hasEnded = count <= 0
                let text = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
                self.state.withLock { state in
                    state.text += text
                    state.isDrained = hasEnded
                }
            }
            close(terminal)
        }
        Thread.detachNewThread { [weak self] in
            var status: Int32 = 0
            while unsafe waitpid(end, &status, 0) < 0, errno == EINTR {}
            ProcessWatchdog.notify("ended", end)
            self?.state.withLock { $0.status = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F }
        }
    }

    deinit {
        if state.withLock({ $0.status }) == nil { Foundation.kill(id, SIGKILL) }
    }

    /// The text that the program has printed so far.
    var text: String { state.withLock { $0.text } }

    /// Sends text to the program as if it were typed. Control-C is `\u{3}`, Control-Z is `\u{1A}`, Control-\ is
    /// `\u{1C}`.
    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe write(terminal, bytes, bytes.count)
    }

    /// Closes the terminal, as happens when a user closes the window.
    func hangUp() {
        state.withLock { $0.isClosed = true }
    }

    /// Changes the size of the terminal's window.
    func resize(columns: UInt16, rows: UInt16 = 24) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = unsafe ioctl(terminal, UInt(TIOCSWINSZ), &size)
    }

    /// True if the terminal is in the mode that a shell expects: it echoes, edits lines, and sends signals for control
    /// characters.
    var isSane: Bool {
        var settings = termios()
        guard unsafe tcgetattr(terminal, &settings) == 0 else { return false }
        let expected = tcflag_t(ECHO | ISIG | ICANON)
        return settings.c_lflag & expected == expected
    }

    /// Waits until the terminal's text after the first `skip` characters matches the regular expression.
    ///
    /// - Returns: The whole text so far.
    @discardableResult
    func waitForText(
        matching pattern: String, after skip: Int = 0, within limit: Duration = .seconds(10)
    ) async throws -> String {
        try await wait(for: "text like '\(pattern)'", within: limit) { state in
            try Regex(pattern).firstMatch(in: state.text.dropFirst(skip)) == nil ? nil : state.text
        }
    }

    /// Waits for the end of the program and of its output, and returns the program's exit status. If a signal ended the
    /// program, the status is 128 plus the signal's number.
    func waitForExit(within limit: Duration = .seconds(10)) async throws -> Int32 {
        try await wait(for: "an exit", within: limit) { $0.isDrained || $0.isClosed ? $0.status : nil }
    }

    private func wait<Value: Sendable>(
        for what: String, within limit: Duration, _ value: (State) throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + limit
        while true {
            let now = state.withLock { $0 }
            if let value = try value(now) { return value }
            guard ContinuousClock.now < deadline else { throw MissingOutcome(what: what, from: now.text) }
            try await RunningProcess.pause()
        }
    }
}

extension ProcessHarness {
    /// Starts a program on a new terminal. Its working folder is the folder of this harness.
    func startOnTerminal(_ command: [String], environment: [String: String] = [:]) throws -> TerminalProcess {
        try TerminalProcess(
            command, in: folder,
            environment: RunningProcess.environment
                .merging(["TERM": "xterm"]) { $1 }.merging(socketEnvironment) { $1 }.merging(environment) { $1 })
    }
}
