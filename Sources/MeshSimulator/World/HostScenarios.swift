internal import SecureMeshCore

/// Meshes of 50 to 1,000 peers. In some of them all processes share the cores of one host, as they do with real sockets
/// in `scripts/stress`.
package enum HostScenario: String, CaseIterable, Sendable {
    /// 500 peers start, at most one every 20 ms.
    case form
    /// 1,000 peers start, at most one every 22 ms.
    case crowd
    /// The server of 300 peers is killed and started again.
    case restart
    /// The server of 500 peers is killed and started again.
    case restart500
    /// The server of 300 peers is killed and started again. Five seconds after the kill, 30 peers are paused for 3 s.
    case stall
    /// The server of 100 peers is killed and started again three times. No work takes CPU time.
    case crashes
    /// 300 peers are paused for 5 s, three of them for 0.7 s longer.
    case stop
    /// 100 peers are paused for 1.3 s. No work takes CPU time.
    case nap
    /// 50 peers with a long round trip are paused for 0.24 s, twice. At the end of the second pause, the PULSE that
    /// keeps the connection still waits in the sockets of some peers.
    case far
    /// A network loses 20 % of the datagrams of 50 peers, for five minutes.
    case lossy
    /// 50 peers start on two cores while an attacker repeats HELLOs from thousands of addresses.
    case flooded
    /// 200 peers start one after the other, on a network with a latency of 10 ms. No work takes CPU time.
    case newcomer

    private var peers: Int {
        switch self {
        case .form, .restart500: 500
        case .crowd: 1_000
        case .restart, .stall, .stop: 300
        case .newcomer: 200
        case .nap, .crashes: 100
        case .far, .lossy, .flooded: 50
        }
    }

    /// The cores that all processes share; nil if no work takes CPU time.
    private var cores: (count: Int, word: String)? {
        switch self {
        case .form, .crowd, .restart, .restart500, .stall, .stop, .flooded: (2, "two")
        case .nap, .far, .lossy, .newcomer, .crashes: nil
        }
    }

    package func scenario(seed: UInt64) -> Scenario {
        var scenario = Scenario(seed: seed, peers: peers, duration: .zero)
        scenario.title = "\(peers) peers\(cores.map { " on \($0.word) cores" } ?? ""): \(rawValue)"
        scenario.cryptography = .insecureTest
        scenario.processors = cores.map { Processors(cores: $0.count) }
        scenario.network = .sameHost
        scenario.startsInTurn = scenario.processors != nil
        switch self {
        case .form:
            scenario.arrivals = .milliseconds(20) * peers
            scenario.duration = .seconds(15)
            scenario.healing = .seconds(15)
            scenario.expectations = [.joins(atMost: peers * 51 / 50), .nobodyIsReportedGone]
        case .crowd:
            scenario.arrivals = .milliseconds(22) * peers
            scenario.duration = .seconds(90)
            scenario.healing = .seconds(10)
            scenario.expectations = [.joins(atMost: peers * 21 / 20), .nobodyIsReportedGone]
        case .nap:
            scenario.network.latency = .milliseconds(5)
            scenario.arrivals = .milliseconds(50) * peers
            let at = scenario.arrivals + .seconds(4)
            scenario.faults = (0..<peers).map { TimedFault(at: at, .pause($0, .milliseconds(1_300))) }
            scenario.duration = at + .seconds(4)
            scenario.expectations = [.nobodyIsLost, .joins(atMost: peers)]
        case .far:
            scenario.network.latency = .milliseconds(160)
            scenario.arrivals = .milliseconds(200) * peers
            let at = scenario.arrivals + .seconds(4)
            scenario.faults = [at, at + .milliseconds(2_150)].flatMap { at in
                (0..<peers).map { TimedFault(at: at, .pause($0, .milliseconds(240))) }
            }
            scenario.duration = at + .seconds(8)
            scenario.expectations = [.nobodyIsLost, .joins(atMost: peers)]
        case .lossy:
            scenario.network.latency = .milliseconds(20)
            scenario.network.loss = 200_000
            scenario.duration = .seconds(300)
            scenario.expectations = [.nobodyExpires]
        case .flooded:
            scenario.arrivals = .milliseconds(200) * peers
            scenario.duration = scenario.arrivals
            scenario.attacks = [AttackPlan(.helloReplay, from: .seconds(1), to: scenario.duration)]
            scenario.expectations = [
                .nobodyIsLost, .speaks(within: .seconds(1)), .serverUses(atMost: scenario.duration * 35 / 100),
            ]
        case .newcomer:
            scenario.network.latency = .milliseconds(10)
            scenario.arrivals = .milliseconds(150) * peers
            scenario.duration = scenario.arrivals + .seconds(2)
            scenario.expectations = [.nobodyIsLost, .speaks(within: .milliseconds(100))]
        case .restart, .restart500, .stall:
            scenario.arrivals = .milliseconds(80) * peers
            let at = scenario.arrivals + .seconds(4)
            scenario.faults = Self.crash(at: at)
            if self == .stall {
                scenario.faults += (0..<30).map { TimedFault(at: at + .seconds(5), .pause($0, .seconds(3))) }
            }
            scenario.duration = at + .seconds(self == .stall ? 9 : 4)
            scenario.healing = .seconds(self == .restart500 ? 15 : 8)
            scenario.expectations = [.joins(atMost: peers * 21 / 10), .nobodyIsReportedGone]
        case .crashes:
            scenario.arrivals = .milliseconds(50) * peers
            let times = (0..<3).map { scenario.arrivals + .seconds(4) + .seconds(10) * $0 }
            scenario.faults = times.flatMap(Self.crash)
            scenario.duration = times[2] + .seconds(8)
            scenario.expectations = [
                .joinsTogether(atMost: peers / 2, within: .milliseconds(500), since: times[2]), .nobodyIsReportedGone,
            ]
        case .stop:
            scenario.arrivals = .milliseconds(80) * peers
            let at = scenario.arrivals + .seconds(4)
            scenario.faults = (0..<peers).map { peer in
                TimedFault(at: at, .pause(peer, .milliseconds(peer < 3 ? 5_700 : 5_000)))
            }
            scenario.duration = at + .seconds(7)
            scenario.healing = .seconds(8)
            scenario.expectations = [.joins(atMost: peers * 11 / 10), .nobodyIsReportedGone]
        }
        return scenario
    }

    /// Kills the server, and starts it again after 0.3 s.
    private static func crash(at instant: Duration) -> [TimedFault] {
        [TimedFault(at: instant, .crashServer), TimedFault(at: instant + .milliseconds(300), .startServer)]
    }
}
