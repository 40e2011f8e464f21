internal import Foundation
internal import Testing

/// Tests processes whose output nobody reads, as after Ctrl-S on a terminal.
@Suite("a reader that stalls", .processes, .serialized)
struct StalledReaderTests {
    private let harness = ProcessHarness.current

    @Test("a server whose log nobody reads keeps its members, and SIGTERM ends it within 2 s")
    func serverLog() async throws {
        try await harness.makeKeys()
        let pipe = try FullPipe(in: harness)
        let server = try await harness.startServer(launcher: pipe.launcher(for: .errors))
        let a = try await harness.joinPeer("A", of: server)
        let b = try await harness.joinPeer("B", of: server)
        try await a.waitForMessages(from: "B")
        try await Self.exchange(("A", a), ("B", b), strangerAt: try #require(server.port))
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit(within: .seconds(2)) == 0)
        #expect(try !server.process.lines(matching: "^- A ").isEmpty)
    }

    @Test("a peer whose log nobody reads stays a member, and SIGTERM ends it within 2 s")
    func peerLog() async throws {
        try await harness.makeKeys()
        let pipe = try FullPipe(in: harness)
        let server = try await harness.startServer()
        let port = try UDP.freePort()
        let a = try await harness.joinPeer("A", port: port, of: server, launcher: pipe.launcher(for: .errors))
        let b = try await harness.joinPeer("B", of: server)
        try await Self.exchange(("A", a), ("B", b), strangerAt: port)
        #expect(try server.process.lines(matching: "^[-~] ").isEmpty)
        // The peer would log the loss of its server to the stalled stream, so the test reads this stream once.
        a.send(SIGUSR1)
        let log = try await pipe.drain(until: "members=")
        #expect(!log.contains { $0.contains("lost the server") || $0.contains(" missing here: ") })
        pipe.fill()
        a.send(SIGTERM)
        #expect(try await a.waitForExit(within: .seconds(2)) == 0)
    }

    /// Sends garbage to a port, and waits until two peers have heard 20 messages of each other. At 200 ms, this takes
    /// more than twice the lifetime. Expects that neither peer prints a change of the members, or logs that it has lost
    /// the server.
    private static func exchange(
        _ a: (name: String, process: RunningProcess), _ b: (name: String, process: RunningProcess),
        strangerAt port: UInt16
    ) async throws {
        let stranger = try UDP.Socket(.loopback4)
        for size in 0...64 {
            stranger.send([UInt8](repeating: 0xFF, count: size), to: .loopback4, port: port)
        }
        let (markA, markB) = (a.process.mark, b.process.mark)
        try await a.process.waitForMessages(from: b.name, count: 20, since: markA)
        try await b.process.waitForMessages(from: a.name, count: 20, since: markB)
        for peer in [a.process, b.process] {
            #expect(try peer.lines(matching: "^[-~] ").isEmpty)
            #expect(try peer.lines(matching: "lost the server", on: .errors).isEmpty)
        }
    }

    @Test("lost lines of a log are counted where they are missing, once somebody reads again")
    func lostLines() async throws {
        let names = (0..<22).map { "n\($0)" }
        try await harness.makeKeys(peers: names)
        let pipe = try FullPipe(in: harness)
        // Each SIGHUP causes an output line that contains this path. The path is long, so a few lines fill the queue.
        let path = "keys/" + String(repeating: "./", count: 2_000) + "authorized_peers"
        let server = try await harness.startServer(
            ["--authorized-peers", path], launcher: pipe.launcher(for: .errors))
        for name in names { _ = try await harness.joinPeer(name, of: server, ["--broadcast-interval", "off"]) }
        var lines = try harness.read("keys/authorized_peers").split(separator: "\n")
        // The last key remains, because the server would refuse an empty list.
        for name in names.dropLast() {
            lines.removeFirst()
            try harness.write(lines.joined(separator: "\n") + "\n", to: "keys/authorized_peers")
            server.process.send(SIGHUP)
            // This line shows that the server has handled the signal.
            try await server.process.waitForLine(matching: "^- \(name) \\(the key is no longer authorized")
        }
        let log = try await pipe.drain(until: " missing here: the reader of stderr is too slow")
        let index = try #require(log.firstIndex { $0.contains(" missing here: ") })
        let count = try #require(log[index].firstMatch(of: #/(\d+) lines? (is|are) missing/#))
        #expect(Int(count.output.1) ?? 0 > 0)
        #expect(log[..<index].contains { $0.hasPrefix("p2p: read keys/") })
        #expect(log.first?.contains(" listening ") == true)
    }

    @Test("a server and a peer whose results nobody reads stay in the mesh, and SIGTERM ends them within 2 s")
    func results() async throws {
        try await harness.makeKeys()
        let pipe = try FullPipe(in: harness)
        let port = try UDP.freePort()
        let process = try harness.start(
            ["server", "--listen", "127.0.0.1:\(port)"], launcher: pipe.launcher(for: .output))
        let server = ServerProcess(process: process, address: "127.0.0.1:\(port)")
        let a = try harness.startPeer("A", of: server, launcher: pipe.launcher(for: .output))
        let b = try await harness.joinPeer("B", of: server)
        // 20 messages at 200 ms take more than twice the lifetime.
        try await b.waitForMessages(from: "A", count: 20)
        #expect(try b.lines(matching: "^[-~] ").isEmpty)
        for process in [a, b] {
            #expect(try process.lines(matching: "lost the server", on: .errors).isEmpty)
        }
        for process in [a, server.process] {
            process.send(SIGTERM)
            #expect(try await process.waitForExit(within: .seconds(2)) == 0)
            #expect(
                try !process.lines(matching: "not printed: nobody reads standard output$", on: .errors).isEmpty)
        }
    }

    @Test(
        "a server and a peer whose disk stops answering stay in the mesh, and SIGTERM ends them within 2 s",
        .enabled(if: BindMount.bindfs != nil, "needs root, bindfs and /dev/fuse"))
    func stoppedDisk() async throws {
        try await harness.makeKeys()
        try FileManager.default.createDirectory(atPath: harness.path("disk"), withIntermediateDirectories: true)
        try harness.write(try harness.read("keys/authorized_peers"), to: "disk/authorized_peers")
        let disk = try await BindMount(of: "disk", at: "disk", ["-o", "nonempty"], in: harness)
        defer { disk.end() }
        let (serverPort, peerPort) = (try UDP.freePort(), try UDP.freePort())
        let process = try harness.start(
            ["server", "--listen", "127.0.0.1:\(serverPort)", "--authorized-peers", "disk/authorized_peers"],
            launcher: disk.launcher(for: "server.log"))
        let server = ServerProcess(process: process, address: "127.0.0.1:\(serverPort)")
        let a = try harness.startPeer("A", port: peerPort, of: server, launcher: disk.launcher(for: "A.log"))
        let b = try await harness.joinPeer("B", of: server)
        let c = try await harness.joinPeer("C", of: server)
        try await b.waitForMessages(from: "A")
        try await c.waitForMessages(from: "A")
        disk.stop()
        // The server begins to read its list again.
        process.send(SIGHUP)
        let mark = c.mark
        try await Self.exchange(("B", b), ("C", c), strangerAt: serverPort)
        try await Self.exchange(("B", b), ("C", c), strangerAt: peerPort)
        try await c.waitForMessages(from: "A", count: 20, since: mark)
        for process in [a, process] {
            process.send(SIGTERM)
            #expect(try await process.waitForExit(within: .seconds(2)) == 0)
        }
        try await b.waitForLine(matching: "^- A ")
    }

    @Test("a server whose list is a pipe that delivers nothing keeps its members, and SIGTERM ends it within 2 s")
    func list() async throws {
        let (server, a, b) = try await harness.makeMesh()
        let path = harness.path("keys/authorized_peers")
        try FileManager.default.removeItem(atPath: path)
        try #require(unsafe mkfifo(path, 0o600) == 0)
        server.process.send(SIGHUP)
        // A writer can open the pipe once the server has opened it.
        var writer: Int32 = -1
        while writer < 0 {
            writer = unsafe open(path, O_WRONLY | O_NONBLOCK)
            await Task.yield()
        }
        defer { close(writer) }
        try await Self.exchange(("A", a), ("B", b), strangerAt: try #require(server.port))
        #expect(try server.process.lines(matching: "^[-~] ").isEmpty)
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit(within: .seconds(2)) == 0)
    }

    @Test("a command that prints much waits for a slow reader, and everything is printed")
    func shortCommand() async throws {
        let names = (0..<300).map { "n\($0)-of-a-name-that-is-long" }
        let result = try await harness.run(
            ["keygen"] + names, launcher: ["/bin/sh", "-c", #""$0" "$@" | (sleep 1; cat)"#])
        #expect(result.output.count == names.count)
    }
}
