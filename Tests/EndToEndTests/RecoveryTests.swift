internal import Foundation
internal import Testing

/// Tests faults from which a mesh recovers without help.
@Suite("recovery", .processes, .serialized)
struct RecoveryTests {
    private let harness = ProcessHarness.current

    @Test("a peer that was stopped for 5 s is a member again within 3 s")
    func stoppedPeer() async throws {
        let (server, a, b) = try await harness.makeMesh()
        try await a.waitForMessages(from: "B")
        // The marks are set before B continues, because on a loaded machine B may be back before this task runs again.
        var (markA, markB, markServer) = (0, 0, 0)
        let continued = try await b.suspend(for: .seconds(5)) {
            try await a.waitForLine(matching: "^- B \\(expired\\)$")
            (markA, markB, markServer) = (a.mark, b.mark, server.process.mark)
        }
        try await server.process.waitForLine(
            matching: "^\\+ B ", since: markServer, within: .seconds(3), of: continued)
        try await b.waitForLine(matching: "^joined as B at ", since: markB, within: .seconds(3), of: continued)
        try await a.waitForLine(matching: "^[+~] B ", since: markA, within: .seconds(3), of: continued)
        try await a.waitForMessages(from: "B", since: markA)
        try await b.waitForMessages(from: "A", since: markB)
    }

    @Test("a server that is killed and restarted at once has all peers back within 3 s")
    func restartedServer() async throws {
        let old = try await harness.makeServer()
        let port = try #require(old.port)
        var peers: [(name: String, process: RunningProcess)] = []
        for name in ["A", "B", "C"] { peers.append((name, try await harness.joinPeer(name, of: old))) }
        let marks = peers.map(\.process.mark)
        old.process.send(SIGKILL)
        try await old.process.waitForExit()

        let start = ContinuousClock.now
        let new = try await harness.startServer(port: port)
        for (peer, mark) in zip(peers, marks) {
            try await peer.process.waitForLine(
                matching: "^joined as \(peer.name) at ", since: mark, within: .seconds(3), of: start)
            try await new.process.waitForLine(matching: "^\\+ \(peer.name) ", within: .seconds(3), of: start)
        }
        for peer in peers {
            for other in peers where other.name != peer.name {
                try await peer.process.waitForMessages(from: other.name)
            }
        }
    }

    @Test(
        "the peers of a server with --state print nothing when it is killed and restarted, and talk on",
        arguments: [SIGKILL, SIGTERM])
    func keptMembers(signal: Int32) async throws {
        let old = try await harness.makeServer(["--state", "members", "--lifetime", "4s"])
        let port = try #require(old.port)
        let a = try await harness.joinPeer("A", of: old)
        let b = try await harness.joinPeer("B", of: old)
        for (peer, other) in [(a, "B"), (b, "A")] { try await peer.waitForLine(matching: "^\\+ \(other) ") }
        old.process.send(signal)
        try await old.process.waitForExit()
        let marks = [a.mark, b.mark]
        let new = try await harness.startServer(
            port: port, ["--state", "members", "--lifetime", "4s", "--control", "s.sock"])
        for name in ["A", "B"] { try await new.process.waitForLine(matching: "^\\+ \(name) ") }
        // A member is alive once it has confirmed its new keys.
        var alive = 0
        for _ in 0..<200 where alive < 2 {
            alive = try await harness.run(["status", "--control", "s.sock"]).output.count { $0.contains("\talive\t") }
        }
        #expect(alive == 2)
        try await a.waitForMessages(from: "B", count: 3, since: marks[0])
        try await b.waitForMessages(from: "A", count: 3, since: marks[1])
        for (peer, mark) in zip([a, b], marks) {
            #expect(try peer.lines(matching: "^(?!. ?: ?._broadcast_)", since: mark) == [])
            #expect(try peer.lines(matching: "", on: .errors, since: mark) == [])
        }
    }

    @Test("peers return to a server that was absent for longer than their retries take")
    func absentServer() async throws {
        let old = try await harness.makeServer()
        let port = try #require(old.port)
        let a = try await harness.joinPeer("A", of: old)
        let b = try await harness.joinPeer("B", of: old)
        old.process.send(SIGINT)
        try await old.process.waitForExit()
        let (markA, markB) = (a.mark, b.mark)
        for peer in [a, b] { try await peer.waitForLine(matching: "^p2p: warning: no answer from ", on: .errors) }

        // A peer retries at intervals of at most 8 s plus jitter.
        _ = try await harness.startServer(port: port)
        try await a.waitForLine(matching: "^joined as A at ", since: markA, within: .seconds(12))
        try await b.waitForLine(matching: "^joined as B at ", since: markB, within: .seconds(12))
        try await a.waitForMessages(from: "B")
        try await b.waitForMessages(from: "A")
    }

    /// Tests a peer at a server whose port is closed. On loopback, a datagram to a closed port causes an ICMP message,
    /// and the peer's socket reports it as an error.
    @Test("a peer whose server's port is closed keeps running and joins when the server appears")
    func closedPort() async throws {
        try await harness.makeKeys()
        let port = try UDP.freePort()
        let peer = try harness.start(["peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(port)"])
        try await peer.waitForLine(matching: "^p2p: warning: no answer from .* still trying", on: .errors)
        let server = try await harness.startServer(port: port)
        try await peer.waitForLine(matching: "^joined as A at ", within: .seconds(12))
        try await server.process.waitForLine(matching: "^\\+ A ")
    }

    @Test(
        "a peer on IPv6 and one on IPv4 are in one mesh",
        .enabled(if: UDP.hasIPv6, "this machine has no IPv6 loopback, ::1"))
    func bothFamilies() async throws {
        let server = try await harness.makeServer(["--listen", "[::1]:0"])
        let line = try await server.process.waitForLine(matching: "^listening on \\[::1\\]:")
        let server6 = ServerProcess(process: server.process, address: String(line.dropFirst("listening on ".count)))
        let a = try await harness.joinPeer("A", of: server)
        let b = try await harness.joinPeer("B", of: server6)
        try await a.waitForLine(matching: "^\\+ B \\[::1\\]:")
        try await b.waitForLine(matching: "^\\+ A 127.0.0.1:")
        try await a.waitForMessages(from: "B", count: 3)
        try await b.waitForMessages(from: "A", count: 3)
    }

    @Test("garbage of every length harms neither the server nor the peers")
    func garbage() async throws {
        let server = try await harness.makeServer()
        let ports = try (UDP.freePort(), UDP.freePort())
        let a = try await harness.joinPeer("A", port: ports.0, of: server)
        let b = try await harness.joinPeer("B", port: ports.1, of: server)
        try await a.waitForMessages(from: "B")
        try await b.waitForMessages(from: "A")

        var random = SystemRandomNumberGenerator()
        let stranger = try UDP.Socket(.loopback4)
        let targets = [try #require(server.port), ports.0, ports.1]
        for port in targets {
            for size in Array(0...64) + [1_400] {
                let noise = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                stranger.send(noise, to: .loopback4, port: port)
                stranger.send([UInt8](repeating: 0, count: size), to: .loopback4, port: port)
            }
            // A stranger can send datagrams whose version, kind and length are valid.
            for kind in Array(UInt8(0)...6) + Array(0x10...0x12) + Array(0x20...0x24) + [0x30, 0xFF] {
                for size in [28, 92, 116, 134, 143, 191, 256, 1_232, 1_400] {
                    var datagram = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                    datagram.replaceSubrange(0..<4, with: [1, kind, UInt8(size >> 8), UInt8(size & 0xFF)])
                    stranger.send(datagram, to: .loopback4, port: port)
                }
            }
            stranger.send([UInt8](repeating: 0xFF, count: 65_000), to: .loopback4, port: port)
        }

        for process in [server.process, a, b] {
            // At the server, the kernel drops most of these datagrams before the process reads them.
            try await process.waitForLine(matching: "(refused|lost) datagrams", on: .errors)
        }
        // 20 messages at 200 ms take more than twice the lifetime.
        let (markA, markB) = (a.mark, b.mark)
        try await a.waitForMessages(from: "B", count: 20, since: markA)
        try await b.waitForMessages(from: "A", count: 20, since: markB)
        for process in [server.process, a, b] {
            #expect(try process.lines(matching: "^[-~] ").isEmpty)
            #expect(try process.lines(matching: "lost the server|ended the session", on: .errors).isEmpty)
        }
        // One log line counts many refusals. There is not one line per datagram.
        #expect(try server.process.lines(matching: "(refused|lost) datagrams", on: .errors).count < 40)
    }
}
