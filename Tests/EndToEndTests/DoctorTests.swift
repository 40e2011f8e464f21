internal import Foundation
internal import Testing

/// `p2p doctor`, on real processes.
@Suite("doctor", .serialized)
struct DoctorTests {
    @Test("doctor finds nothing wrong with a healthy mesh: members answer, and packets of the needed size pass")
    func healthy() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A", "B"])
        let server = try await harness.startServer()
        let a = try await harness.joinPeer("A", of: server, ["--control", harness.path("a.sock")])
        _ = try await harness.joinPeer("B", of: server)
        try await a.waitForLine(matching: "^\\+ B ")
        let result = try await harness.run(["doctor", "--control", harness.path("a.sock")])
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.contains("ok  the peer has joined, may send messages, and 1 member is alive"))
        #expect(result.output.contains { $0.hasPrefix("ok  B answers in ") })
        #expect(result.output.contains { $0.hasPrefix("ok  packets of at least ") })
    }

    @Test("doctor says that a server is gone, what to do, and exits with 1")
    func serverGone() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A"])
        let server = try await harness.startServer()
        let a = try await harness.joinPeer("A", of: server, ["--control", harness.path("a.sock")])
        server.process.kill()
        try await a.waitForLine(matching: "^p2p: lost the server", on: .errors)
        let result = try await harness.run(["doctor", "--control", harness.path("a.sock")])
        #expect(result.status == 1, "\(result.text)")
        #expect(result.output.contains { $0.hasPrefix("!   lost the server at \(server.address)") })
    }

    @Test("the report for a bug has no secret key, whatever the keys folder and the environment hold")
    func report() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
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
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.run(["doctor", "--report", "nowhere/report.json"])
            .expectFailure(73, "cannot write nowhere/report.json")
    }
}
