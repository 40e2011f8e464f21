import MeshReport
import MeshSimulator
import SecureMeshCore
import Testing

/// The bugs that simulated worlds have found, each in the world that showed it.
@Suite struct RegressionSeeds {
    private func play(_ scenario: Scenario) -> Recording {
        let outcome = World(scenario).run()
        #expect(outcome.isSound, "\(Story.of(scenario, outcome).joined(separator: "\n"))")
        return outcome.recording
    }

    /// DELTAs that were dropped kept `.joined` back, and with it messages, for longer than their sender was trusted.
    @Test func `a message that waited for joined was delivered beyond trust`() {
        _ = play(FaultPlan.scenario(seed: 4, attack: .deltaDrop))
    }

    /// A member that joined and was gone within a tick stood in a list until the next flush.
    @Test func `a member that was gone before the flush was still to be told of it`() {
        _ = play(FaultPlan.scenario(seed: 652))
    }

    /// A burst of DELTAs whose order the network changed brought one step a heartbeat, the rest was refused and sent again:
    /// joins took minutes.
    @Test func `in a network that reorders, those who lagged behind stayed behind`() {
        var scenario = Scenario(seed: 1, peers: 60, duration: .seconds(30))
        scenario.cryptography = .standIn
        scenario.network.latency = .milliseconds(20)
        scenario.network.jitter = .milliseconds(10)
        scenario.network.loss = 50_000
        let recording = play(scenario)
        #expect(recording.joinTimes.quantile(0.99) < .seconds(14))
        #expect(recording.convergence.quantile(0.99) < .seconds(14))
    }
}
