internal import Foundation
internal import Synchronization

/// A running process with its output. Tests can send it signals and wait for its exit.
final class RunningProcess: Sendable {
    enum Stream: String, Sendable {
        case output
        case errors
    }

    struct Line: Sendable {
        let stream: Stream
        let text: String
        /// The time at which the line was read. A test on a busy host may look at the line much later.
        let at: ContinuousClock.Instant
    }

    private struct State {
        var lines: [Line] = []
        var rest: [Stream: [UInt8]] = [:]
        var openStreams = 2
        var exit: (status: Int32, at: ContinuousClock.Instant)?
    }

    private let command: String
    private let process = Process()
    /// The pipe to standard input; nil if standard input is /dev/null.
    private let input: Pipe?
    private let state = Mutex(State())

    init(
        _ arguments: [String], in folder: URL, environment: [String: String], launcher: [String],
        hasInput: Bool = false
    ) throws {
        input = hasInput ? Pipe() : nil
        // No other process may inherit the pipe and keep it open.
        if let input { _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC) }
        command = (launcher + ["p2p"] + arguments).joined(separator: " ")
        let whole = launcher + [try Self.binary().path] + arguments
        process.executableURL = URL(fileURLWithPath: whole[0])
        process.arguments = Array(whole.dropFirst())
        process.currentDirectoryURL = folder
        process.environment = Self.environment.merging(environment) { $1 }
        process.standardInput = input ?? FileHandle.nullDevice
        process.terminationHandler = { [weak self] process in
            let status = process.terminationStatus
            // `spawning` ensures that "ended" is written after the "began" of the same process.
            Self.spawning.withLock { _ in ProcessWatchdog.notify("ended", process.processIdentifier) }
            self?.state.withLock { $0.exit = (status, .now) }
        }
        // Processes are started one at a time. If another process inherited these pipes, they would stay open after
        // this process has exited.
        try Self.spawning.withLock { _ in
            process.standardOutput = reading(.output)
            process.standardError = reading(.errors)
            try process.run()
            ProcessWatchdog.notify("began", process.processIdentifier)
        }
    }

    /// Writes to the process's standard input, which must be a pipe.
    func write(_ bytes: some Collection<UInt8>) throws {
        try input?.fileHandleForWriting.write(contentsOf: Data(bytes))
    }

    /// Writes a line to the process's standard input, and waits for the answer: a line that begins with `ok` or
    /// `error`.
    func answer(to line: String, within limit: Duration = .seconds(10)) async throws -> String {
        let mark = mark
        try write("\(line)\n".utf8)
        return try await waitForLine(matching: "^(ok|error) ", since: mark, within: limit)
    }

    /// Closes the process's standard input.
    func closeInput() throws {
        try input?.fileHandleForWriting.close()
    }

    /// The number of lines read so far. A function with the parameter `since` ignores the lines before this mark.
    var mark: Int { state.withLock { $0.lines.count } }

    func lines(of stream: Stream) -> [String] {
        state.withLock { $0.lines.filter { $0.stream == stream }.map(\.text) }
    }

    /// Returns the lines on `stream` after `mark` that match the regular expression.
    func lines(matching pattern: String, on stream: Stream = .output, since mark: Int = 0) throws -> [String] {
        try find(pattern, stream, mark).map(\.text)
    }

    /// Waits for a line on `stream` after `mark` that matches the regular expression.
    ///
    /// - Returns: The first line that matches.
    /// - Throws: `MissingOutcome` if no such line is read within `limit` after `start`, or before the process ends.
    @discardableResult
    func waitForLine(
        matching pattern: String, on stream: Stream = .output, since mark: Int = 0,
        within limit: Duration = .seconds(10), of start: ContinuousClock.Instant = .now
    ) async throws -> String {
        let deadline = start + limit
        while true {
            let isLate = ContinuousClock.now > deadline
            let hasEnded = state.withLock { $0.exit != nil && $0.openStreams == 0 }
            let line = try find(pattern, stream, mark).first
            if let line, line.at <= deadline { return line.text }
            if line != nil || isLate || hasEnded {
                throw MissingOutcome(what: "a line on \(stream) like '\(pattern)' within \(limit)", from: report)
            }
            try await Self.pause()
        }
    }

    /// Waits until the process has ended and all its output has been read.
    ///
    /// - Returns: The exit status.
    /// - Throws: `MissingOutcome` if the process does not end within `limit` after `start`.
    @discardableResult
    func waitForExit(
        within limit: Duration = .seconds(10), of start: ContinuousClock.Instant = .now
    ) async throws -> Int32 {
        let deadline = start + limit
        while true {
            let isLate = ContinuousClock.now > deadline
            let exit = state.withLock { $0.openStreams == 0 ? $0.exit : nil }
            if let exit, exit.at <= deadline { return exit.status }
            if exit != nil || isLate { throw MissingOutcome(what: "an exit within \(limit)", from: report) }
            try await Self.pause()
        }
    }

    /// Stops the process with SIGSTOP, runs `body`, and resumes the process `duration` after this method was called.
    ///
    /// - Returns: The time at which the process is resumed.
    func suspend(
        for duration: Duration, meanwhile body: () async throws -> Void
    ) async throws -> ContinuousClock.Instant {
        let stopped = ContinuousClock.now
        try await stop()
        try await body()
        try await Task.sleep(until: stopped + duration)
        defer { send(SIGCONT) }
        return .now
    }

    /// Sends SIGSTOP and waits until each thread has stopped. A thread stops when the system schedules it next. On a
    /// busy host, a thread that has not stopped yet could answer a datagram that the test sends after the signal.
    func stop() async throws {
        send(SIGSTOP)
        let folder = "/proc/\(id)/task"
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let threads = try FileManager.default.contentsOfDirectory(atPath: folder)
            let areStopped = threads.allSatisfy { thread in
                let line = (try? String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8)) ?? ""
                return line.contains(") T ")
            }
            if areStopped { return }
            if ContinuousClock.now > deadline { throw MissingOutcome(what: "a stop by SIGSTOP", from: report) }
            try await Self.pause()
        }
    }

    private func find(_ pattern: String, _ stream: Stream, _ mark: Int) throws -> [Line] {
        let expression = try Regex(pattern)
        return try state.withLock { $0.lines }.dropFirst(mark)
            .filter { try $0.stream == stream && expression.firstMatch(in: $0.text) != nil }
    }

    /// The process ID.
    var id: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    func send(_ signal: Int32) {
        Foundation.kill(process.processIdentifier, signal)
    }

    /// Waits for the exit, and returns the exit status with all output.
    func finish(
        within limit: Duration = .seconds(10), of start: ContinuousClock.Instant = .now
    ) async throws -> FinishedProcess {
        let status = try await waitForExit(within: limit, of: start)
        return FinishedProcess(status: status, output: lines(of: .output), errors: lines(of: .errors))
    }

    func kill() {
        guard process.isRunning else { return }
        send(SIGKILL)
        process.waitUntilExit()
    }

    /// The command with its state and all output, for the error message of a failed test.
    private var report: String {
        let (lines, exit) = state.withLock { ($0.lines, $0.exit) }
        let end = exit.map { "ended with \($0.status)" } ?? "still running"
        return (["\(command) (\(end)):"] + lines.map { "    \($0.stream): \($0.text)" }).joined(separator: "\n")
    }

    /// Returns a pipe for `stream`. A thread reads the pipe and stores its lines.
    private func reading(_ stream: Stream) -> Pipe {
        let pipe = Pipe()
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread { [weak self] in
            var isOpen = true
            while isOpen {
                let bytes = Array(handle.availableData)
                self?.take(bytes, from: stream)
                isOpen = !bytes.isEmpty
            }
            // `Process` keeps its pipes, and some thousand processes run in one test run. With more than 1,300
            // descriptors, Foundation reads beyond its list of them and may crash when it starts a process.
            try? handle.close()
        }
        return pipe
    }

    /// Splits bytes of `stream` into lines and stores them. An empty array means that the stream has ended.
    private func take(_ bytes: [UInt8], from stream: Stream) {
        state.withLock { state in
            var rest = state.rest[stream, default: []]
            for byte in bytes {
                guard byte == UInt8(ascii: "\n") else {
                    rest.append(byte)
                    continue
                }
                state.lines.append(Line(stream: stream, text: String(decoding: rest, as: UTF8.self), at: .now))
                rest = []
            }
            if bytes.isEmpty {
                state.openStreams -= 1
                if !rest.isEmpty {
                    state.lines.append(Line(stream: stream, text: String(decoding: rest, as: UTF8.self), at: .now))
                }
            }
            state.rest[stream] = rest
        }
    }

    /// Returns the path of the `p2p` to test: the file that the variable SECUREMESH_TEST_PROGRAM names, otherwise the
    /// `p2p` that was built with the tests.
    static func binary() throws -> URL {
        if let path = ProcessInfo.processInfo.environment["SECUREMESH_TEST_PROGRAM"] {
            return URL(filePath: path, relativeTo: Page.root).absoluteURL
        }
        return try builtWithTests()
    }

    /// Returns the path of the `p2p` that was built with the tests. It is in one of the folders above the test binary.
    static func builtWithTests() throws -> URL {
        let arguments = ProcessInfo.processInfo.arguments
        let bundle = arguments.firstIndex(of: "--test-bundle-path").map { arguments[$0 + 1] }
        var folder = URL(fileURLWithPath: bundle ?? Bundle.main.executablePath ?? arguments[0])
        while folder.path.count > 1 {
            folder.deleteLastPathComponent()
            let candidate = folder.appending(path: "p2p")
            var isFolder: ObjCBool = false
            if unsafe FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder),
                !isFolder.boolValue
            {
                return candidate
            }
        }
        throw MissingOutcome(what: "the p2p binary", from: "the folders above \(bundle ?? arguments[0])")
    }

    /// The environment of every process. It does not include `P2P_KEYS`, which the developer may have set.
    static let environment: [String: String] = {
        let names: Set = [
            "PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
            // Builds with coverage or a sanitizer need these.
            "LLVM_PROFILE_FILE", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
        ]
        var kept = ProcessInfo.processInfo.environment.filter { names.contains($0.key) }
        kept["SWIFT_BACKTRACE"] = "enable=no"
        return kept
    }()

    /// Waits for the short time between two checks of a process.
    static func pause() async throws {
        try await Task.sleep(for: pollInterval)
    }

    private static let spawning = Mutex(())
    private static let pollInterval = Duration.milliseconds(10)
}

/// The error for an expected event that did not happen.
struct MissingOutcome: Error, CustomStringConvertible {
    let what: String
    let from: String

    var description: String { "missing: \(what), from \(from)" }
}
