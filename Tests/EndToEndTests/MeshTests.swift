internal import Foundation
internal import Testing

/// What people do with a mesh that works.
@Suite("a mesh of processes", .serialized)
struct MeshTests {
    @Test("the server says where it listens and which key to pin")
    func serverSpeaks() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys()
        let ports = try (UDP.freePort(), UDP.freePort())
        let server = try stage.start(
            ["server", "--listen", "127.0.0.1:\(ports.0)", "--listen", "127.0.0.1:\(ports.1)"])
        try await server.waitForLine(matching: "^listening on 127.0.0.1:\(ports.0)$")
        try await server.waitForLine(matching: "^listening on 127.0.0.1:\(ports.1)$")
        try await server.waitForLine(matching: "^public key \(keys[0].dropFirst("server ".count))$")
        // What the system granted of the receive buffer is worth knowing.
        try await server.waitForLine(matching: "receiveBuffer=[0-9]+", on: .errors)

        // A peer at each of the two addresses: one mesh.
        let first = try await stage.joinPeer("A", of: Server(program: server, address: "127.0.0.1:\(ports.0)"))
        let second = try await stage.joinPeer("B", of: Server(program: server, address: "127.0.0.1:\(ports.1)"))
        try await first.hear("B")
        try await second.hear("A")
    }

    @Test("peers and server tell of joins, messages and leaves")
    func joinsMessagesLeaves() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let (portA, portB) = try (UDP.freePort(), UDP.freePort())
        let a = try await stage.joinPeer("A", port: portA, of: server)
        #expect(a.lines(of: .output).first == "joined as A at 127.0.0.1:\(portA)")
        try await server.program.waitForLine(matching: "^\\+ A 127.0.0.1:\(portA)$")

        let b = try await stage.joinPeer("B", port: portB, of: server)
        try await server.program.waitForLine(matching: "^\\+ B 127.0.0.1:\(portB)$")
        try await a.waitForLine(matching: "^\\+ B 127.0.0.1:\(portB)$")
        try await b.waitForLine(matching: "^\\+ A 127.0.0.1:\(portA)$")

        try await a.waitForLine(matching: "^B: B_broadcast_1$")
        try await a.waitForLine(matching: "^B: B_broadcast_2$")
        try await b.hear("A", times: 3)
        // Nobody is told of itself.
        #expect(try a.lines(matching: "^([-+~] A|A: )").isEmpty)

        b.send(SIGINT)
        try await a.waitForLine(matching: "^- B$")
        try await server.program.waitForLine(matching: "^- B \\(left\\)$")
    }

    @Test("a peer that dies without a word expires")
    func expiry() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        b.send(SIGKILL)
        try await a.waitForLine(matching: "^- B$", within: .seconds(3))
        try await server.program.waitForLine(matching: "^- B \\(expired\\)$")

        // And its successor is welcome.
        let mark = a.mark
        let successor = try await stage.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ", since: mark)
        try await a.hear("B", since: mark)
        try await successor.hear("A")
    }

    @Test("a shorter heartbeat and lifetime, told to the peers, find the dead sooner")
    func shorterLifetime() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer(["--heartbeat", "100ms", "--lifetime", "300ms"])
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        b.send(SIGKILL)
        // The default would take 1.5 s at least.
        try await a.waitForLine(matching: "^- B$", within: .milliseconds(1_400))
    }

    @Test("a message cannot move the cursor, forge a line or ring the bell")
    func escaping() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let text = "a\u{1B}[31m\nB: forged\r\t\u{7}\u{202E}\\ é"
        _ = try await stage.joinPeer("B", of: server, ["--message", text])
        let line = try await a.waitForLine(matching: "^B: ")
        #expect(line == "B: a\\u{1b}[31m\\nB: forged\\r\\t\\u{7}\\u{202e}\\\\ é")
        #expect(try a.lines(matching: "^B: forged").isEmpty)
    }

    @Test("--broadcast-interval off: listens and says nothing")
    func silence() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server, ["--broadcast-interval", "off"])
        _ = try await stage.joinPeer("C", of: server)
        try await a.hear("C", times: 5)
        try await b.hear("C", times: 5)
        #expect(try a.lines(matching: "^B: ").isEmpty)
    }

    @Test("--open lets anyone join, under a name that is free")
    func open() async throws {
        let stage = try Stage()
        defer { stage.end() }
        _ = try await stage.run(["keygen", "server", "A"])
        _ = try await stage.run(["keygen", "A", "--keys", "others"])
        let server = try await stage.startServer(["--open"])
        try await server.program.waitForLine(matching: "^p2p: warning: --open", on: .errors)
        _ = try await stage.joinPeer("A", of: server)
        let other = try stage.startPeer("A", of: server, ["--key", "others/A.key"])
        try await other.waitForLine(matching: "the name is taken by another key", on: .errors)
        _ = try await stage.joinPeer("B", of: server, ["--key", "others/A.key"])
    }

    @Test("--max-peers: who comes after is told that the mesh is full")
    func full() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer(["--max-peers", "1"])
        _ = try await stage.joinPeer("A", of: server)
        let b = try stage.startPeer("B", of: server)
        try await b.waitForLine(matching: "^p2p: warning: turned away: the mesh is full", on: .errors)
    }

    @Test("keys and addresses other than the usual")
    func otherPlaces() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.run(["keygen", "server", "A", "B", "--authorize", "--keys", "elsewhere"]).output
        let wrong = try await stage.run(["keygen", "wrong"]).output
        let server = try await stage.startServer(
            ["--key", "elsewhere/server.key", "--authorized-peers", "elsewhere/authorized_peers"])
        let port = try UDP.freePort()
        // Pinned by its text and by its file; one of several is enough.
        let a = try await stage.joinPeer(
            "A", port: port, of: server,
            [
                "--key", "elsewhere/A.key", "--bind", "127.0.0.1", "--server-key", String(wrong[0].dropFirst(6)),
                "--server-key", String(keys[0].dropFirst("server ".count)),
            ])
        #expect(a.lines(of: .output).first == "joined as A at 127.0.0.1:\(port)")
        try await a.waitForLine(matching: "address=127.0.0.1:\(port)", on: .errors)
        let b = try await stage.joinPeer(
            "B", of: server, ["--keys", "elsewhere", "--server-key", "elsewhere/server.pub"])
        try await a.hear("B")
        try await b.hear("A")
    }

    // MARK: the end

    @Test("SIGINT and SIGTERM: a peer leaves and ends with 0 within 2 s", arguments: [SIGINT, SIGTERM])
    func peerStops(signal: Int32) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        b.send(signal)
        #expect(try await b.waitForExit(within: .seconds(2)) == 0)
        try await server.program.waitForLine(matching: "^- B \\(left\\)$")
        try await a.waitForLine(matching: "^- B$")
    }

    @Test("SIGINT and SIGTERM: a peer that never joined ends with 0 within 2 s", arguments: [SIGINT, SIGTERM])
    func waitingPeerStops(signal: Int32) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let peer = try stage.start([
            "peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(try UDP.freePort())",
        ])
        try await peer.waitForLine(matching: "^p2p: warning: no answer from ", on: .errors)
        peer.send(signal)
        #expect(try await peer.waitForExit(within: .seconds(2)) == 0)
    }

    @Test("SIGINT and SIGTERM: the server tells all and ends with 0 within 2 s", arguments: [SIGINT, SIGTERM])
    func serverStops(signal: Int32) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        server.program.send(signal)
        #expect(try await server.program.waitForExit(within: .seconds(2)) == 0)
        for peer in [a, b] {
            try await peer.waitForLine(matching: "^p2p: the server ended the session: the server stops$", on: .errors)
        }
    }

    // MARK: SIGHUP

    @Test("SIGHUP: a key that is gone is told why and is out of every directory within 1 s")
    func revocation() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        let c = try await stage.joinPeer("C", of: server)
        for other in [a, c] { try await other.waitForLine(matching: "^\\+ B ") }
        try await b.hear("A")

        try stage.write("\(keys[1])\n\(keys[3])\n", to: "keys/authorized_peers")
        let start = ContinuousClock.now
        server.program.send(SIGHUP)
        for other in [a, c] { try await other.waitForLine(matching: "^- B$", within: .seconds(1), of: start) }
        let status = try await b.waitForExit(within: .seconds(2), of: start)
        let told = Finished(status: status, output: b.lines(of: .output), errors: b.lines(of: .errors))
        told.expectFailure(77, "does not let this key join as B", hint: keys[2])
        #expect(told.errors.contains("p2p: the server ended the session: the key is no longer authorised"))
        try await server.program.waitForLine(matching: "^- B \\(the key is no longer authorised\\)$")
        try await server.program.waitForLine(matching: "^p2p: read .*authorized_peers again: 2 keys$", on: .errors)

        // The others go on; it does not come back.
        try await a.hear("C", times: 2)
        let again = try stage.startPeer("B", of: server)
        #expect(try await again.waitForExit() == 77)
    }

    @Test("SIGHUP: a key that is new may join")
    func addition() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        let line = try #require(try await stage.run(["keygen", "B"]).output.first)
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        #expect(try await stage.startPeer("B", of: server).waitForExit() == 77)
        try stage.write(try stage.read("keys/authorized_peers") + "\(line)\n", to: "keys/authorized_peers")
        server.program.send(SIGHUP)
        try await server.program.waitForLine(matching: "^p2p: read .* again: 2 keys$", on: .errors)
        _ = try await stage.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        // Reading the list again ended no session.
        #expect(try server.program.lines(matching: "^- A ").isEmpty)
    }

    @Test("SIGHUP: a list with a bad line changes nothing")
    func badList() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys()
        let server = try await stage.startServer()
        let a = try await stage.joinPeer("A", of: server)
        let b = try await stage.joinPeer("B", of: server)
        // Without B, which would be out if a part of this list came into force.
        try stage.write("\(keys[1])\nC p2ppub1_short\n", to: "keys/authorized_peers")
        server.program.send(SIGHUP)
        try await server.program.waitForLine(matching: "^p2p: error: keys/authorized_peers:2: ", on: .errors)
        let mark = a.mark
        try FileManager.default.removeItem(atPath: stage.path("keys/authorized_peers"))
        server.program.send(SIGHUP)
        try await server.program.waitForLine(matching: "^p2p: error: no list of peers at ", on: .errors)
        try await a.hear("B", times: 8, since: mark)
        try await b.hear("A")
        _ = try await stage.joinPeer("C", of: server)
        #expect(try server.program.lines(matching: "^- ").isEmpty)
        #expect(try a.lines(matching: "^- ").isEmpty)
    }
}
