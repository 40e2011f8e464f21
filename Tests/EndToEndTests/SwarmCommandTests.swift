internal import Foundation
internal import Testing

@Suite("p2p swarm", .processes, .serialized)
struct SwarmCommandTests {
    private let harness = ProcessHarness.current

    /// Reads the report that `--json` prints.
    private func report(of result: FinishedProcess) throws -> [String: Any] {
        let text = Data(result.output.joined(separator: "\n").utf8)
        return try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    }

    @Test("all peers join an open server and hear each other")
    func talks() async throws {
        let server = try await harness.makeServer(["--open"])
        let result = try await harness.run(
            ["swarm", "--peers", "12", "--server", server.address, "--talk", "100ms", "--talkers", "each"]
                + ["--duration", "4s", "--json"])
        #expect(result.status == 0, "\(result.text)")
        let report = try report(of: result)
        #expect(report["joined"] as? Int == 12)
        let (sent, delivered) = (report["sent"] as? Int ?? 0, report["delivered"] as? Int ?? 0)
        #expect(delivered > 0)
        #expect(report["lost"] as? Int == sent - delivered)
        for key in ["time_to_join", "delay"] {
            let times = try #require(report[key] as? [String: Int])
            let (half, most) = try (#require(times["p50_ns"]), #require(times["max_ns"]))
            #expect(half > 0 && half <= most)
        }
        #expect(report["joined_after_ns"] as? Int ?? 0 > 0)
        #expect(report["memory_bytes"] as? Int ?? 0 > 1 << 20)
    }

    @Test("with --talk-after, no peer broadcasts before that time")
    func talksLater() async throws {
        let server = try await harness.makeServer(["--open"])
        let result = try await harness.run(
            ["swarm", "--peers", "3", "--server", server.address, "--talk", "20ms", "--talkers", "each"]
                + ["--talk-after", "1h", "--duration", "2s", "--json"])
        #expect(result.status == 0, "\(result.text)")
        let report = try report(of: result)
        #expect(report["joined"] as? Int == 3 && report["sent"] as? Int == 0)
    }

    @Test("newcomers start when all others have joined, and the report says when all list them")
    func newcomers() async throws {
        let server = try await harness.makeServer(["--open"])
        let swarm = try harness.start(
            ["swarm", "--peers", "8", "--newcomers", "2", "--prefix", "m", "--server", server.address])
        try await server.process.waitForLine(matching: "^\\+ m9 ")
        let joins = try server.process.lines(matching: "^\\+ m")
        #expect(joins.suffix(2).map { String($0.prefix(4)) } == ["+ m8", "+ m9"])
        // A peer may send messages only after all members have listed it. So if this second swarm succeeds, all peers
        // of the first swarm have joined.
        let other = try await harness.run(["swarm", "--peers", "1", "--server", server.address, "--duration", "2s"])
        #expect(other.status == 0, "\(other.text)")
        swarm.send(SIGINT)
        #expect(try await swarm.waitForExit(within: .seconds(2)) == 0)
        let lines = swarm.lines(of: .output)
        #expect(lines.first?.hasPrefix("peers         10 of 10 joined, the last after ") == true)
        #expect(lines.contains { $0.hasPrefix("listed by all p50 ") }, "\(lines)")
    }

    @Test("at SIGINT all peers leave, and the process prints its table within 2 s")
    func interrupted() async throws {
        let server = try await harness.makeServer(["--open"])
        let swarm = try harness.start(["swarm", "--peers", "12", "--prefix", "m", "--server", server.address])
        for number in 0..<12 { try await server.process.waitForLine(matching: "^\\+ m\(number) ") }
        // The server prints that a peer joined before that peer may send messages. If this second swarm succeeds, the
        // last peer of the first swarm may send messages too.
        let other = try await harness.run(
            ["swarm", "--peers", "1", "--server", server.address, "--duration", "2s"])
        #expect(other.status == 0, "\(other.text)")
        swarm.send(SIGINT)
        let status = try await swarm.waitForExit(within: .seconds(2))
        #expect(status == 0)
        #expect(swarm.lines(of: .output).first?.hasPrefix("peers         12 of 12 joined, the last after ") == true)
        for number in 0..<12 { try await server.process.waitForLine(matching: "^- m\(number) \\(left\\)") }
    }

    @Test("SIGTERM ends a server within 2 s while 60 peers join and send messages, and it dismisses each member")
    func serverStopped() async throws {
        let server = try await harness.makeServer(["--open"])
        let swarm = try harness.start(
            ["swarm", "--peers", "60", "--prefix", "m", "--server", server.address, "--talk", "500ms"]
                + ["--talkers", "each"])
        try await server.process.waitForLine(matching: "^\\+ m40 ")
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit(within: .seconds(2)) == 0)
        let (joined, dismissed) = try (
            server.process.lines(matching: "^\\+ m").count, server.process.lines(matching: "^- m").count
        )
        #expect(joined > 30 && dismissed == joined)
        swarm.send(SIGINT)
        try await swarm.waitForExit(within: .seconds(2))
    }

    @Test("--stored-keys takes the peers' keys from the folder of keys")
    func storedKeys() async throws {
        let server = try await harness.makeServer(peers: ["n0", "n1"])
        let arguments = ["swarm", "--stored-keys", "--server", server.address, "--duration", "2s", "--peers"]
        let result = try await harness.run(arguments + ["2"])
        #expect(result.status == 0, "\(result.text)")
        #expect(try !server.process.lines(matching: "^\\+ n1 ").isEmpty)
        try await harness.run(arguments + ["3"]).expectFailure(77, "no key at keys/n2.key", hint: "p2p keygen n2")
    }

    @Test("exits with 69 if a peer never joined")
    func nobodyThere() async throws {
        try await harness.makeKeys()
        let result = try await harness.run(
            ["swarm", "--peers", "3", "--server", "127.0.0.1:\(UDP.freePort())", "--duration", "500ms"])
        result.expectFailure(69, "0 of 3 peers joined", hint: "p2p peer")
    }
}
