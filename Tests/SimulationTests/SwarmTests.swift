import MeshReport
import MeshSimulator
import Testing

/// Tests short worlds. The seed of a world determines its faults. `p2p simulate --swarm N..N` runs the world of seed N
/// again.
@Suite struct SwarmTests {
    /// Runs ten worlds per batch, which are 300 worlds in all. No world may break an invariant, and each world must
    /// heal after its faults.
    @Test(arguments: 0..<30) func `each world is safe during its faults and whole soon after`(batch: UInt64) {
        for seed in batch * 10..<batch * 10 + 10 {
            let scenario = FaultPlan.scenario(seed: seed)
            let outcome = World(scenario).run()
            guard !outcome.isSound else { continue }
            Issue.record("seed \(seed)\n\(Story.of(scenario, outcome).joined(separator: "\n"))")
        }
    }

    @Test(arguments: [3, 141, 592] as [UInt64]) func `the same seed makes the same world`(seed: UInt64) {
        let first = World(FaultPlan.scenario(seed: seed)).run()
        let second = World(FaultPlan.scenario(seed: seed)).run()
        #expect(first.traceHash == second.traceHash)
        #expect(first.recording.json == second.recording.json)
    }

    @Test func `another seed makes another world`() {
        let hashes = (0..<20).map { World(FaultPlan.scenario(seed: $0)).run().traceHash }
        #expect(Set(hashes).count == hashes.count)
    }

    @Test func `each kind of fault and each attacker is drawn`() {
        let scenarios = (0..<500).map { FaultPlan.scenario(seed: $0) }
        let faults = Set(scenarios.flatMap(\.faults).map { "\($0.fault)".prefix { $0 != "(" } })
        #expect(faults.count == 17)
        #expect(Set(scenarios.flatMap(\.attacks).map(\.strategy)).count == Strategy.drawn.count)
    }

    @Test func `each kind of strain is drawn`() {
        let scenarios = (0..<500).map { FaultPlan.scenario(seed: $0) }
        #expect(Set(scenarios.map(\.network.loss)).isSuperset(of: [10_000, 50_000, 100_000, 200_000]))
        #expect(scenarios.contains { $0.network.latency >= .milliseconds(350) })
        #expect(Set(scenarios.compactMap(\.processors?.cores)) == [1, 2])
        let expectations = Set(scenarios.flatMap(\.expectations))
        #expect(expectations.isSuperset(of: [.nobodyIsLost, .nobodyIsReportedGone]))
        let pauses = scenarios.map { scenario in
            scenario.faults.count { if case .pause = $0.fault { true } else { false } }
        }
        #expect(zip(scenarios, pauses).contains { $0.peers >= 10 && $1 >= $0.peers })
    }
}
