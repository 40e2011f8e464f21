internal import SecureMeshCore

/// Chooses the scenario of one world of a swarm at random, from a seed: the faults, their severity, their times and
/// their targets.
///
/// Each world has only some of the faults, because one fault may hide the effects of another (swarm testing, Groce et
/// al. 2012).
package struct FaultPlan {
    private var random: RandomSource
    private var scenario: Scenario
    private var partitions = 0
    /// The smallest number of peers in a world with many peers.
    private static let many = 20

    /// Returns the scenario for `seed`. If `attack` is not nil, the scenario has this attack in addition to the random
    /// faults.
    package static func scenario(seed: UInt64, attack: Strategy? = nil) -> Scenario {
        var plan = FaultPlan(seed: seed)
        var scenario = plan.draw(attack)
        var strain = StrainPlan(seed: seed)
        if attack == nil, let strained = strain.replace(scenario) {
            scenario = strained
        } else {
            strain.add(to: &scenario)
        }
        scenario.faults.sort { $0.at < $1.at }
        return scenario
    }

    private init(seed: UInt64) {
        random = .seeded(seed ^ 0x504C_414E)
        let few = 2 + random.below(4) + (random.chance(20) ? random.below(6) : 0)
        // Some worlds have enough peers for a directory of several parts. A separate random source chooses these
        // worlds, so that no other choice depends on this one.
        var dice = RandomSource.seeded(seed ^ 0x4352_4F57)
        let peers = dice.chance(3) ? Self.many + dice.below(21) : few
        scenario = Scenario(seed: seed, peers: peers, duration: .zero)
        if peers > few { scenario.cryptography = .insecureTest }
    }

    private mutating func draw(_ attack: Strategy?) -> Scenario {
        scenario.title = "world \(scenario.seed) of the swarm"
        scenario.command =
            "p2p simulate --swarm \(scenario.seed)..\(scenario.seed)"
            + (attack.map { " --attack \($0.rawValue)" } ?? "")
        scenario.duration = .seconds(5 + random.below(20))
        scenario.arrivals = .milliseconds(random.below(3_000))
        scenario.isOpen = random.chance(20)
        scenario.keepsDirectory = scenario.seed % 4 == 3
        scenario.drift = random.chance(50) ? random.below(1_000) : 0
        scenario.buffer = random.chance(20) ? 4_096 << random.below(6) : Scenario.usualBuffer
        scenario.talk.interval = .milliseconds(100 + random.below(2_000))
        scenario.talk.direct = random.below(100)
        scenario.talk.size = random.below(900)
        if scenario.seed % 6 == 4 { scenario.talk.acknowledged = 50 }
        drawSettings()
        scenario.network = conditions()
        let changes = random.chance(30) ? 1 + random.below(3) : 0
        for _ in 0..<changes { add(.network(conditions())) }
        if random.chance(60) { for _ in 0..<1 + random.below(6) { addPeerFault() } }
        if random.chance(40) { for _ in 0..<1 + random.below(3) { addServerFault() } }
        if random.chance(40) { for _ in 0..<1 + random.below(3) { addPartition() } }
        if let attack { add(attack) }
        if random.chance(50) { add(random.element(of: Strategy.drawn)) }
        if random.chance(20) { add(random.element(of: Strategy.drawn)) }
        if scenario.buffer < Scenario.usualBuffer { addFullSocket() }
        addExchange()
        return scenario
    }

    /// Adds an exchange of names to some worlds. A separate random source chooses these worlds, so that no other choice
    /// depends on this one.
    private mutating func addExchange() {
        var dice = RandomSource.seeded(scenario.seed ^ 0x4E41_4D45)
        guard dice.chance(10) else { return }
        let peer = dice.below(scenario.peers)
        let other = (peer + 1 + dice.below(scenario.peers - 1)) % scenario.peers
        add(.exchangeNames(peer, other), at: dice.duration(in: .zero...scenario.duration))
    }

    /// Adds a pause of a process. Even a small socket buffer fills up only while the process does not read.
    private mutating func addFullSocket() {
        let pause = random.duration(in: .seconds(1)...(.seconds(4)))
        if random.chance(50) { add(.pauseServer(pause)) } else { add(.pause(random.below(scenario.peers), pause)) }
    }

    /// Chooses the intervals at random: mostly the defaults, and sometimes shorter ones. With the default intervals
    /// alone, few members would expire or rekey in a short world.
    private mutating func drawSettings() {
        if random.chance(20) {
            scenario.heartbeat = .milliseconds(100 * (1 + random.below(8)))
            scenario.lifetime = scenario.heartbeat * (3 + random.below(3))
        }
        if random.chance(50) { scenario.trust = .seconds(3 + random.below(10)) }
        guard random.chance(20) else { return }
        scenario.rekey = .seconds(5 + random.below(20))
        // With so many peers and a short time, some peer would always be rekeying, and the directories would never be
        // equal.
        if scenario.peers >= Self.many { scenario.rekey += .seconds(scenario.peers) }
    }

    private mutating func conditions() -> LinkConditions {
        var conditions = LinkConditions()
        conditions.latency = .microseconds(200 + random.below(60_000))
        if random.chance(60) { conditions.jitter = .milliseconds(1 + random.below(100)) }
        if random.chance(50) { conditions.loss = random.below(300_000) }
        if random.chance(40) { conditions.duplication = random.below(200_000) }
        if random.chance(40) { conditions.late = random.below(200_000) }
        if random.chance(30) { conditions.lateness = .milliseconds(1 + random.below(3_000)) }
        if random.chance(40) { conditions.replay = random.below(200_000) }
        if random.chance(40) { conditions.corruption = random.below(100_000) }
        if random.chance(10) { conditions.largest = 150 + random.below(1_100) }
        return conditions
    }

    private mutating func add(_ fault: Fault, at: Duration? = nil) {
        scenario.faults.append(TimedFault(at: at ?? time(), fault))
    }

    private mutating func time() -> Duration { random.duration(in: .zero...scenario.duration) }

    private mutating func addPeerFault() {
        let peer = random.below(scenario.peers)
        let at = time()
        let later = at + random.duration(in: .milliseconds(10)...(.seconds(6)))
        switch random.below(8) {
        case 0, 1:
            add(.crash(peer), at: at)
            if random.chance(70) { add(.restart(peer, elsewhere: random.chance(40)), at: later) }
        case 2: add(.leave(peer), at: at)
        case 3: add(.pause(peer, later - at), at: at)
        case 4: add(.move(peer), at: at)
        case 5: add(.jump(peer, random.duration(in: .milliseconds(1)...(.seconds(20)))), at: at)
        default:
            add(.revoke(peer), at: at)
            if random.chance(50) { add(.authorize(peer), at: later) }
        }
    }

    private mutating func addServerFault() {
        let at = time()
        let later = at + random.duration(in: .milliseconds(10)...(.seconds(6)))
        switch random.below(5) {
        case 0, 1:
            add(random.chance(30) ? .stopServer : .crashServer, at: at)
            add(.startServer, at: later)
        case 2, 3: add(.pauseServer(later - at), at: at)
        default: add(.jumpServer(random.duration(in: .milliseconds(1)...(.seconds(10)))), at: at)
        }
    }

    private mutating func addPartition() {
        let cutOff = (0..<scenario.peers).filter { _ in random.chance(50) }
        var partition = Partition(cutOff: Set(cutOff))
        partition.cutsServer = random.chance(30)
        partition.direction = random.element(of: [.both, .both, .outward, .inward])
        partitions += 1
        let at = time()
        add(.beginPartition(partitions, partition), at: at)
        add(.endPartition(partitions), at: at + random.duration(in: .milliseconds(100)...(.seconds(8))))
    }

    private mutating func add(_ strategy: Strategy) {
        // The world lasts long enough for the attack to have an effect.
        scenario.duration = max(scenario.duration, .seconds(12))
        let from = random.duration(in: .zero...scenario.duration / 2)
        let to = random.duration(in: from + .seconds(5)...scenario.duration)
        scenario.attacks.append(AttackPlan(strategy, from: from, to: to))
        addCircumstances(of: strategy, during: from...to)
    }

    /// Adds the faults without which an attack has no effect.
    private mutating func addCircumstances(of strategy: Strategy, during attack: ClosedRange<Duration>) {
        let peer = random.below(scenario.peers)
        let at = random.duration(in: attack.lowerBound + .seconds(2)...attack.upperBound - .seconds(2))
        let later = at + random.duration(in: .milliseconds(100)...(.seconds(3)))
        switch strategy {
        case .stretchDelay:
            // Trust can end during the attack, while the server cannot renew it.
            scenario.trust = .seconds(2 + random.below(4))
            if random.chance(70) {
                add(.crashServer, at: at)
                add(.startServer, at: later + scenario.trust)
            }
        case .deltaDrop:
            scenario.trust = .seconds(2 + random.below(4))
            scenario.talk.interval = .milliseconds(100 + random.below(400))
            add(random.chance(50) ? .revoke(peer) : .crash(peer), at: at)
        case .hoardHeartbeats:
            add(.crash(peer), at: at)
            add(.crash(random.below(scenario.peers)), at: at)
            if random.chance(50) { add(.restart(peer, elsewhere: false), at: later + .seconds(3)) }
        case .confirmReplay:
            if random.chance(50) { add(.leave(peer), at: at) }
            if random.chance(50) {
                add(.crashServer, at: at)
                add(.startServer, at: later)
            }
            addRestart(of: random.below(scenario.peers), at: later)
        case .delayConfirm:
            // The key is revoked while the attacker delays its CONFIRM.
            scenario.isOpen = false
            addRestart(of: peer, at: attack.lowerBound + .milliseconds(10))
            add(.revoke(peer), at: attack.lowerBound + random.duration(in: .seconds(1)...(.seconds(5))))
            if random.chance(30) { add(.authorize(peer), at: attack.upperBound) }
        case .relayJoin, .retryForge, .lyingServer: addRestart(of: peer, at: at)
        // In an open mesh the first to claim a name gets it.
        case .insiderImpostor: scenario.isOpen = false
        case .flood, .replay, .tamper, .helloReplay, .insiderGarbage, .insiderStorm, .insiderReseal,
            .insiderAccomplice:
            break
        }
    }

    private mutating func addRestart(of peer: Int, at: Duration) {
        add(.crash(peer), at: at)
        add(.restart(peer, elsewhere: random.chance(30)), at: at + .milliseconds(10))
    }
}
