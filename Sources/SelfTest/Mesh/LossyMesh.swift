internal import MeshSimulator
internal import SecureMeshCore

/// A simulated world whose network loses, repeats and reorders datagrams, and whose members send messages, crash and
/// restart.
package struct LossyMesh {
    private let seed: UInt64

    private static let peers = 8

    package init(seed: UInt64) {
        self.seed = seed
    }

    /// Runs the world with faults for `duration` of virtual time, and then until the world has healed.
    ///
    /// - Returns: A summary of the run, in one line.
    /// - Throws: A `Fault` if an invariant breaks or the world does not heal.
    package func run(for duration: Duration) throws -> String {
        var scenario = Scenario(seed: seed, peers: Self.peers, duration: duration)
        scenario.arrivals = .zero
        scenario.healing = .seconds(15)
        scenario.network.latency = .milliseconds(5)
        scenario.network.loss = 200_000
        scenario.network.duplication = 50_000
        scenario.network.late = 100_000
        scenario.network.lateness = .milliseconds(300)
        scenario.talk.interval = .milliseconds(800)
        scenario.talk.direct = 0
        scenario.faults = faults(within: duration)
        let recording = World(scenario).run().recording
        if let failure = recording.failure { throw Fault(failure) }
        let contradictions = recording.peerRefusals[.directoryContradiction]
        try require(contradictions == 0, "\(contradictions) contradictions in directories")
        let sent = recording.traffic.reduce(0) { $0 + $1.traffic.datagrams }
        return "\(Self.peers) peers, \(duration.argument) of virtual time, \(sent) datagrams, \(recording.deliveries)"
            + " messages through 20 % loss, repeats and disorder"
    }

    /// Returns the faults of a run. On average, a peer crashes every three seconds, and it restarts within 12 s. In the
    /// second half, the server may crash as well; it restarts at once.
    private func faults(within duration: Duration) -> [TimedFault] {
        var dice = RandomSource.seeded(seed &+ 1)
        var faults: [TimedFault] = []
        var at = Duration.zero
        while true {
            at += dice.duration(in: .zero...(.seconds(6)))
            guard at < duration else { return faults }
            let peer = dice.below(Self.peers)
            faults.append(TimedFault(at: at, .crash(peer)))
            let pause = dice.chance(50) ? Duration.zero : dice.duration(in: .zero...(.seconds(12)))
            faults.append(TimedFault(at: at + pause, .restart(peer, elsewhere: false)))
            if at > duration / 2, dice.chance(5) {
                faults += [TimedFault(at: at, .crashServer), TimedFault(at: at, .startServer)]
            }
        }
    }
}
