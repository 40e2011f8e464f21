internal import Foundation
internal import MeshControl
internal import Testing

/// Tests `p2p status` and the control socket that supplies the status.
@Suite("p2p status", .processes, .timeLimit(.minutes(10)))
struct StatusTests {
    private let harness = ProcessHarness.current

    @Test("a server and a peer have a socket of mode 0600 in a folder of mode 0700, and remove it when they end")
    func modes() async throws {
        let server = try await harness.makeServer()
        let port = try UDP.freePort()
        let peer = try await harness.joinPeer("A", port: port, of: server)
        let sockets = ["server-\(try #require(server.port)).sock", "peer-A-\(port).sock"]
        for name in sockets {
            let file = try await harness.waitForSocket(name)
            #expect(try harness.permissions(of: file) == 0o600)
        }
        #expect(try harness.permissions(of: harness.runtimeFolder.appending(path: "p2p")) == 0o700)
        for process in [peer, server.process] {
            process.send(SIGTERM)
            #expect(try await process.waitForExit() == 0)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: harness.path(of: ""))
        #expect(left.isEmpty)
    }

    @Test("the status of a server lists who is a member, who left, who failed and who never joined")
    func states() async throws {
        let (server, _, leaving) = try await harness.makeMesh(peers: ["A", "B", "C", "D"])
        let failing = try await harness.joinPeer("C", of: server)
        leaving.send(SIGTERM)
        failing.kill()
        try await server.process.waitForLine(matching: "^- B")
        try await server.process.waitForLine(matching: "^- C")
        let socket = try harness.socket(of: server)
        let lines = try await harness.run(["status", "--control", socket]).output.map { $0.split(separator: "\t") }
        #expect(
            lines.map { [$0[0], $0[1], $0[3]] } == [
                ["A", "alive", "-"], ["B", "left", "left"], ["C", "failed", "expired"], ["D", "never", "-"],
            ])
        #expect(lines.allSatisfy { $0.count == 10 && $0[5].count == 12 })
        let json = try await harness.run(["status", "--json", "--control", socket]).output.joined()
        let status = try JSONDecoder().decode(MeshStatus.self, from: Data(json.utf8))
        #expect(status.counts == ["alive": 1, "suspect": 0, "left": 1, "failed": 1, "revoked": 0, "never": 1])
        #expect(try #require(status.members?.first).sentDatagrams ?? 0 > 0)
    }

    private func problems(at socket: String) async throws -> [String] {
        let json = try await harness.run(["status", "--json", "--control", socket]).output.joined()
        return try JSONDecoder().decode(MeshStatus.self, from: Data(json.utf8)).problems.map(\.code)
    }

    @Test("a revoked peer is not said to have lost its server, and the server forgets the refusal with the revocation")
    func problemsOfRevoked() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let port = try UDP.freePort()
        let a = try await harness.joinPeer("A", port: port, of: server)
        let mark = a.mark
        #expect(try await harness.run(["revoke", "A"]).status == 0)
        try await a.waitForLine(matching: "^p2p: warning: the server does not let this key", on: .errors, since: mark)
        let socket = try await harness.waitForSocket("peer-A-\(port).sock").path
        #expect(try await problems(at: socket) == ["refused"])
        try await server.process.waitForLine(matching: "turned away A p2ppub1_", on: .errors)
        let ofServer = try harness.socket(of: server)
        #expect(try await problems(at: ofServer) == ["turnedAway"])
        #expect(try await harness.run(["authorize", "A", "keys/A.pub"]).status == 0)
        #expect(try await problems(at: ofServer) == [])
    }

    @Test("a revoked member is remembered as revoked after its line is removed from the list")
    func revoked() async throws {
        let lines = try await harness.makeKeys(peers: ["A", "B"])
        let server = try await harness.startServer()
        _ = try await harness.joinPeer("A", of: server)
        _ = try await harness.joinPeer("B", of: server)
        try harness.write(lines.filter { $0.hasPrefix("A ") }.joined() + "\n", to: "keys/authorized_peers")
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "^- B")
        let status = try await harness.run(["status", "--control", harness.socket(of: server)])
        #expect(status.output.contains { $0.hasPrefix("B\trevoked\t") }, "\(status.text)")
    }

    @Test("on a terminal the status is a table, with the problems first")
    func terminal() async throws {
        let server = try await harness.makeServer()
        _ = try await harness.joinPeer("A", of: server)
        let socket = try harness.socket(of: server)
        let status = try await harness.run(
            ["status", "--control", socket], launcher: ["/bin/sh", "-c", "exec script -qec \"$*\" /dev/null", "sh"])
        let lines = status.output.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        #expect(lines[0].contains(/^server at \S+, up for \d+s: 1 alive, 2 never$/), "\(status.text)")
        #expect(lines[1].contains(/^NAME +STATE +FOR +WHY +ADDRESS +KEY +ROUND TRIP$/))
        #expect(lines[2].contains(/^A +alive +\d+s +- +127/))

        try harness.write("nonsense\n", to: "keys/authorized_peers")
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "previous list stays", on: .errors)
        let faulty = try await harness.run(["status", "--control", socket])
        #expect(faulty.output.first?.hasPrefix("! ") == true, "\(faulty.text)")
        #expect(faulty.output.first?.contains("the previous list stays in force") == true)
    }

    @Test("--check exits with 0 while a peer is a member, with 1 without a server, with 69 if nothing runs, silently")
    func check() async throws {
        try await harness.makeKeys()
        let none = try await harness.run(["status", "--check"])
        #expect(none.status == 69 && none.text.isEmpty)
        let server = try await harness.startServer()
        let port = try UDP.freePort()
        let peer = try await harness.joinPeer("A", port: port, of: server)
        let socket = try await harness.waitForSocket("peer-A-\(port).sock").path
        let healthy = try await harness.run(["status", "--check", "--control", socket])
        #expect(healthy.status == 0 && healthy.text.isEmpty)
        server.process.kill()
        try await peer.waitForLine(matching: "lost the server", on: .errors)
        let sick = try await harness.run(["status", "--check", "--control", socket])
        #expect(sick.status == 1 && sick.text.isEmpty)
        // The peer is now the only process that runs.
        let status = try await harness.run(["status"])
        #expect(status.output.first?.contains("lost the server") == true, "\(status.text)")
    }

    @Test("if several processes run, a command takes the only server, and otherwise lists their sockets")
    func several() async throws {
        try await harness.makeKeys()
        try await harness.run(["status"]).expectFailure(69, "no server or peer", hint: "--control")
        let server = try await harness.startServer()
        let port = try UDP.freePort()
        _ = try await harness.joinPeer("A", port: port, of: server)
        _ = try await harness.waitForSocket("peer-A-\(port).sock")
        let status = try await harness.run(["status"])
        #expect(status.status == 0 && status.output.first?.hasPrefix("A\talive\t") == true, "\(status.text)")
        #expect(status.errors.contains { $0.contains("this is the server") && $0.contains("peer-A-\(port).sock") })
        try await harness.run(["status", "--check"]).expectFailure(64, "more than one", hint: "--control")
        let another = try UDP.freePort()
        _ = try await harness.joinPeer("B", port: another, of: server)
        _ = try await harness.waitForSocket("peer-B-\(another).sock")
        try await harness.run(["ping", "B"]).expectFailure(64, "peer-A-\(port).sock", hint: "--control")
        try await harness.run(["status", "--control", "none.sock"]).expectFailure(69, "nothing answers at none.sock")
    }

    @Test("the socket of a process that was killed is replaced, and that of a running one is not")
    func stale() async throws {
        let killed = try await harness.makeServer(["--control", "s.sock"])
        try await harness.waitForFile("s.sock")
        killed.process.kill()
        #expect(harness.exists("s.sock"))
        _ = try await harness.startServer(["--control", "s.sock"])
        _ = try await harness.waitForAnswer(at: "s.sock")
        let second = try harness.start(["server", "--listen", "127.0.0.1:0", "--control", "s.sock"])
        try await second.finish().expectFailure(73, "another process listens at s.sock", hint: "--control")
        #expect(try await harness.run(["status", "--control", "s.sock", "--check"]).status == 0)
    }

    @Test("a folder of sockets that was deleted is there again, and open connections stay")
    func deleted() async throws {
        let server = try await harness.makeServer()
        let socket = try await harness.waitForSocket("server-\(try #require(server.port)).sock")
        let watch = try harness.start(["watch"])
        try await harness.wait("a stream") {
            try await harness.run(["status", "--json"]).text.contains("\"streams\":1")
        }
        try FileManager.default.removeItem(at: harness.runtimeFolder.appending(path: "p2p"))
        try await server.process.waitForLine(
            matching: "somebody deleted the control socket .* it is there again", on: .errors)
        #expect(try harness.permissions(of: socket) == 0o600)
        #expect(try harness.permissions(of: socket.deletingLastPathComponent()) == 0o700)
        #expect(try await harness.run(["status"]).status == 0)
        _ = try await harness.joinPeer("A", of: server)
        try await watch.waitForLine(matching: "memberJoined +A ")
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit() == 0)
        #expect(!FileManager.default.fileExists(atPath: socket.path))
    }

    @Test("a command removes the sockets of processes that were killed, and no other files")
    func dead() async throws {
        let server = try await harness.makeServer()
        let socket = try await harness.waitForSocket("server-\(try #require(server.port)).sock")
        let file = socket.deletingLastPathComponent().appending(path: "mine.sock")
        try Data("mine".utf8).write(to: file)
        server.process.kill()
        #expect(FileManager.default.fileExists(atPath: socket.path))
        try await harness.run(["status"]).expectFailure(69, "no server or peer of this user runs here")
        #expect(!FileManager.default.fileExists(atPath: socket.path))
        #expect(FileManager.default.fileExists(atPath: file.path))
    }

    @Test("another file in the place of the control socket is left alone, and the server says so")
    func replaced() async throws {
        let server = try await harness.makeServer(["--control", "s.sock"])
        _ = try await harness.waitForAnswer(at: "s.sock")
        try FileManager.default.removeItem(atPath: harness.path("s.sock"))
        try harness.write("mine", to: "s.sock")
        try await server.process.waitForLine(
            matching: "commands cannot reach this process: s.sock is not a socket", on: .errors)
        try FileManager.default.removeItem(atPath: harness.path("s.sock"))
        try await server.process.waitForLine(matching: "it is there again", on: .errors)
        #expect(try await harness.run(["status", "--control", "s.sock", "--check"]).status == 0)
    }

    @Test(
        "a command does not use a folder of sockets that belongs to another user",
        .enabled("needs root") { geteuid() == 0 })
    func foreignFolder() async throws {
        let server = try await harness.makeServer()
        _ = try await harness.joinPeer("A", of: server)
        let folder = harness.runtimeFolder.appending(path: "p2p")
        _ = try await harness.waitForSocket("server-\(try #require(server.port)).sock")
        try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: folder.path)
        // Another user owns the socket. That user must not get the message.
        try await harness.run(["send", "B", "hello"]).expectFailure(69, "no peer of this user runs here")
        try await harness.run(["status"]).expectFailure(69, "no server or peer of this user runs here")
    }

    /// Asks for the status at the socket s.sock, and prints the first line of the answer, or `nothing`.
    private static let asking = """
        import socket
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect("s.sock")
        try:
            client.sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: p2p\\r\\n\\r\\n")
            print(client.recv(4096).split(b"\\r\\n")[0].decode() or "nothing")
        except ConnectionError:
            print("nothing")
        """

    @Test(
        "a server does not answer another user, even if the mode of its control socket lets that user connect",
        .enabled("needs root, and setpriv", KeyAccessTests.canGiveAway))
    func anotherUser() async throws {
        let server = try await harness.makeServer(["--control", "s.sock"])
        try await harness.waitForAnswer(at: "s.sock")
        let ask = ["/usr/bin/env", "python3", "-c", Self.asking]
        try FileManager.default.createSymbolicLink(
            atPath: harness.path("link.sock"), withDestinationPath: "s.sock")
        for (mode, path) in [(0o600, "s.sock"), (0o666, "s.sock"), (0o666, "link.sock")] {
            try harness.setMode(mode, of: "s.sock")
            try await harness.run(["status", "--control", path], launcher: BadInputTests.nobody)
                .expectFailure(77, "this user may not use the socket \(path)", hint: "or as root")
            let checked = try await harness.run(
                ["status", "--check", "--control", path], launcher: BadInputTests.nobody)
            #expect(checked.status == 77 && checked.text.isEmpty, "\(checked.text)")
        }
        #expect(try await harness.run([], launcher: BadInputTests.nobody + ask).output == ["nothing"])
        #expect(try await harness.run([], launcher: ask).output == ["HTTP/1.1 200 OK"])

        // The socket with the new mode is still that of the server, which removes it at its end.
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit() == 0)
        #expect(!harness.exists("s.sock"))
    }

    @Test("with P2P_SOCKETS, a command talks to the process of that folder only, although others run")
    func chosenFolder() async throws {
        _ = try await harness.makeServer()
        let environment = ["P2P_SOCKETS": "other"]
        try await harness.run(["status"], environment: environment)
            .expectFailure(69, "no server or peer of this user runs here", hint: "other has none")
        let server = try harness.start(["server", "--listen", "127.0.0.1:0"], environment: environment)
        let line = try await server.waitForLine(matching: "^listening on ")
        let port = try #require(line.split(separator: ":").last)
        while !harness.exists("other/server-\(port).sock") { try await RunningProcess.pause() }
        let status = try await harness.run(["status", "--json"], environment: environment)
        #expect(status.text.contains("\"\(line.dropFirst("listening on ".count))\""), "\(status.text)")
    }

    @Test("status ends with an error if the server is stopped by SIGSTOP")
    func stopped() async throws {
        let server = try await harness.makeServer()
        _ = try await harness.waitForSocket("server-\(try #require(server.port)).sock")
        try await server.process.stop()
        try await harness.run(["status"], within: .seconds(40))
            .expectFailure(69, "has not answered for 15 s", hint: "kill -CONT")
        server.process.send(SIGCONT)
        #expect(try await harness.run(["status"]).status == 0)
    }

    @Test("without a socket a server runs and warns; a path that the user chose must work")
    func unusable() async throws {
        try await harness.makeKeys()
        try harness.write("", to: "file")
        for path in ["none/s.sock", "file", String(repeating: "x", count: 200)] {
            let server = try harness.start(["server", "--listen", "127.0.0.1:0", "--control", path])
            try await server.finish().expectFailure(73, path, hint: "--control")
        }
        #expect(harness.exists("file"))
        // The program does not use a folder that others may enter.
        let folder = harness.runtimeFolder.appending(path: "p2p")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let server = try await harness.startServer()
        try await server.process.waitForLine(matching: "^p2p: warning: commands cannot reach", on: .errors)
        try await server.process.waitForLine(matching: "^p2p: hint: chmod 700", on: .errors)
        _ = try await harness.joinPeer("A", of: server, ["--control", "off"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("curl can ask, and an unknown path gets a refusal in JSON")
    func curl() async throws {
        let server = try await harness.makeServer(["--control", "s.sock"])
        _ = try await harness.waitForAnswer(at: "s.sock")
        let launcher = ["/bin/sh", "-c", "exec curl -s --unix-socket s.sock \"http://p2p/v1/$2\"", "sh"]
        let status = try await harness.run(["status"], launcher: launcher)
        #expect(status.text.hasPrefix("{\"addresses\":[\"\(server.address)\"]"))
        let unknown = try await harness.run(["unknown"], launcher: launcher)
        #expect(unknown.text.contains("\"code\":\"notFound\""))
        let malformed = try await harness.run(
            [], launcher: ["/bin/sh", "-c", "exec curl -s --unix-socket s.sock -X FOO http://p2p/v1/status", "sh"])
        #expect(malformed.text.contains("\"code\":\"badRequest\""), "\(malformed.text)")
    }
}

extension ProcessHarness {
    /// Returns the path of the control socket with this name in the harness's socket folder.
    func path(of socket: String) -> String {
        runtimeFolder.appending(path: "p2p").appending(path: socket).path
    }

    /// Returns the path of a server's control socket.
    func socket(of server: ServerProcess) throws -> String {
        path(of: "server-\(try #require(server.port)).sock")
    }

    func permissions(of file: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    }

    /// Waits until the control socket with this name exists in the harness's socket folder.
    @discardableResult
    func waitForSocket(_ name: String) async throws -> URL {
        let file = runtimeFolder.appending(path: "p2p").appending(path: name)
        try await wait("the socket \(name)") { FileManager.default.fileExists(atPath: file.path) }
        return file
    }

    /// Waits until a file exists in the working folder.
    func waitForFile(_ name: String) async throws {
        try await wait("the file \(name)") { exists(name) }
    }

    /// Waits until a process answers at its control socket. The socket has this name and is in the working folder.
    func waitForAnswer(at socket: String) async throws {
        try await wait("an answer at \(socket)") {
            try await run(["status", "--check", "--control", socket]).status != 69
        }
    }

    func wait(
        _ what: String, within limit: Duration = .seconds(10), until condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw MissingOutcome(what: what, from: "\(limit)") }
            await Task.yield()
        }
    }
}
