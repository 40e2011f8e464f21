internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// `p2p status`: shows what a running server or peer knows about itself and its mesh.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a running server or peer and its mesh.",
        usage: "p2p status [<options>]",
        discussion: """
              p2p status
              p2p status --json
              p2p status --check && echo healthy

            Prints what is wrong first, in lines that begin with !, then the members, and those that left, failed or \
            were revoked in the last day. On a terminal the members are a table. In a pipe each is a line with tabs: \
            name, state, since, reason, address, key, round trip in ms, datagrams sent and received, messages received.
            """)

    @OptionGroup var controlOptions: ControlOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Print no status, and exit with 1 if there is a problem that is more than a warning.")
    var check = false

    @Flag(help: "Show the status again every second.")
    var watch = false

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard !check || !json && !watch else {
            throw ValidationError("--check prints nothing, so neither --json nor --watch goes with it")
        }
    }

    func run() async throws {
        if check { return try await runCheck() }
        let client = try controlOptions.client()
        let isTerminal = FileSystem.isTerminal(FileSystem.standardOutput)
        let canClear = isTerminal && FileSystem.environment("TERM") != "dumb"
        repeat {
            let answer = try await Self.ask(client)
            if json {
                Console.result(json: answer.bytes)
            } else {
                let table = StatusTable(status: answer.value)
                if watch, canClear { Console.clearTerminal() }
                for line in isTerminal ? table.lines : table.tabSeparated { Console.result(line) }
                if watch, !canClear { Console.result("") }
            }
            guard watch, !Console.isReaderGone else { return }
            try? await Task.sleep(for: .seconds(1))
        } while true
    }

    /// Asks a process for its status.
    ///
    /// - Returns: The status, and the bytes of its JSON.
    static func ask(_ client: ControlClient) async throws -> (value: MeshStatus, bytes: [UInt8]) {
        try await Failure.translating { () async throws(ControlClient.Failure) in
            try await client.get("/v1/status", as: MeshStatus.self)
        }
    }

    private func runCheck() async throws {
        let client: ControlClient
        do {
            client = try controlOptions.client(prefersServer: false)
        } catch let failure as Failure where failure.code == .unavailable {
            throw failure.exitCode
        }
        let status: MeshStatus
        do throws(ControlClient.Failure) {
            status = try await client.get("/v1/status?members=none", as: MeshStatus.self).value
        } catch {
            throw Failure(error).exitCode
        }
        guard status.isHealthy else { throw ExitCode(1) }
    }
}
