internal import SecureMeshCore

/// A registry and its peers, the same values as run for real, on a simulated network in virtual time: a scenario makes
/// the world, and the same scenario makes the same world, to the byte, on any machine.
///
/// Trouble first, safety judged after every step; then everything heals, and the mesh must be whole again in time.
package final class World {
    let scenario: Scenario
    /// Shares of its intervals: computed once, as they are asked for with every datagram.
    let surelyFresh: Duration
    let surelyAlive: Duration
    private(set) var now = Instant(nanoseconds: 0)
    var random: RandomSource
    var schedule = Schedule()
    var network: SimulatedNetwork
    var judge: Judge
    var recorder: Recorder
    var trace = Trace()
    let primitives: any Primitives
    private let watch: WatchedPrimitives?

    let serverKey: SigningKey
    var server: Process<Registry>
    var flights: UInt64 = 0
    /// As the recording calls those that are in force.
    var partitionNames: [Int: String] = [:]
    var pausedAt = Instant(nanoseconds: 0)
    var memberAddresses: Set<SocketAddress> = []
    var published: (epoch: UInt64, version: UInt64) = (0, 0)
    /// Of processes that are gone.
    var serverRefusals = RejectionCounters()
    var peerRefusals = RejectionCounters()

    var peers: [PeerState] = []
    let indices: [PublicKey: Int]
    /// Identities on the roster that attackers have.
    let insiders: [PublicKey: PeerName]
    /// Of all the servers that there were.
    var trueEpochs: Set<UInt64> = []
    /// By slot of their addresses.
    var owners: [Int?] = []
    var roster: Roster
    var attackers: [Attacker] = []
    var isHealing = false
    /// The server is saying goodbye to all.
    var isStopping = false
    /// Small enough to look at everything after every step.
    var isClose: Bool { scenario.peers <= Scenario.closeScrutiny }
    /// Told of what happens, in a line each: for the story of a failure.
    private let tell: ((Instant, [Int], String) -> Void)?

    package convenience init(_ scenario: Scenario) {
        self.init(scenario, tell: nil)
    }

    init(_ scenario: Scenario, tell: ((Instant, [Int], String) -> Void)?) {
        self.scenario = scenario
        surelyFresh = scenario.heartbeat * 5 / 2
        surelyAlive = scenario.lifetime * 9 / 10
        self.tell = tell
        random = .seeded(scenario.seed)
        network = SimulatedNetwork(scenario.network, random: .seeded(random.next()))
        judge = Judge(scenario)
        let base: any Primitives =
            switch scenario.cryptography {
            case .real: Libsodium()
            case .standIn: InsecureTestCrypto()
            }
        let isWatched = scenario.cryptography == .real || scenario.peers <= Scenario.closeScrutiny
        watch = isWatched ? WatchedPrimitives(base) : nil
        primitives = watch ?? base
        var dice = random
        serverKey = Self.key(&dice)
        let keys = (0..<scenario.peers).map { _ in Self.key(&dice) }
        let context = SigningContext(server: serverKey.publicKey, primitives: base)
        var holdings: [AttackerKeys] = []
        for number in scenario.attacks.indices {
            holdings.append(AttackerKeys(number, of: scenario, context, serverKey, &dice))
        }
        let listed = holdings.compactMap(\.insider).map { ($0.key.publicKey, $0.name) }
        insiders = Dictionary(uniqueKeysWithValues: listed)
        random = dice
        let names = (0..<scenario.peers).compactMap { PeerName("peer-\($0)") }
        let publicKeys = keys.map(\.publicKey)
        indices = Dictionary(uniqueKeysWithValues: zip(publicKeys, 0...))
        roster =
            scenario.isOpen
            ? .open : Roster(authorised: Dictionary(uniqueKeysWithValues: Array(zip(publicKeys, names)) + listed))
        recorder = Recorder(scenario, names: names)
        server = Process(
            Self.registry(scenario, serverKey, roster, primitives, &random, reading: .init(nanoseconds: 0)),
            clock: Clock(offset: .zero, driftPerMillion: 0))
        server = newServer()
        for (key, name) in zip(keys, names) {
            let address = Addresses.slot(peers.count)
            owners.append(peers.count)
            peers.append(PeerState(key: key, name: name, address: address, process: newProcess(key, name)))
        }
        plan(holdings)
    }

    private static func key(_ random: inout RandomSource) -> SigningKey {
        SigningKey(seed: random.bytes32().array.span)
    }

    private func plan(_ holdings: [AttackerKeys]) {
        wakeServer()
        for index in peers.indices {
            let at = now + scenario.arrivals * index / max(scenario.peers, 1)
            schedule.put(.fault(-1 - index), at: at)
        }
        for (index, fault) in scenario.faults.enumerated() { schedule.put(.fault(index), at: now + fault.at) }
        for (number, plan) in scenario.attacks.enumerated() {
            attackers.append(Attacker(plan, holdings: holdings[number], random: .seeded(random.next())))
            schedule.put(.act(number), at: now + plan.from)
        }
        if let interval = scenario.talk.interval {
            for index in peers.indices.prefix(scenario.talk.speakers) {
                schedule.put(.speak(index), at: now + scenario.arrivals + random.duration(in: .zero...interval))
            }
        }
        schedule.put(.sample, at: now + recorder.interval)
    }

    // MARK: running

    /// How far a world has come, once a second of its time.
    package struct Progress: Sendable {
        package let at: Duration
        package let end: Duration
        package let steps: Int
        package let members: Int
        package let inFlight: Int
    }

    /// Plays the world to its end.
    package func run(progress: (Progress) -> Void = { _ in }) -> Outcome {
        let trouble = Instant(nanoseconds: scenario.duration.wholeNanoseconds)
        play(until: trouble, progress)
        heal()
        let wholeSince = playUntilWhole(progress)
        if judge.failure == nil {
            if let wholeSince {
                recorder.healed(at: wholeSince)
                checkThatMessagesFlow(progress)
            } else {
                judge.fail(
                    "no convergence \(scenario.healing) after trouble ended: \(laggards.text)",
                    peers: laggards.peers, now: now)
            }
        }
        checkTheWatch()
        let view = WorldView(
            now: now, server: server.machine.members, names: peers.map(\.name), keys: peers.map { $0.key.publicKey },
            isHealed: judge.failure == nil)
        for attacker in attackers { attacker.adversary.conclude(view) }
        checkTheAttackers()
        countRefusals()
        let recording = recorder.finish(
            trace, losses: network.losses, server: serverRefusals, peers: peerRefusals,
            attacks: attackers.map(\.adversary.record), failure: judge.failure?.reason, now: now)
        return Outcome(recording: recording, failure: judge.failure)
    }

    /// Since when the mesh has been whole for good; nil if it was not in time.
    private func playUntilWhole(_ progress: (Progress) -> Void) -> Instant? {
        let begun = now
        // A peer that nobody hears any more finds out in three intervals: until then all may look well.
        let calm = scenario.heartbeat * (ProtocolConstants.freshIntervals + 2)
        var since: Instant?
        var lastWhole = now
        while judge.failure == nil {
            if isWhole {
                let first = since ?? now
                if now - first >= calm { return first }
                since = first
                lastWhole = now
            } else if now - lastWhole > scenario.heartbeat {
                // Shorter, and it is a peer that changes its keys.
                since = nil
            }
            // What makes a peer wait may have been said before the trouble ended, and come only now.
            let waits = peers.compactMap(\.waitsUntil).max() ?? begun
            guard now < max(begun, waits) + scenario.healing || since != nil else { return nil }
            play(until: now + .milliseconds(50), progress)
        }
        return nil
    }

    private func play(until end: Instant, _ progress: (Progress) -> Void) {
        while judge.failure == nil, let entry = schedule.next(until: end) {
            now = entry.at
            switch entry.action {
            case .arrive(let slot): if let flight = schedule.take(slot) { arrive(flight) }
            case .wakeServer: serverWakes(scheduled: entry.at)
            case .drained: serverDrained()
            case .wakePeer(let index): peerWakes(index, scheduled: entry.at)
            case .fault(let number): fault(number)
            case .act(let number): act(number)
            case .speak(let index): speak(index)
            case .sample:
                sample()
                progress(
                    Progress(
                        at: now.sinceBeginning, end: scenario.duration, steps: trace.steps,
                        members: server.glance.members, inFlight: schedule.inFlight))
            }
        }
        now = max(now, end)
    }

    private func sample() {
        let version = server.glance.version
        let live = peers.filter { $0.hasBegun && $0.process.isRunning }
        let current = live.count {
            $0.process.glance.epoch == server.glance.epoch && $0.process.glance.version == version
        }
        recorder.take(
            running: live.count, members: server.isRunning ? server.glance.members : 0,
            current: server.isRunning ? current : 0, now: now)
        checkTheGone()
        for index in peers.indices { checkTrust(of: index) }
        checkTheWatch()
        checkTheExtents()
        schedule.put(.sample, at: now + recorder.interval)
    }

    /// What an attacker is after is what a mesh may never give.
    private func checkTheAttackers() {
        for record in attackers.map(\.adversary.record) {
            for goal in record.goals where goal.got > 0 {
                judge.fail("\(record.name) got what it wanted: \(goal.goal)", now: now)
            }
        }
    }

    func checkTheWatch() {
        guard let violation = watch?.violations.first else { return }
        let kind = violation.head.count > 1 ? Kind(rawValue: violation.head[1]) : nil
        let what = kind.map { "\($0)" } ?? "datagram"
        judge.fail("a key sealed two plaintexts under one counter: \(what) \(violation.counter)", now: now)
    }

    /// Each time one peer in ten. In small worlds this comes for all after each step.
    private func checkTheExtents() {
        judge.check(server.usages, of: nil, now: now)
        let turn = recorder.recording.samples.count
        for index in stride(from: turn % 10, to: peers.count, by: 10) {
            judge.check(peers[index].process.usages, of: index, now: now)
        }
    }

    /// The dead and the revoked are members of nobody's for long.
    private func checkTheGone() {
        guard isClose, server.isAwake else { return }
        let members = Set(server.machine.members.map(\.publicKey))
        for (index, peer) in peers.enumerated() {
            guard let since = peer.diedAt else { continue }
            let key = peer.key.publicKey
            judge.checkGone(
                index, since: since, isMember: members.contains(key),
                trusting: {
                    peers.indices.first {
                        $0 != index && peers[$0].process.isRunning && !isDeceived($0)
                            && peers[$0].process.machine.isTrusted(peers[$0].process.clock.read(now))
                            && peers[$0].process.machine.members.contains { $0.publicKey == key }
                    }
                }, now: now)
        }
    }

    func tell(_ peers: [Int], _ what: @autoclosure () -> String) {
        tell?(now, peers, what())
    }

    // MARK: the end

    /// Whether every live peer is a member, knows it, and has the server's directory.
    private var isWhole: Bool {
        let glance = server.glance
        let live = peers.filter(\.isLive)
        guard server.isAwake, glance.members == live.count else { return false }
        let isEqual = live.allSatisfy { isCurrent($0) && $0.process.glance.members == glance.members }
        guard isEqual, isClose else { return isEqual }
        let members = server.machine.members
        return live.allSatisfy { peer in
            peer.process.machine.members == members.filter { $0.publicKey != peer.key.publicKey }
        }
    }

    /// Holds the server's directory, and may speak.
    private func isCurrent(_ peer: PeerState) -> Bool {
        let held = peer.process.glance
        return held.epoch == server.glance.epoch && held.version == server.glance.version
            && peer.process.machine.maySpeak(peer.process.clock.read(now))
    }

    private var laggards: (text: String, peers: [Int]) {
        let lagging = peers.indices.filter { peers[$0].isLive && !isCurrent(peers[$0]) }
        let live = peers.count(where: \.isLive)
        return (
            "\(live) live, \(server.glance.members) members, \(lagging.count) not up to date",
            Array(lagging.prefix(3))
        )
    }

    /// In peace everyone who speaks is heard by all, or by the one it speaks to.
    private func checkThatMessagesFlow(_ progress: (Progress) -> Void) {
        let live = peers.indices.filter { peers[$0].isLive }
        var spoken: [(sender: Int, receivers: [Int], message: Int)] = []
        for (place, sender) in live.prefix(Self.finalSpeakers).enumerated() {
            let neighbour = live[(place + 1) % live.count]
            for audience in [nil, neighbour] where audience != sender {
                guard speakNow(sender, to: audience) else {
                    return judge.fail("may not speak in peace", peers: [sender], now: now)
                }
                spoken.append((sender, audience.map { [$0] } ?? live, judge.lastMessage))
            }
        }
        play(until: now + .seconds(1), progress)
        guard judge.failure == nil else { return }
        for (sender, receivers, message) in spoken {
            for receiver in receivers where receiver != sender && !judge.hasReached(receiver, message: message) {
                return judge.fail("a message was not delivered in peace", peers: [sender, receiver], now: now)
            }
        }
    }

    private func countRefusals() {
        serverRefusals.add(server.machine.rejections)
        for peer in peers { peerRefusals.add(peer.process.machine.rejections) }
    }

    private static let finalSpeakers = 32
}

/// How a world ended.
package struct Outcome: Sendable {
    package let recording: Recording
    /// What broke, with whom, and when.
    let failure: Judge.Failure?

    package var isSound: Bool { failure == nil }
    package var traceHash: UInt64 { recording.traceHash }
}
