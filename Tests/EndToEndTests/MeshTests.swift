internal import Foundation
internal import Testing

/// Tests the ordinary use of a mesh.
@Suite("a mesh of processes", .processes, .serialized)
struct MeshTests {
    private let harness = ProcessHarness.current

    @Test("the server prints its addresses and its public key")
    func serverSpeaks() async throws {
        let keys = try await harness.makeKeys()
        let ports = try (UDP.freePort(), UDP.freePort())
        let server = try harness.start(
            ["server", "--listen", "127.0.0.1:\(ports.0)", "--listen", "127.0.0.1:\(ports.1)"])
        try await server.waitForLine(matching: "^listening on 127.0.0.1:\(ports.0)$")
        try await server.waitForLine(matching: "^listening on 127.0.0.1:\(ports.1)$")
        try await server.waitForLine(matching: "^public key \(keys[0].dropFirst("server ".count))$")
        // The log says once per address whether the kernel filters datagrams, and which receive buffer the system has
        // granted.
        let settings = "kernelFilter=(true|false) receiveBuffer=[0-9]+"
        for port in [ports.0, ports.1] {
            try await server.waitForLine(matching: "address=127.0.0.1:\(port) \(settings)", on: .errors)
        }
        #expect(try server.lines(matching: "kernelFilter", on: .errors).count == 2)

        // Peers that join at different addresses of a server are in one mesh.
        let first = try await harness.joinPeer("A", of: ServerProcess(process: server, address: "127.0.0.1:\(ports.0)"))
        let second = try await harness.joinPeer(
            "B", of: ServerProcess(process: server, address: "127.0.0.1:\(ports.1)"))
        try await first.waitForMessages(from: "B")
        try await second.waitForMessages(from: "A")
    }

    @Test("peers and server print joins, messages and leaves")
    func joinsMessagesLeaves() async throws {
        let server = try await harness.makeServer()
        let (portA, portB) = try (UDP.freePort(), UDP.freePort())
        let a = try await harness.joinPeer("A", port: portA, of: server)
        #expect(a.lines(of: .output).first == "joined as A at 127.0.0.1:\(portA)")
        try await server.process.waitForLine(matching: "^\\+ A 127.0.0.1:\(portA)$")

        let b = try await harness.joinPeer("B", port: portB, of: server)
        try await server.process.waitForLine(matching: "^\\+ B 127.0.0.1:\(portB)$")
        try await a.waitForLine(matching: "^\\+ B 127.0.0.1:\(portB)$")
        try await b.waitForLine(matching: "^\\+ A 127.0.0.1:\(portA)$")

        try await a.waitForLine(matching: "^B: B_broadcast_1$")
        try await a.waitForLine(matching: "^B: B_broadcast_2$")
        try await b.waitForMessages(from: "A", count: 3)
        // A peer prints nothing about itself.
        #expect(try a.lines(matching: "^([-+~] A|A: )").isEmpty)

        b.send(SIGINT)
        try await a.waitForLine(matching: "^- B \\(left\\)$")
        try await server.process.waitForLine(matching: "^- B \\(left\\)$")
    }

    @Test("a killed peer expires")
    func expiry() async throws {
        let (server, a, b) = try await harness.makeMesh()
        try await a.waitForLine(matching: "^\\+ B ")
        b.send(SIGKILL)
        try await a.waitForLine(matching: "^- B \\(expired\\)$", within: .seconds(3))
        try await server.process.waitForLine(matching: "^- B \\(expired\\)$")

        // A new process with the key of the same peer may join.
        let mark = a.mark
        let successor = try await harness.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ", since: mark)
        try await a.waitForMessages(from: "B", since: mark)
        try await successor.waitForMessages(from: "A")
    }

    @Test("with a shorter heartbeat and lifetime, a killed peer expires sooner")
    func shorterLifetime() async throws {
        let (_, a, b) = try await harness.makeMesh(["--heartbeat", "100ms", "--lifetime", "300ms"])
        try await a.waitForLine(matching: "^\\+ B ")
        b.send(SIGKILL)
        // With the default intervals, the expiry would take at least 1.5 s.
        try await a.waitForLine(matching: "^- B \\(expired\\)$", within: .milliseconds(1_400))
    }

    @Test("a message cannot move the cursor, forge a line or ring the bell")
    func escaping() async throws {
        let server = try await harness.makeServer()
        let a = try await harness.joinPeer("A", of: server)
        let text = "a\u{1B}[31m\nB: forged\r\t\u{7}\u{202E}\\ é"
        _ = try await harness.joinPeer("B", of: server, ["--message", text])
        let line = try await a.waitForLine(matching: "^B: ")
        #expect(line == "B: a\\u{1b}[31m\\nB: forged\\r\\t\\u{7}\\u{202e}\\\\ é")
        #expect(try a.lines(matching: "^B: forged").isEmpty)
    }

    @Test("--broadcast-interval off: the peer receives but does not send")
    func silence() async throws {
        let server = try await harness.makeServer()
        let a = try await harness.joinPeer("A", of: server)
        let b = try await harness.joinPeer("B", of: server, ["--broadcast-interval", "off"])
        _ = try await harness.joinPeer("C", of: server)
        try await a.waitForMessages(from: "C", count: 5)
        try await b.waitForMessages(from: "C", count: 5)
        #expect(try a.lines(matching: "^B: ").isEmpty)
    }

    @Test("--open lets anyone join under a free name")
    func open() async throws {
        _ = try await harness.run(["keygen", "server", "A"])
        _ = try await harness.run(["keygen", "A", "--keys", "others"])
        let server = try await harness.startServer(["--open"])
        try await server.process.waitForLine(matching: "^p2p: warning: --open", on: .errors)
        _ = try await harness.joinPeer("A", of: server)
        let other = try harness.startPeer("A", of: server, ["--key", "others/A.key"])
        try await other.waitForLine(matching: "the name is taken by another key", on: .errors)
        _ = try await harness.joinPeer("B", of: server, ["--key", "others/A.key"])
    }

    @Test("--max-peers: the next peer learns that the mesh is full")
    func full() async throws {
        let server = try await harness.makeServer(["--max-peers", "1"])
        _ = try await harness.joinPeer("A", of: server)
        let b = try harness.startPeer("B", of: server)
        try await b.waitForLine(matching: "^p2p: warning: turned away: the mesh is full", on: .errors)
    }

    @Test("keys and addresses other than the defaults")
    func otherPlaces() async throws {
        let keys = try await harness.run(["keygen", "server", "A", "B", "--authorize", "--keys", "elsewhere"]).output
        let wrong = try await harness.run(["keygen", "wrong"]).output
        let server = try await harness.startServer(
            ["--key", "elsewhere/server.key", "--authorized-peers", "elsewhere/authorized_peers"])
        let port = try UDP.freePort()
        // One of several pinned keys is enough; keys are given as text or as files.
        let a = try await harness.joinPeer(
            "A", port: port, of: server,
            [
                "--key", "elsewhere/A.key", "--bind", "127.0.0.1", "--server-key", String(wrong[0].dropFirst(6)),
                "--server-key", String(keys[0].dropFirst("server ".count)),
            ])
        #expect(a.lines(of: .output).first == "joined as A at 127.0.0.1:\(port)")
        try await a.waitForLine(matching: "address=127.0.0.1:\(port)", on: .errors)
        let b = try await harness.joinPeer(
            "B", of: server, ["--keys", "elsewhere", "--server-key", "elsewhere/server.pub"])
        try await a.waitForMessages(from: "B")
        try await b.waitForMessages(from: "A")
    }

    // MARK: SIGINT and SIGTERM

    @Test("SIGINT and SIGTERM: a peer leaves and exits with 0 within 2 s", arguments: [SIGINT, SIGTERM])
    func peerStops(signal: Int32) async throws {
        let (server, a, b) = try await harness.makeMesh()
        try await a.waitForLine(matching: "^\\+ B ")
        b.send(signal)
        #expect(try await b.waitForExit(within: .seconds(2)) == 0)
        try await server.process.waitForLine(matching: "^- B \\(left\\)$")
        try await a.waitForLine(matching: "^- B \\(left\\)$")
    }

    @Test("SIGINT and SIGTERM: a peer that never joined exits with 0 within 2 s", arguments: [SIGINT, SIGTERM])
    func waitingPeerStops(signal: Int32) async throws {
        try await harness.makeKeys()
        let peer = try harness.start([
            "peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(try UDP.freePort())",
        ])
        try await peer.waitForLine(matching: "^p2p: warning: no answer from ", on: .errors)
        peer.send(signal)
        #expect(try await peer.waitForExit(within: .seconds(2)) == 0)
    }

    @Test(
        "SIGINT and SIGTERM: the server dismisses all members and exits with 0 within 2 s",
        arguments: [SIGINT, SIGTERM])
    func serverStops(signal: Int32) async throws {
        let (server, a, b) = try await harness.makeMesh()
        server.process.send(signal)
        #expect(try await server.process.waitForExit(within: .seconds(2)) == 0)
        for peer in [a, b] {
            try await peer.waitForLine(
                matching: "^p2p: the server \(server.address) ended the session of .*: it stops;", on: .errors)
        }
    }

    // MARK: SIGHUP

    @Test("SIGHUP: the peer of a removed key learns why, and is out of every directory within 1 s")
    func revocation() async throws {
        let keys = try await harness.makeKeys()
        let server = try await harness.startServer()
        let a = try await harness.joinPeer("A", of: server)
        let b = try await harness.joinPeer("B", of: server, ["--once"])
        let c = try await harness.joinPeer("C", of: server)
        for other in [a, c] { try await other.waitForLine(matching: "^\\+ B ") }
        try await b.waitForMessages(from: "A")

        try harness.write("\(keys[1])\n\(keys[3])\n", to: "keys/authorized_peers")
        let start = ContinuousClock.now
        server.process.send(SIGHUP)
        for other in [a, c] {
            try await other.waitForLine(
                matching: "^- B \\(the key is no longer authorized\\)$", within: .seconds(1), of: start)
        }
        let revoked = try await b.finish(within: .seconds(2), of: start)
        revoked.expectFailure(77, "the server \(server.address) has revoked the key of B at 127.0.0.1:", hint: keys[2])
        #expect(revoked.errors.contains { $0.hasSuffix(": the key is no longer authorized") })
        try await server.process.waitForLine(
            matching: "^p2p: the session of B at 127.0.0.1:[0-9]+ ended: its key is no longer authorized", on: .errors)
        try await server.process.waitForLine(matching: "^- B \\(the key is no longer authorized\\)$")
        try await server.process.waitForLine(matching: "^p2p: read .*authorized_peers again: 2 keys$", on: .errors)

        // The other peers continue; the revoked one cannot return.
        try await a.waitForMessages(from: "C", count: 2)
        let again = try harness.startPeer("B", of: server, ["--once"])
        #expect(try await again.waitForExit() == 77)
    }

    @Test("SIGHUP: an added key may join")
    func addition() async throws {
        try await harness.makeKeys(peers: ["A"])
        let line = try #require(try await harness.run(["keygen", "B"]).output.first)
        let server = try await harness.startServer()
        let a = try await harness.joinPeer("A", of: server)
        #expect(try await harness.startPeer("B", of: server, ["--once"]).waitForExit() == 77)
        try harness.write(try harness.read("keys/authorized_peers") + "\(line)\n", to: "keys/authorized_peers")
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "^p2p: read .* again: 2 keys$", on: .errors)
        _ = try await harness.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        // Reading the list again has ended no session.
        #expect(try server.process.lines(matching: "^- A ").isEmpty)
    }

    @Test("SIGHUP: a bad list changes nothing")
    func badList() async throws {
        let keys = try await harness.makeKeys()
        let server = try await harness.startServer()
        let a = try await harness.joinPeer("A", of: server)
        let b = try await harness.joinPeer("B", of: server)
        // The list lacks B. If the valid lines of a bad list took effect, B would be dismissed.
        try harness.write("\(keys[1])\nC p2ppub1_short\n", to: "keys/authorized_peers")
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "^p2p: error: keys/authorized_peers:2: ", on: .errors)
        let mark = a.mark
        try FileManager.default.removeItem(atPath: harness.path("keys/authorized_peers"))
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "^p2p: error: no list of peers at ", on: .errors)
        try await a.waitForMessages(from: "B", count: 8, since: mark)
        try await b.waitForMessages(from: "A")
        _ = try await harness.joinPeer("C", of: server)
        #expect(try server.process.lines(matching: "^- ").isEmpty)
        #expect(try a.lines(matching: "^- ").isEmpty)
    }
}
