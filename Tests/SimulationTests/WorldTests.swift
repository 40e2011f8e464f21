import MeshSimulator
import SecureMeshCore
import Testing

/// Tests worlds whose outcome is known.
@Suite struct WorldTests {
    private func play(_ change: (inout Scenario) -> Void) -> Recording {
        var scenario = Scenario(seed: 5, peers: 5, duration: .seconds(20))
        scenario.talk.interval = .seconds(1)
        change(&scenario)
        let outcome = World(scenario).run()
        #expect(outcome.recording.failure == nil)
        return outcome.recording
    }

    @Test func `without faults all join, nothing is refused and every message is delivered`() {
        let recording = play { $0.network.latency = .milliseconds(3) }
        #expect(recording.stays.count == 5)
        #expect(recording.joinTimes.count == 5)
        #expect(recording.joinTimes.maximum < .milliseconds(100))
        #expect(recording.deliveries == recording.deliveriesExpected)
        #expect(recording.deliveries > 100)
        #expect(recording.messageLatency.minimum == .milliseconds(3))
        #expect(recording.messageLatency.quantile(0.9) < .microseconds(3_100))
        #expect(recording.serverRefusals.total + recording.peerRefusals.total == 0)
        #expect(recording.losses.allSatisfy { $0.count == 0 })
    }

    @Test func `the time of each sample is the end of its interval`() {
        let samples = play { $0.network.latency = .milliseconds(3) }.samples
        #expect(samples.count > 20)
        #expect(samples.enumerated().allSatisfy { $1.at == .seconds($0 + 1) })
    }

    @Test func `an attacker that is a member is not counted as a receiver`() {
        let recording = play { $0.attacks = [AttackPlan(.insiderImpostor, from: .zero, to: .seconds(20))] }
        #expect(recording.deliveries == recording.deliveriesExpected)
        #expect(recording.deliveries > 100)
    }

    @Test func `a lossy network loses the share that the scenario names`() {
        let recording = play { $0.network.loss = 200_000 }
        let sent = recording.traffic.reduce(0) { $0 + $1.traffic.datagrams }
        let lost = recording.losses.first { $0.loss == .lost }?.count ?? 0
        // In the second half of the run, there are no faults, so no datagrams are lost.
        #expect((10...22).contains(lost * 100 / sent))
        #expect(recording.deliveries < recording.deliveriesExpected)
    }

    @Test func `a process that dies is noticed within two lifetimes and a sweep`() {
        let recording = play { $0.faults = [TimedFault(at: .seconds(5), .crash(2))] }
        #expect(recording.deathNotice.count == 1)
        #expect(recording.deathNotice.maximum > .seconds(1))
        #expect(recording.deathNotice.maximum < .milliseconds(2 * 1_500 + 500))
        #expect(recording.convergence.count > 0)
    }

    @Test func `peers that were cut off come back`() {
        let recording = play {
            $0.faults = [
                TimedFault(at: .seconds(5), .beginPartition(1, Partition(cutOff: [0, 1]))),
                TimedFault(at: .seconds(12), .endPartition(1)),
            ]
        }
        let expired = recording.stays.filter { $0.departure == .expired }.map(\.peer)
        #expect(Set(expired) == [0, 1])
        #expect(recording.losses.first { $0.loss == .partitioned }?.count ?? 0 > 0)
    }

    @Test func `a server that sleeps expires nobody`() {
        let recording = play { $0.faults = [TimedFault(at: .seconds(6), .pauseServer(.seconds(4)))] }
        #expect(recording.stays.allSatisfy { $0.departure != .expired })
    }

    @Test func `a server that dies is joined again by all`() {
        let recording = play {
            $0.faults = [TimedFault(at: .seconds(6), .crashServer), TimedFault(at: .seconds(9), .startServer)]
        }
        #expect(recording.stays.count == 10)
        #expect(recording.stays.suffix(5).allSatisfy { $0.to == nil })
    }

    @Test func `a world runs with insecure test cryptography`() {
        let recording = play {
            $0.cryptography = .insecureTest
            $0.network.loss = 100_000
            $0.network.corruption = 100_000
        }
        #expect(recording.deliveries > 50)
        #expect(recording.serverRefusals[.sealBroken] > 0)
    }
}
