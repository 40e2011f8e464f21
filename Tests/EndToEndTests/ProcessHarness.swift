internal import Foundation
internal import Synchronization

/// Starts `p2p` in processes and collects their output.
///
/// `end()` kills the processes that still run. The trait `.processes` calls it for the harness of each test.
final class ProcessHarness: Sendable {
    @TaskLocal static var ofTest: ProcessHarness?

    /// The harness of the running test case. Its suite must have the trait `.processes`.
    static var current: ProcessHarness {
        guard let ofTest else { preconditionFailure("the suite lacks the trait .processes") }
        return ofTest
    }

    /// The working folder of the processes. `end()` removes it.
    let folder: URL
    /// The parent of the folder with the control sockets. It has a short path, because a socket's path has a maximum
    /// length.
    let runtimeFolder: URL
    /// The environment variables that restrict processes and commands to the control sockets of this harness.
    var socketEnvironment: [String: String] {
        ["XDG_RUNTIME_DIR": runtimeFolder.path, "P2P_SOCKETS": runtimeFolder.path + "/p2p"]
    }
    private let processes = Mutex<[RunningProcess]>([])

    init() throws {
        let parent = try ProcessWatchdog.shared.get().folder
        folder = parent.appending(path: UUID().uuidString)
        runtimeFolder = parent.appending(path: String(UInt32.random(in: .min ... .max), radix: 16))
        for made in [folder, runtimeFolder] {
            try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
        }
    }

    /// Kills the processes that still run, and removes the folders.
    func end() {
        for process in processes.withLock({ $0 }) { process.kill() }
        for made in [folder, runtimeFolder] { try? FileManager.default.removeItem(at: made) }
    }

    /// Starts `p2p` in the working folder.
    ///
    /// - Parameters:
    ///   - launcher: A command with its arguments. The path and the arguments of `p2p` are appended to them.
    ///   - hasInput: True if standard input is to be a pipe; false if it is to be /dev/null.
    func start(
        _ arguments: [String], environment: [String: String] = [:], launcher: [String] = [], hasInput: Bool = false
    ) throws -> RunningProcess {
        let environment = socketEnvironment.merging(environment) { $1 }
        let process = try RunningProcess(
            arguments, in: folder, environment: environment, launcher: launcher, hasInput: hasInput)
        processes.withLock { $0.append(process) }
        return process
    }

    /// Runs `p2p` and waits for its exit.
    func run(
        _ arguments: [String], environment: [String: String] = [:], launcher: [String] = [],
        within limit: Duration = .seconds(20)
    ) async throws -> FinishedProcess {
        let process = try start(arguments, environment: environment, launcher: launcher)
        return try await process.finish(within: limit)
    }

    /// Returns true if a folder of the variable PATH has the program.
    static func isInstalled(_ program: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    /// Returns true if this host can run `p2p` with a launcher. A condition of a test calls this before the test.
    ///
    /// - Parameter prepare: Writes the files that the launcher needs.
    static func canRun(
        with launcher: [String], after prepare: (ProcessHarness) throws -> Void = { _ in }
    ) async throws -> Bool {
        guard FileManager.default.isExecutableFile(atPath: launcher[0]) else { return false }
        let harness = try ProcessHarness()
        defer { harness.end() }
        try prepare(harness)
        return try await harness.run(["--version"], launcher: launcher).status == 0
    }
}
