import MeshReport
import MeshSimulator
import SecureMeshCore
import Testing

/// The bugs that simulated worlds have found. Each test plays the world that showed a bug, and is named after the bug.
@Suite struct RegressionSeeds {
    private func play(_ scenario: Scenario) -> Recording {
        let outcome = World(scenario).run()
        #expect(outcome.isSound, "\(Story.of(scenario, outcome).joined(separator: "\n"))")
        return outcome.recording
    }

    /// Dropped DELTAs delayed `.joined`. The messages that were buffered until then were delivered after the trust in
    /// their sender had ended.
    @Test func `a message that waited for joined was delivered beyond trust`() {
        _ = play(FaultPlan.scenario(seed: 4, attack: .deltaDrop))
    }

    /// A member that joined and left within a tick remained in the list of receivers until the next flush.
    @Test func `a member that had left before the flush was still sent DELTAs`() {
        _ = play(FaultPlan.scenario(seed: 652))
    }

    /// The sender had sent the message to a member in the former session, because only the former directory listed that
    /// member. It then repeated the message in the new session, in which the member cannot recognize copies.
    @Test(arguments: [2_680, 3_586] as [UInt64])
    func `a message that asked for an acknowledgment while the server restarted was delivered twice`(seed: UInt64) {
        _ = play(FaultPlan.scenario(seed: seed))
    }

    /// The sweep had begun before the pause, so the time of the pause counted as silence of the members.
    @Test(arguments: [1_816, 2_884, 3_546] as [UInt64])
    func `a server that was paused while it drained its sockets expired its members`(seed: UInt64) {
        _ = play(FaultPlan.scenario(seed: seed))
    }

    /// The changes that were buffered until `.joined` were not reported if the server stopped before `.joined`.
    @Test func `members that had joined before the server stopped were never reported`() {
        _ = play(FaultPlan.scenario(seed: 2_517))
    }

    /// Of each burst of reordered DELTAs, only one was applied per heartbeat. The others were refused and sent again,
    /// so joins took minutes.
    @Test func `in a network that reorders, peers that lagged behind stayed behind`() {
        var scenario = Scenario(seed: 1, peers: 60, duration: .seconds(30))
        scenario.cryptography = .insecureTest
        scenario.network.latency = .milliseconds(20)
        scenario.network.jitter = .milliseconds(10)
        scenario.network.loss = 50_000
        let recording = play(scenario)
        #expect(recording.joinTimes.quantile(0.99) < .seconds(14))
        #expect(recording.convergence.quantile(0.99) < .seconds(14))
    }
}
