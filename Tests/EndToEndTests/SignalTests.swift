internal import Foundation
internal import Testing

/// Tests that signals have the effects that docs/command.md lists.
@Suite("signals", .processes, .serialized)
struct SignalTests {
    private let harness = ProcessHarness.current

    /// Starts a process that runs `command`, and waits until the command has begun its work.
    private func start(_ command: String, of server: ServerProcess, launcher: [String]) async throws -> RunningProcess {
        switch command {
        case "peer":
            let peer = try harness.startPeer("A", of: server, launcher: launcher)
            try await server.process.waitForLine(matching: "^\\+ A ")
            try await peer.waitForLine(matching: "^joined as A ")
            return peer
        case "swarm":
            let swarm = try harness.start(
                ["swarm", "--peers", "2", "--prefix", "m", "--server", server.address], launcher: launcher)
            for number in 0..<2 { try await server.process.waitForLine(matching: "^\\+ m\(number) ") }
            // The server prints that a peer joined before that peer knows it. So SIGUSR1 is sent until the swarm
            // reports that both peers joined.
            let deadline = ContinuousClock.now + .seconds(10)
            while ContinuousClock.now < deadline, try swarm.lines(matching: "^p2p: 2 of 2 ", on: .errors).isEmpty {
                try signal(SIGUSR1, to: swarm, launcher)
                try await RunningProcess.pause()
            }
            return swarm
        case "server":
            return try await harness.startServer(launcher: launcher).process
        case "simulate":
            let other = try harness.start(["simulate", "--peers", "20", "--minutes", "1440"], launcher: launcher)
            try await other.waitForLine(matching: "^p2p: seed ", on: .errors)
            return other
        default:
            let other = try harness.start(["selftest", "--fuzz", "1h"], launcher: launcher)
            try await other.waitForLine(matching: "^again with: ")
            return other
        }
    }

    /// Sends a signal to `p2p`. If the launcher forks, `p2p` is a child of `process`.
    private func signal(_ signal: Int32, to process: RunningProcess, _ launcher: [String]) throws {
        guard launcher.contains("--fork") else { return process.send(signal) }
        let children = try String(contentsOfFile: "/proc/\(process.id)/task/\(process.id)/children", encoding: .utf8)
        let child = try #require(Int32(children.split(separator: " ").first ?? ""))
        Foundation.kill(child, signal)
    }

    /// Starts a server, and a process that runs `command` at this server. Then calls `body` with both.
    private func with(
        _ command: String, launcher: [String] = [], _ body: (RunningProcess, ServerProcess) async throws -> Void
    ) async throws {
        let server = try await harness.makeServer(["--open"])
        try await body(start(command, of: server, launcher: launcher), server)
    }

    @Test(
        "SIGINT and SIGTERM: server, peer and swarm stop and exit with 0", arguments: [SIGINT, SIGTERM],
        ["server", "peer", "swarm"])
    func stop(signal: Int32, command: String) async throws {
        try await with(command) { process, _ in
            process.send(signal)
            let end = try await process.waitForExit(within: .seconds(5))
            #expect(end == 0)
        }
    }

    // Foundation blocks these signals in the processes that it starts.
    @Test(
        "SIGINT, SIGTERM and SIGHUP end a simulation even if its parent has blocked them",
        arguments: [SIGINT, SIGTERM, SIGHUP], ["selftest", "simulate"])
    func end(signal: Int32, command: String) async throws {
        try await with(command) { process, _ in
            process.send(signal)
            let end = try await process.waitForExit(within: .seconds(5))
            #expect(end == signal)
        }
    }

    @Test(
        "SIGTSTP and SIGSTOP stop every command, and SIGCONT continues it", arguments: [SIGTSTP, SIGSTOP],
        ["server", "peer", "swarm", "selftest"])
    func stopAndContinue(signal: Int32, command: String) async throws {
        try await with(command) { process, _ in
            process.send(signal)
            try await Self.wait(for: "T", of: process)
            process.send(SIGCONT)
            process.send(SIGTERM)
            let end = try await process.waitForExit(within: .seconds(5))
            #expect(end == (command == "selftest" ? SIGTERM : 0))
        }
    }

    /// Waits until /proc shows the given state of the process.
    private static func wait(for state: Character, of process: RunningProcess) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let fields = try String(contentsOfFile: "/proc/\(process.id)/stat", encoding: .utf8).split(separator: " ")
            if fields[2] == "\(state)" { return }
            try #require(ContinuousClock.now < deadline, "its state is \(fields[2])")
            try await RunningProcess.pause()
        }
    }

    @Test("SIGHUP: peer and swarm leave the mesh and exit with 129", arguments: ["peer", "swarm"])
    func hangup(command: String) async throws {
        try await with(command) { process, server in
            process.send(SIGHUP)
            let end = try await process.waitForExit(within: .seconds(5))
            #expect(end == 129)
            try await server.process.waitForLine(matching: "^- (A|m0) \\(left\\)")
            if command == "swarm" { #expect(process.lines(of: .output).first?.hasPrefix("peers ") == true) }
        }
    }

    @Test("under nohup, SIGHUP does not end a peer")
    func nohup() async throws {
        try await with("peer", launcher: ["/usr/bin/env", "nohup"]) { peer, server in
            let mark = peer.mark
            peer.send(SIGHUP)
            peer.send(SIGUSR1)
            try await peer.waitForLine(matching: " summary ", on: .errors, since: mark)
            #expect(try server.process.lines(matching: "^- A ").isEmpty)
            peer.send(SIGTERM)
            let end = try await peer.waitForExit()
            #expect(end == 0)
        }
    }

    @Test(
        "SIGQUIT: every command exits at once with 131, and writes no core file",
        arguments: ["server", "peer", "swarm", "selftest"])
    func quit(command: String) async throws {
        let launcher = ["/bin/sh", "-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""]
        try await with(command, launcher: launcher) { process, server in
            process.send(SIGQUIT)
            let end = try await process.waitForExit()
            #expect(end == 131)
            #expect(try server.process.lines(matching: "\\(left\\)").isEmpty)
            let files = try FileManager.default.contentsOfDirectory(atPath: harness.folder.path)
            #expect(!files.contains { $0.hasPrefix("core") })
        }
    }

    @Test("SIGUSR1: server and peer log a summary, and a swarm its progress", arguments: ["server", "peer", "swarm"])
    func summary(command: String) async throws {
        try await with(command) { process, _ in
            let mark = process.mark
            process.send(SIGUSR1)
            let pattern =
                command == "swarm" ? "^p2p: 2 of 2 " : " notice summary lost=0 members=0 refused=0$"
            try await process.waitForLine(matching: pattern, on: .errors, since: mark)
            process.send(SIGTERM)
            let end = try await process.waitForExit()
            #expect(end == 0)
        }
    }

    @Test("the summary counts members, and what was lost by reason")
    func summaryCounts() async throws {
        try await with("peer") { _, server in
            let stranger = try UDP.Socket(.loopback4)
            stranger.send([1, 2, 3], to: .loopback4, port: try #require(server.port))
            try await server.process.waitForLine(matching: "lost datagrams", on: .errors)
            server.process.send(SIGUSR1)
            try await server.process.waitForLine(
                matching: " summary lost=1 lost.strangersDropped=1 members=1 refused=0$", on: .errors)
        }
    }

    @Test(
        "SIGPIPE, SIGUSR1, SIGUSR2, SIGWINCH and SIGXFSZ end no command",
        arguments: [SIGPIPE, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ], ["server", "peer", "swarm", "selftest"])
    func ignored(signal: Int32, command: String) async throws {
        try await with(command) { process, _ in
            process.send(signal)
            process.send(SIGTERM)
            let end = try await process.waitForExit(within: .seconds(5))
            #expect(end == (command == "selftest" ? SIGTERM : 0))
        }
    }

    @Test(
        "a second Ctrl-C or SIGTERM ends a server, a peer and a swarm at once, with 130 or 143",
        arguments: [SIGINT, SIGTERM], ["server", "peer", "swarm"])
    func secondInterrupt(signal: Int32, command: String) async throws {
        try await harness.makeKeys()
        let pipe = try FullPipe(in: harness)
        let server = try await harness.startServer(["--open"])
        let arguments =
            switch command {
            case "server": ["server", "--open", "--listen", "127.0.0.1:0"]
            case "peer": ["peer", "A", "\(try UDP.freePort())", "--server", server.address]
            default: ["swarm", "--peers", "1", "--prefix", "A", "--server", server.address]
            }
        // Nobody reads the results, so the process takes half a second to end. On a busy host, it may end before the
        // second signal arrives. The test then starts another process.
        var end: Int32 = 0
        for _ in 0..<5 where end != 128 + signal {
            let mark = server.process.mark
            let process = try harness.start(arguments, launcher: pipe.launcher(for: .output))
            if command == "server" {
                try await process.waitForLine(matching: " listening ", on: .errors)
            } else {
                try await server.process.waitForLine(matching: "^\\+ A0? ", since: mark)
            }
            process.send(SIGINT)
            // The process ends at a signal that it receives more than 100 ms after the first one. So signals are sent
            // until then.
            while process.isRunning {
                process.send(signal)
                try await RunningProcess.pause()
            }
            end = try await process.waitForExit()
        }
        #expect(end == 128 + signal)
    }

    @Test("a signal that comes twice at once, as from a terminal and a wrapper, does not keep a peer from leaving")
    func doubleSignal() async throws {
        try await with("peer") { peer, server in
            for _ in 0..<3 {
                peer.send(SIGINT)
                peer.send(SIGTERM)
            }
            let end = try await peer.waitForExit()
            #expect(end == 0)
            try await server.process.waitForLine(matching: "^- A \\(left\\)")
        }
    }

    /// A launcher that runs the program as the first process of a PID namespace.
    ///
    /// The namespace needs a /proc of its own, because Dispatch reads its threads from there.
    private static let container = [
        "/usr/bin/unshare", "--map-root-user", "--fork", "--pid", "--mount-proc", "--kill-child=KILL",
    ]

    private static func hasContainers() async throws -> Bool { try await ProcessHarness.canRun(with: container) }

    @Test(
        "as the first process of a container, commands obey signals too",
        .enabled("needs namespaces", hasContainers), arguments: [SIGINT, SIGTERM],
        ["server", "peer", "swarm", "selftest"])
    func container(signal: Int32, command: String) async throws {
        try await with(command, launcher: Self.container) { process, server in
            try self.signal(signal, to: process, Self.container)
            let status = try await process.waitForExit(within: .seconds(5))
            #expect(status == (command == "selftest" ? 128 + signal : 0))
            if command == "peer" { try await server.process.waitForLine(matching: "^- A \\(left\\)") }
        }
    }

    @Test(
        "with closed standard descriptors, nothing is written to a socket",
        arguments: ["0<&- 1>&- 2>&-", "0<&-", "1>&-", "2>&-", "1>&- 2>&-"])
    func closedDescriptors(redirection: String) async throws {
        let server = try await harness.makeServer()
        let peer = try harness.start(
            ["peer", "A", "\(UDP.freePort())", "--server", server.address, "--broadcast-interval", "100ms"],
            launcher: ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(redirection)"])
        try await server.process.waitForLine(matching: "^\\+ A ")
        // The peer prints that it joined before it sends its first message.
        let other = try await harness.joinPeer("B", of: server)
        try await other.waitForMessages(from: "A", count: 1)
        for descriptor in 0...2 {
            let target = try FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\(peer.id)/fd/\(descriptor)")
            #expect(target.hasPrefix("/dev/null") || target.hasPrefix("pipe:"), "\(descriptor): \(target)")
        }
        peer.send(SIGTERM)
        // If standard output is closed, the results are lost and the exit code is 74.
        let status = try await peer.waitForExit()
        #expect(status == (redirection.contains("1>&-") ? 74 : 0))
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
    }
}
