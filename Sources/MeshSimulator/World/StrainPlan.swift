internal import SecureMeshCore

/// Chooses at random the strain on some of the worlds of a swarm: loss, long round trips, slow processors, a restart of
/// the server or of all peers, or a pause of all peers at once.
///
/// Some of the strained worlds also have faults (`FaultPlan`). The others have no faults besides the strain, so they
/// must keep stricter promises (`Expectation`).
struct StrainPlan {
    private enum Strain: CaseIterable {
        case loss, distance, processors, restarts
    }

    private var random: RandomSource

    /// Makes a plan with its own random source, so that the worlds without strain do not depend on this plan.
    init(seed: UInt64) {
        random = .seeded(seed ^ 0x5354_5241_494E)
    }

    /// Returns a strained scenario in place of `scenario` for about one seed in ten; nil for the other seeds.
    mutating func replace(_ scenario: Scenario) -> Scenario? {
        guard random.chance(10) else { return nil }
        var strained = Scenario(seed: scenario.seed, peers: 10 + random.below(16), duration: .zero)
        strained.title = scenario.title
        strained.command = scenario.command
        strained.cryptography = .insecureTest
        strained.duration = .seconds(15 + random.below(16))
        strained.arrivals = .milliseconds(100) * strained.peers
        strained.talk.interval = .seconds(2)
        strained.talk.speakers = 3
        strained.network.latency = .milliseconds(1 + random.below(30))
        let strain = random.element(of: Strain.allCases)
        add(strain, to: &strained)
        switch strain {
        case .loss:
            // With more loss, a member is lost from time to time.
            if strained.network.loss <= 10_000 { strained.expectations = [.nobodyIsLost] }
        case .distance:
            strained.expectations = [.nobodyIsLost]
        case .processors:
            addRestart(&strained)
            strained.expectations = [Self.fewJoins(strained.peers)]
        case .restarts:
            strained.expectations = [Self.fewJoins(strained.peers)]
            // A mesh this small may lose some members while all peers are stopped.
            if strained.faults.contains(where: { $0.fault == .crashServer }) {
                strained.expectations.append(.nobodyIsReportedGone)
            }
        }
        return strained
    }

    /// Returns the promise that a mesh of `peers` peers needs at most three joins per peer. A mesh exceeds this number
    /// only if joins cause further joins. Each peer joins once at its start, and once more after a restart of the
    /// server or of all peers. On a slow host, each peer may also lose the server once while all peers join, and then
    /// joins a third time.
    private static func fewJoins(_ peers: Int) -> Expectation { .joins(atMost: peers * 3) }

    /// Adds strain to a scenario, for about one seed in seven.
    mutating func add(to scenario: inout Scenario) {
        guard random.chance(15) else { return }
        add(random.element(of: Strain.allCases), to: &scenario)
        if random.chance(30) { add(random.element(of: Strain.allCases), to: &scenario) }
    }

    private mutating func add(_ strain: Strain, to scenario: inout Scenario) {
        switch strain {
        case .loss: scenario.network.loss = random.element(of: [10_000, 50_000, 100_000, 200_000])
        case .distance:
            // Round trips of up to 0.8 s, and up to 0.2 s of jitter.
            scenario.network.latency = .milliseconds(100 + random.below(300))
            scenario.network.jitter = .milliseconds(random.below(100))
        case .processors: addProcessors(&scenario)
        case .restarts: addRestart(&scenario)
        }
    }

    /// Adds processors so slow that an idle mesh uses 20 to 49 % of their time.
    private mutating func addProcessors(_ scenario: inout Scenario) {
        var processors = Processors(cores: 1 + random.below(2))
        let share = 20 + random.below(30)
        let heartbeats = ProtocolConstants.heartbeatInterval / scenario.heartbeat
        let rest = Int64(Double(Self.restingMember.wholeNanoseconds) * heartbeats) * Int64(scenario.peers)
        let factor = Int64(processors.cores) * 10_000_000 * Int64(share) / rest
        processors.costs = processors.costs.times(max(factor, 1))
        processors.costs.start = Costs.measured.start
        scenario.processors = processors
        scenario.healing = .seconds(60)
        // The buffer of the scenario, or the one that a kernel with the usual limit grants, if that is larger.
        scenario.buffer = max(scenario.buffer, Self.limitedBuffer)
    }

    /// Adds a restart of the server, a restart of all peers, or a pause of all peers for some seconds.
    private mutating func addRestart(_ scenario: inout Scenario) {
        let at = random.duration(in: scenario.duration / 3...scenario.duration * 2 / 3)
        func gap() -> Duration { random.duration(in: .milliseconds(200)...(.seconds(3))) }
        if random.chance(60) {
            scenario.faults.append(TimedFault(at: at, .crashServer))
            scenario.faults.append(TimedFault(at: at + gap(), .startServer))
        } else if random.chance(50) {
            let gap = gap()
            for peer in 0..<scenario.peers {
                scenario.faults.append(TimedFault(at: at, .crash(peer)))
                scenario.faults.append(TimedFault(at: at + gap, .restart(peer, elsewhere: false)))
            }
        } else {
            // After a longer pause the server's suspicion ends, and all members expire.
            let pause = random.duration(in: .seconds(1)...(.seconds(5)))
            for peer in 0..<scenario.peers { scenario.faults.append(TimedFault(at: at, .pause(peer, pause))) }
        }
    }

    private static let limitedBuffer = 212_992
    /// The CPU time that a member and the server together use per second for the member's heartbeats, with
    /// `Costs.measured` and the default interval.
    private static let restingMember = Duration.microseconds(800)
}

/// A promise that a world with few troubles must keep.
package enum Expectation: Hashable, Sendable {
    /// No peer loses the connection to the server, and no member departs.
    case nobodyIsLost
    /// No member expires.
    case nobodyExpires
    /// The server accepts at most this number of joins.
    case joins(atMost: Int)
    /// From the time `since` on, the server accepts at most `atMost` joins within any period of the length `within`.
    case joinsTogether(atMost: Int, within: Duration, since: Duration)
    /// Each process gains the right to send messages within this time after its start.
    case speaks(within: Duration)
    /// No peer reports that a member has left.
    case nobodyIsReportedGone
    /// The server uses at most this CPU time. In a world without processors, this is not checked.
    case serverUses(atMost: Duration)
}
