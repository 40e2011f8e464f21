internal import SecureMeshCore

/// Large meshes on one host with two cores, as `scripts/stress` tries them on real sockets.
package enum HostScenario: String, CaseIterable, Sendable {
    /// 500 peers start, one every 20 ms.
    case form
    /// The server of 300 peers is killed and started again.
    case restart
    /// 300 peers are stopped for 5 s and continued.
    case stop

    private var peers: Int { self == .form ? 500 : 300 }

    package func scenario(seed: UInt64) -> Scenario {
        var scenario = Scenario(seed: seed, peers: peers, duration: .zero)
        scenario.title = "\(peers) peers on two cores: \(rawValue)"
        scenario.cryptography = .insecureTest
        scenario.processors = Processors(cores: 2)
        scenario.network = .sameHost
        switch self {
        case .form:
            scenario.arrivals = .milliseconds(20) * peers
            scenario.duration = .seconds(15)
            scenario.healing = .seconds(15)
            scenario.expectations = [.joins(atMost: peers * 51 / 50), .nobodyIsReportedGone]
        case .restart:
            scenario.arrivals = .milliseconds(80) * peers
            let at = scenario.arrivals + .seconds(4)
            scenario.faults = [
                TimedFault(at: at, .crashServer), TimedFault(at: at + .milliseconds(300), .startServer),
            ]
            scenario.duration = at + .seconds(4)
            scenario.healing = .seconds(8)
            scenario.expectations = [.joins(atMost: peers * 21 / 10), .nobodyIsReportedGone]
        case .stop:
            scenario.arrivals = .milliseconds(80) * peers
            let at = scenario.arrivals + .seconds(4)
            scenario.faults = (0..<peers).map { TimedFault(at: at, .pause($0, .seconds(5))) }
            scenario.duration = at + .seconds(7)
            scenario.healing = .seconds(8)
            scenario.expectations = [.joins(atMost: peers * 11 / 10), .nobodyIsReportedGone]
        }
        return scenario
    }
}
