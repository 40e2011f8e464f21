internal import Foundation
internal import Synchronization
internal import Testing

/// Starts the real `p2p` and keeps what it prints.
///
/// Every program of a stage has a process of its own and ends with the stage: `defer { stage.end() }`.
final class Stage: Sendable {
    /// Of this stage alone; removed at its end.
    let folder: URL
    private let programs = Mutex<[Program]>([])

    init() throws {
        folder = try Guard.shared.get().folder.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Kills what still runs, by its process id, and removes the folder.
    func end() {
        for program in programs.withLock({ $0 }) { program.kill() }
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts `p2p` in the stage's folder.
    ///
    /// - Parameter launcher: a command, with its arguments, that is to start it.
    func start(
        _ arguments: [String], environment: [String: String] = [:], launcher: [String] = []
    ) throws -> Program {
        let program = try Program(arguments, in: folder, environment: environment, launcher: launcher)
        programs.withLock { $0.append(program) }
        return program
    }

    /// Runs `p2p` to its end.
    func run(
        _ arguments: [String], environment: [String: String] = [:], launcher: [String] = [],
        within limit: Duration = .seconds(20)
    ) async throws -> Finished {
        let program = try start(arguments, environment: environment, launcher: launcher)
        let status = try await program.waitForExit(within: limit)
        return Finished(status: status, output: program.lines(of: .output), errors: program.lines(of: .errors))
    }
}

/// What a program that has ended left behind.
struct Finished {
    let status: Int32
    let output: [String]
    let errors: [String]

    var text: String { (output + errors).joined(separator: "\n") }

    /// It ended with `status` and said why: `p2p: error: …` with `words`, and `p2p: hint: …` with `hint`.
    func expectFailure(
        _ status: Int32, _ words: String? = nil, hint: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
        let error = errors.first { $0.hasPrefix("p2p: error: ") }
        #expect(error != nil, "\(text)", sourceLocation: sourceLocation)
        if let words { #expect(error?.contains(words) == true, "\(text)", sourceLocation: sourceLocation) }
        if let hint {
            let line = errors.first { $0.hasPrefix("p2p: hint: ") }
            #expect(line?.contains(hint) == true, "\(text)", sourceLocation: sourceLocation)
        }
        #expect(!text.contains(/P2PSECRET1_[A-Za-z0-9_-]/), "a secret in what was said", sourceLocation: sourceLocation)
        #expect(!text.contains("\u{1B}"), "a control character in what was said", sourceLocation: sourceLocation)
    }
}

/// A running `p2p`: its lines, its signals, its end.
final class Program: Sendable {
    enum Stream: String, Sendable {
        case output
        case errors
    }

    struct Line: Sendable {
        let stream: Stream
        let text: String
        /// When it was read: a busy test cannot make it late.
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
    private let state = Mutex(State())

    fileprivate init(
        _ arguments: [String], in folder: URL, environment: [String: String], launcher: [String]
    ) throws {
        command = (launcher + ["p2p"] + arguments).joined(separator: " ")
        let whole = launcher + [try Self.binary().path] + arguments
        process.executableURL = URL(fileURLWithPath: whole[0])
        process.arguments = Array(whole.dropFirst())
        process.currentDirectoryURL = folder
        process.environment = Self.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.terminationHandler = { [weak self] process in
            let status = process.terminationStatus
            // Not before "began".
            Self.spawning.withLock { _ in Guard.tell("ended", process) }
            self?.state.withLock { $0.exit = (status, .now) }
        }
        // One at a time: a process must not inherit the pipes of another, or they would not end with it.
        try Self.spawning.withLock { _ in
            process.standardOutput = reading(.output)
            process.standardError = reading(.errors)
            try process.run()
            Guard.tell("began", process)
        }
    }

    /// A place in what the program prints, so that older lines do not count.
    var mark: Int { state.withLock { $0.lines.count } }

    func lines(of stream: Stream) -> [String] {
        state.withLock { $0.lines.filter { $0.stream == stream }.map(\.text) }
    }

    /// The lines on `stream` since `mark` that match the regular expression.
    func lines(matching pattern: String, on stream: Stream = .output, since mark: Int = 0) throws -> [String] {
        try find(pattern, stream, mark).map(\.text)
    }

    /// The first line on `stream` since `mark` that matches the regular expression, once it has come.
    ///
    /// - Throws: `Missing` if it has not come within `limit`, counted from `start`.
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
                throw Missing(what: "a line on its \(stream) like '\(pattern)' within \(limit)", from: report)
            }
            try await Task.sleep(for: Self.glance)
        }
    }

    /// The exit status, once the program has ended and its last line is read.
    @discardableResult
    func waitForExit(
        within limit: Duration = .seconds(10), of start: ContinuousClock.Instant = .now
    ) async throws -> Int32 {
        let deadline = start + limit
        while true {
            let isLate = ContinuousClock.now > deadline
            let exit = state.withLock { $0.openStreams == 0 ? $0.exit : nil }
            if let exit, exit.at <= deadline { return exit.status }
            if exit != nil || isLate { throw Missing(what: "its end within \(limit)", from: report) }
            try await Task.sleep(for: Self.glance)
        }
    }

    /// Stops the program for that long (the length is the scenario's, nothing is waited for) and lets it go on.
    ///
    /// - Returns: when it went on.
    func standStill(
        for duration: Duration, meanwhile body: () async throws -> Void
    ) async throws -> ContinuousClock.Instant {
        let stopped = ContinuousClock.now
        send(SIGSTOP)
        try await body()
        try await Task.sleep(until: stopped + duration)
        defer { send(SIGCONT) }
        return .now
    }

    private func find(_ pattern: String, _ stream: Stream, _ mark: Int) throws -> [Line] {
        let expression = try Regex(pattern)
        return try state.withLock { $0.lines }.dropFirst(mark)
            .filter { try $0.stream == stream && expression.firstMatch(in: $0.text) != nil }
    }

    func send(_ signal: Int32) {
        Foundation.kill(process.processIdentifier, signal)
    }

    fileprivate func kill() {
        guard process.isRunning else { return }
        send(SIGKILL)
        process.waitUntilExit()
    }

    /// Everything that it printed, for the reader of a failed test.
    private var report: String {
        let (lines, exit) = state.withLock { ($0.lines, $0.exit) }
        let end = exit.map { "ended with \($0.status)" } ?? "still running"
        return (["\(command) (\(end)):"] + lines.map { "    \($0.stream): \($0.text)" }).joined(separator: "\n")
    }

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
        }
        return pipe
    }

    /// No bytes: the stream has ended.
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

    /// `p2p`, beside the tests in the products folder.
    private static func binary() throws -> URL {
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
        throw Missing(what: "the p2p binary", from: "the folders above \(bundle ?? arguments[0])")
    }

    /// Only what a program needs: a key folder of the developer's own must not be found.
    private static let environment: [String: String] = {
        let names: Set = [
            "PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
            // Where a build that measures coverage, or with a sanitizer, writes and reads.
            "LLVM_PROFILE_FILE", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
        ]
        var kept = ProcessInfo.processInfo.environment.filter { names.contains($0.key) }
        kept["SWIFT_BACKTRACE"] = "enable=no"
        return kept
    }()

    private static let spawning = Mutex(())
    private static let glance = Duration.milliseconds(10)
}

/// Ends the programs of a test run that is interrupted, and removes its folder.
///
/// A shell that is told of process ids, until the test run and with it the shell's input ends.
private final class Guard: Sendable {
    static let shared = Result { try Guard() }

    /// For the stages' folders.
    let folder: URL
    private let process = Process()
    private let input = Pipe()

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "securemesh-\(UUID().uuidString)")
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", Self.script, folder.path]
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    static func tell(_ what: String, _ program: Process) {
        guard let guarding = try? shared.get() else { return }
        try? guarding.input.fileHandleForWriting.write(
            contentsOf: Data("\(what) \(program.processIdentifier)\n".utf8))
    }

    private static let script = """
        running=' '
        while read -r what id; do
            case $what in
            began) running="$running$id " ;;
            ended) running="${running%% "$id" *} ${running#* "$id" }" ;;
            esac
        done
        for id in $running; do kill -KILL "$id"; done
        rm -rf "$0"
        """
}

/// What a program should have done and did not.
struct Missing: Error, CustomStringConvertible {
    let what: String
    let from: String

    var description: String { "missing: \(what), from \(from)" }
}
