internal import Foundation
internal import Testing

/// Tests `p2p doctor` on real processes.
@Suite("doctor", .processes, .serialized)
struct DoctorTests {
    private let harness = ProcessHarness.current

    @Test("doctor finds nothing wrong with a healthy mesh: members answer, and packets of the needed size pass")
    func healthy() async throws {
        let server = try await harness.makeServer(peers: ["A", "B"])
        let a = try await harness.joinPeer("A", of: server, ["--control", harness.path("a.sock")])
        _ = try await harness.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        let result = try await harness.run(["doctor", "--control", harness.path("a.sock")])
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.contains("ok  the peer has joined, may send messages, and 1 member is alive"))
        #expect(result.output.contains { $0.hasPrefix("ok  B answers in ") })
        #expect(result.output.contains { $0.hasPrefix("ok  packets of at least ") })
    }

    @Test("doctor looks at the clock, the key and the list as check does, and says which file is wrong")
    func files() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let server = try await harness.startServer(["--control", "s.sock"])
        _ = try await harness.joinPeer("A", of: server, ["--control", "A.sock"])
        for socket in ["s.sock", "A.sock"] { try await harness.waitForAnswer(at: socket) }
        let ofServer = try await harness.run(["doctor", "--control", "s.sock"])
        let ofPeer = try await harness.run(["doctor", "--control", "A.sock"])
        for result in [ofServer, ofPeer] {
            #expect(result.status == 0, "\(result.text)")
            #expect(result.output.contains { $0.contains(/^(ok|--)  .*clock of this host.* \d{4}-\S+Z/) })
        }
        let key = try #require(keys.first?.split(separator: " ").last)
        #expect(ofServer.output.contains("ok  key keys/server.key: \(key)"))
        #expect(ofServer.output.contains("ok  list of peers keys/authorized_peers: 1 key"))
        #expect(ofPeer.output.contains { $0.hasPrefix("ok  key keys/A.key: p2ppub1_") })
        #expect(ofPeer.output.contains("ok  server key \(key)"))
        let check = try await harness.run(["check", "server", "--listen", "127.0.0.1:0"])
        #expect(check.output.contains("ok  list of peers keys/authorized_peers: 1 key"))

        let elsewhere = try await harness.run(["doctor", "--control", "A.sock", "--keys", "none"])
        #expect(elsewhere.status == 0 && elsewhere.text.contains("--  no file none/A.key"), "\(elsewhere.text)")
        try harness.write("nonsense\n", to: "keys/authorized_peers")
        try harness.setMode(0o644, of: "keys/A.key")
        let list = try await harness.run(["doctor", "--control", "s.sock"])
        #expect(
            list.status == 1 && list.output.contains { $0.hasPrefix("!   keys/authorized_peers:1") }, "\(list.text)")
        let mode = try await harness.run(["doctor", "--control", "A.sock"])
        #expect(
            mode.status == 1 && mode.output.contains { $0.hasPrefix("!   ") && $0.contains("keys/A.key") },
            "\(mode.text)")
    }

    @Test("doctor found the server's key right although the running peer accepted another one")
    func otherServerKey() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        _ = try await harness.joinPeer("A", of: server, ["--control", harness.path("a.sock")])
        let new = try #require(try await harness.run(["key", "new", "server", "--replace"]).output.last)
        let result = try await harness.run(["doctor", "--control", harness.path("a.sock")])
        let key = new.dropFirst("server ".count)
        #expect(
            result.output.contains {
                $0.hasPrefix("--  keys/server.pub has a server key that the running peer does not accept, \(key);")
            }, "\(result.text)")
    }

    @Test("doctor says that a server is gone, what to do, and exits with 1")
    func serverGone() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let a = try await harness.joinPeer("A", of: server, ["--control", harness.path("a.sock")])
        server.process.kill()
        try await a.waitForLine(matching: "^p2p: lost the server", on: .errors)
        let result = try await harness.run(["doctor", "--control", harness.path("a.sock")])
        #expect(result.status == 1, "\(result.text)")
        #expect(result.output.contains { $0.hasPrefix("!   lost the server at \(server.address)") })
    }

    @Test("the report for a bug has no secret key, whatever the keys folder and the environment hold")
    func report() async throws {
        try await harness.makeKeys(peers: ["A"])
        let secrets = try ["server", "A"].map { name in
            try #require(
                harness.read("keys/\(name).key").split(separator: "\n").first { $0.hasPrefix("P2PSECRET1_") })
        }
        let server = try await harness.startServer(["--control", harness.path("s.sock")])
        _ = try await harness.joinPeer("A", of: server)
        let result = try await harness.run(
            ["doctor", "--control", harness.path("s.sock"), "--report", "report.json"],
            environment: ["P2P_PLANTED": String(secrets[0])])
        #expect(result.status == 0, "\(result.text)")
        let report = try harness.read("report.json")
        for secret in secrets { #expect(!report.contains(secret.dropFirst("P2PSECRET1_".count))) }
        #expect(!report.contains("P2PSECRET1_"))
        let object = try JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any]
        #expect(object.map { Set($0.keys) } == ["schema", "findings", "host", "reach", "status"])
    }

    @Test("a report that cannot be written is refused before anything is examined")
    func unwritable() async throws {
        try await harness.run(["doctor", "--report", "nowhere/report.json"])
            .expectFailure(73, "cannot write nowhere/report.json")
    }
}
