internal import Testing

/// Tests a peer with a long round trip to its server.
@Suite("distance", .processes)
struct DistanceTests {
    private let harness = ProcessHarness.current

    @Test("a peer whose round trip is too long says so in one line, and the settings in its hint are long enough")
    func longRoundTrip() async throws {
        let near = try await harness.makeServer(["--heartbeat", "100ms", "--lifetime", "300ms"])
        let relay = try DelayingRelay(to: try #require(near.port), delay: .milliseconds(130))
        let a = try harness.startPeer("A", of: ServerProcess(process: near.process, address: relay.address))
        let warning = try await a.waitForLine(
            matching: "^p2p: warning: the round trip to ", on: .errors, within: .seconds(60))
        let told = try #require(warning.firstMatch(of: /round trip to (\S+) takes (\d+) ms, and (.*)$/))
        #expect(told.1 == relay.address && told.3 == "the server's --heartbeat allows at most 200 ms")
        #expect(try #require(Int(told.2)) >= 260)
        let hint = try await a.waitForLine(matching: "^p2p: hint: start the server with", on: .errors)
        let settings = try #require(
            hint.firstMatch(of: /, for example (--heartbeat) (\d+ms) (--lifetime) (\d+ms)$/))
        try await a.stop()
        try await near.process.stop()

        let far = try await harness.startServer([settings.1, settings.2, settings.3, settings.4].map(String.init))
        let other = try DelayingRelay(to: try #require(far.port), delay: .milliseconds(130))
        let b = try await harness.joinPeer("B", of: ServerProcess(process: far.process, address: other.address))
        try await other.waitForPassed(other.passed + 30)
        #expect(try b.lines(matching: "the round trip", on: .errors).isEmpty)
    }
}
