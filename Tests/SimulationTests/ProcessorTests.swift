import MeshSimulator
import SecureMeshCore
import Testing

/// Tests worlds whose processes share the processor cores of a host.
@Suite struct ProcessorTests {
    private func play(_ peers: Int, _ change: (inout Scenario) -> Void = { _ in }) -> Outcome {
        var scenario = Scenario(seed: 5, peers: peers, duration: .seconds(20))
        scenario.cryptography = .insecureTest
        scenario.processors = Processors(cores: 2)
        scenario.network = .sameHost
        scenario.arrivals = .milliseconds(80) * peers
        change(&scenario)
        return World(scenario).run()
    }

    @Test func `a mesh on a host that is fast enough forms without a loss`() throws {
        let recording = play(30).recording
        #expect(recording.failure == nil)
        #expect(recording.stays.count == 30)
        #expect(recording.losses.allSatisfy { $0.loss == .nobodyThere || $0.count == 0 })
        let usage = try #require(recording.processors)
        #expect(usage.cores == 2)
        // The CPU time is spent on the starts of 31 processes, and on two heartbeats per member and second.
        let starts = Duration.nanoseconds(31 * Costs.measured.start)
        #expect((starts..<starts + .seconds(2)).contains(usage.all))
        #expect(usage.server < usage.all / 2)
    }

    @Test func `the same seed makes the same world`() {
        let first = play(20) { $0.faults = [TimedFault(at: .seconds(5), .crash(2))] }
        let second = play(20) { $0.faults = [TimedFault(at: .seconds(5), .crash(2))] }
        #expect(first.traceHash == second.traceHash)
        #expect(first.recording.processors == second.recording.processors)
        #expect(first.traceHash != play(20).traceHash)
    }

    @Test func `a process that is stopped reads what its socket has kept, and the rest is lost`() {
        let overflow = { (buffer: Int) in
            let recording = play(20) {
                $0.buffer = buffer
                $0.faults = [TimedFault(at: .seconds(5), .pauseServer(.seconds(4)))]
            }.recording
            #expect(recording.failure == nil)
            return recording.losses.first { $0.loss == .overflow }?.count ?? 0
        }
        #expect(overflow(Scenario.usualBuffer) == 0)
        // The server does not read while 20 members send heartbeats. Each heartbeat takes 832 bytes of the receive
        // buffer.
        #expect(overflow(20 * 832) > 20)
    }

    @Test func `timers are late on a core that has more to do than it can`() {
        let slow = { (factor: Int64) in
            play(6) {
                $0.processors?.cores = 1
                $0.processors?.costs = Costs.measured.times(factor)
                $0.healing = .seconds(10)
            }.recording
        }
        #expect(slow(10).failure == nil)
        #expect(slow(2_000).failure?.hasPrefix("no convergence") == true)
    }

    @Test func `members outlive a flood of strangers on their own host`() {
        let recording = play(10) {
            $0.attacks = [AttackPlan(.flood, from: .seconds(5), to: .seconds(15))]
        }.recording
        #expect(recording.failure == nil)
        #expect(recording.stays.count == 10)
    }

    @Test func `after a restart of the server all of fifty are back within three seconds`() {
        let recording = play(50) {
            $0.faults = [
                TimedFault(at: .seconds(10), .crashServer), TimedFault(at: .milliseconds(10_300), .startServer),
            ]
            $0.duration = .seconds(13)
        }.recording
        #expect(recording.failure == nil)
        #expect(recording.stays.count == 100)
        #expect(recording.healedAfter.map { $0 < .seconds(1) } == true)
    }
}
