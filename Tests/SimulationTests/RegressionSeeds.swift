import MeshReport
import MeshSimulator
import SecureMeshCore
import Testing

/// The bugs that simulated worlds have found, each in its world.
@Suite struct RegressionSeeds {
    private func play(_ scenario: Scenario) -> Recording {
        let outcome = World(scenario).run()
        #expect(outcome.isSound, "\(Story.of(scenario, outcome).joined(separator: "\n"))")
        return outcome.recording
    }

    /// Dropped DELTAs delayed `.joined`, and the messages behind it, for longer than their sender was trusted.
    @Test func `a message that waited for joined was delivered beyond trust`() {
        _ = play(FaultPlan.scenario(seed: 4, attack: .deltaDrop))
    }

    /// A member that joined and left within a tick stayed in a list until the next flush.
    @Test func `a member that had left before the flush was still sent DELTAs`() {
        _ = play(FaultPlan.scenario(seed: 652))
    }

    /// A message that one member was sent in the former session, because only the former directory listed it, was
    /// repeated to it in the new session, in which its copies cannot be recognized.
    @Test(arguments: [2_680, 3_586] as [UInt64])
    func `a message that asked for an acknowledgment while the server restarted was delivered twice`(seed: UInt64) {
        _ = play(FaultPlan.scenario(seed: seed))
    }

    /// The time of the pause counted as silence of the members, because the sweep had begun before it.
    @Test(arguments: [1_816, 2_884, 3_546] as [UInt64])
    func `a server that was paused while it drained its sockets expired its members`(seed: UInt64) {
        _ = play(FaultPlan.scenario(seed: seed))
    }

    /// The changes that waited for `.joined` were not reported when the server stopped before it.
    @Test func `members that had joined before the server stopped were never reported`() {
        _ = play(FaultPlan.scenario(seed: 2_517))
    }

    /// Of a burst of reordered DELTAs one was applied per heartbeat, and the others were refused and sent again: joins
    /// took minutes.
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
