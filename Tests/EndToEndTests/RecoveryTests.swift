internal import Foundation
internal import Testing

/// What a mesh gets over by itself.
@Suite("by itself", .serialized)
struct RecoveryTests {
    @Test("a peer that stood still for 5 s is a member again within 3 s")
    func stoppedPeer() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        try await a.hear("B")
        let continued = try await b.standStill(for: .seconds(5)) { try await a.waitForLine(matching: "^- B$") }
        let (markA, markB, markServer) = (a.mark, b.mark, server.program.mark)
        try await server.program.waitForLine(
            matching: "^\\+ B ", since: markServer, within: .seconds(3), of: continued)
        try await b.waitForLine(matching: "^joined as B at ", since: markB, within: .seconds(3), of: continued)
        try await a.waitForLine(matching: "^[+~] B ", since: markA, within: .seconds(3), of: continued)
        try await a.hear("B", since: markA)
        try await b.hear("A", since: markB)
    }

    @Test("a server that is killed and started at once has all peers back within 3 s")
    func restartedServer() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let old = try await stage.startServer()
        let port = try #require(old.port)
        var peers: [(name: String, program: Program)] = []
        for name in ["A", "B", "C"] { peers.append((name, try await stage.joinPeer(name, of: old))) }
        let marks = peers.map(\.program.mark)
        old.program.send(SIGKILL)
        try await old.program.waitForExit()

        let start = ContinuousClock.now
        let new = try await stage.startServer(port: port)
        for (peer, mark) in zip(peers, marks) {
            try await peer.program.waitForLine(
                matching: "^joined as \(peer.name) at ", since: mark, within: .seconds(3), of: start)
            try await new.program.waitForLine(matching: "^\\+ \(peer.name) ", within: .seconds(3), of: start)
        }
        for peer in peers {
            for other in peers where other.name != peer.name { try await peer.program.hear(other.name) }
        }
    }

    @Test("a server that is away for longer than its peers wait has them back when it returns")
    func absentServer() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let old = try await stage.startServer()
        let port = try #require(old.port)
        let a = try await stage.joinPeer("A", of: old)
        let b = try await stage.joinPeer("B", of: old)
        old.program.send(SIGINT)
        try await old.program.waitForExit()
        let (markA, markB) = (a.mark, b.mark)
        for peer in [a, b] { try await peer.waitForLine(matching: "^p2p: warning: no answer from ", on: .errors) }

        // The retry gap is 8 s and jitter at most.
        let new = try await stage.startServer(port: port)
        try await a.waitForLine(matching: "^joined as A at ", since: markA, within: .seconds(12))
        try await b.waitForLine(matching: "^joined as B at ", since: markB, within: .seconds(12))
        try await a.hear("B")
        try await b.hear("A")
        withExtendedLifetime(new) {}
    }

    /// On loopback the closed port of an absent server answers with ICMP: an error at the peer's socket.
    @Test("a peer whose server's port is closed keeps running and joins when the server appears")
    func closedPort() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let port = try UDP.freePort()
        let peer = try stage.start(["peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(port)"])
        try await peer.waitForLine(matching: "^p2p: warning: no answer from .* trying on", on: .errors)
        let server = try await stage.startServer(port: port)
        try await peer.waitForLine(matching: "^joined as A at ", within: .seconds(12))
        try await server.program.waitForLine(matching: "^\\+ A ")
    }

    @Test(
        "a peer on IPv6 and one on IPv4 are in one mesh",
        .enabled(if: UDP.hasIPv6, "this machine has no IPv6 loopback, ::1"))
    func bothFamilies() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer(["--listen", "[::1]:0"])
        let line = try await server.program.waitForLine(matching: "^listening on \\[::1\\]:")
        let server6 = Server(program: server.program, address: String(line.dropFirst("listening on ".count)))
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server6)
        try await a.waitForLine(matching: "^\\+ B \\[::1\\]:")
        try await b.waitForLine(matching: "^\\+ A 127.0.0.1:")
        try await a.hear("B", times: 3)
        try await b.hear("A", times: 3)
    }

    @Test("garbage of every length harms neither server nor peers")
    func garbage() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let ports = try (UDP.freePort(), UDP.freePort())
        let a = try await stage.joinPeer("A", port: ports.0, of: server)
        let b = try await stage.joinPeer("B", port: ports.1, of: server)
        try await a.hear("B")
        try await b.hear("A")

        var random = SystemRandomNumberGenerator()
        let stranger = try UDP.Socket(.loopback4)
        let targets = [try #require(server.port), ports.0, ports.1]
        for port in targets {
            for size in Array(0...64) + [1_400] {
                let noise = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                stranger.send(noise, to: .loopback4, port: port)
                stranger.send([UInt8](repeating: 0, count: size), to: .loopback4, port: port)
            }
            // What looks right for as far as a stranger can make it: version, kind, length.
            for kind in Array(UInt8(0)...6) + Array(0x10...0x12) + Array(0x20...0x24) + [0x30, 0xFF] {
                for size in [28, 92, 116, 134, 143, 183, 256, 1_232, 1_400] {
                    var datagram = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                    datagram.replaceSubrange(0..<4, with: [1, kind, UInt8(size >> 8), UInt8(size & 0xFF)])
                    stranger.send(datagram, to: .loopback4, port: port)
                }
            }
            stranger.send([UInt8](repeating: 0xFF, count: 65_000), to: .loopback4, port: port)
        }

        for program in [server.program, a, b] {
            try await program.waitForLine(matching: "refused datagrams", on: .errors)
        }
        // 20 messages at 200 ms: more than twice the lifetime.
        let (markA, markB) = (a.mark, b.mark)
        try await a.hear("B", times: 20, since: markA)
        try await b.hear("A", times: 20, since: markB)
        for program in [server.program, a, b] {
            #expect(try program.lines(matching: "^[-~] ").isEmpty)
            #expect(try program.lines(matching: "lost the server|ended the session", on: .errors).isEmpty)
        }
        // Refusals are summed up: never a line for each datagram.
        #expect(try server.program.lines(matching: "refused datagrams", on: .errors).count < 40)
    }
}
