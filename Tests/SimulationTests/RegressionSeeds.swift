import MeshReport
import MeshSimulator
import SecureMeshCore
import Testing

/// The bugs that simulated worlds have found. Each test runs the world that showed the bug. The name of the test
/// describes the bug.
@Suite struct RegressionSeeds {
    private func play(_ scenario: Scenario) -> Recording {
        let outcome = World(scenario).run()
        #expect(outcome.isSound, "\(Story.of(scenario, outcome).joined(separator: "\n"))")
        return outcome.recording
    }

    /// Lost DELTAs delayed `.joined`. Messages were buffered until `.joined`, and were delivered although the trust in
    /// their sender had ended before.
    @Test func `a message that waited for joined was delivered beyond trust`() {
        _ = play(FaultPlan.scenario(seed: 4, attack: .deltaDrop))
    }

    /// A member joined and left within one tick. The server kept that member in the list of receivers until the next
    /// flush.
    @Test func `a member that had left before the flush was still sent DELTAs`() {
        _ = play(FaultPlan.scenario(seed: 652))
    }

    /// The server had restarted. Only the directory of the old server listed the receiver, so the sender first sent the
    /// message in its old session. Then the sender repeated the message in its new session, where the receiver cannot
    /// recognize copies.
    @Test(arguments: [2_680, 3_586] as [UInt64])
    func `a message that asked for an acknowledgment while the server restarted was delivered twice`(seed: UInt64) {
        _ = play(FaultPlan.scenario(seed: seed))
    }

    /// The sweep had begun before the pause. So the length of the pause was counted as silence of the members.
    @Test(arguments: [1_816, 2_884, 3_546] as [UInt64])
    func `a server that was paused while it drained its sockets expired its members`(seed: UInt64) {
        _ = play(FaultPlan.scenario(seed: seed))
    }

    /// Changes of the directory were buffered until `.joined`. If the server stopped before `.joined`, these changes
    /// were never reported.
    @Test func `members that had joined before the server stopped were never reported`() {
        _ = play(FaultPlan.scenario(seed: 2_517))
    }

    /// The drain before the pause had also taken longer than a sweep interval, so the pause was not noticed.
    @Test func `a busy server that was paused while it drained its sockets expired its members`() {
        _ = play(FaultPlan.scenario(seed: 3_795))
    }

    /// The member had sent a message, left and come back before the peer's `.joined`. Its `.memberJoined` then had the
    /// place of its return, after the message.
    @Test func `a message came before the event that its sender had joined`() {
        _ = play(FaultPlan.scenario(seed: 1_127))
    }

    /// Of each burst of reordered DELTAs, a peer applied only one per heartbeat. It refused the others, and the server
    /// sent them again. So joins took minutes.
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
