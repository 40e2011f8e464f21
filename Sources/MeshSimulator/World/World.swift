package import SecureMeshCore

/// A virtual mesh with the faults and attacks of a scenario. The same scenario gives the same world on every machine,
/// to the byte.
///
/// The invariants are checked after every step. At the end of `Scenario.duration` all faults end, and then the mesh
/// must be whole again within `Scenario.healing`.
package final class World {
    let scenario: Scenario
    package let state: MeshState
    var network: SimulatedNetwork
    var recorder: Recorder
    /// The descriptions of the present partitions for the recording, by the number of the partition.
    var partitionNames: [Int: String] = [:]
    /// The refusals that former processes of the server have counted.
    var serverRefusals = RejectionCounters()
    /// The refusals that former processes of the peers have counted.
    var peerRefusals = RejectionCounters()
    /// The keys and names of the attackers that are on the roster.
    let insiders: [PublicKey: PeerName]
    /// The epochs of all processes of the real server. The epoch of a lying server is not among them.
    var trueEpochs: Set<UInt64> = []
    /// The index of the peer that has, or had, each address. Addresses are numbered (`Addresses.slot`) in the order in
    /// which peers get them.
    var owners: [Int?] = []
    var attackers: [Attacker] = []
    var isHealing = false
    /// The index of the last peer that was started, if peers start in turn.
    private var lastStarted = 0
    /// The number of times that peers have reported the departure of a member.
    var reportedGone = 0
    /// True if the world is small enough to check everything after every step.
    var isClose: Bool { state.invariants.isClose }
    /// A function that is called for each event, so that the events before a failure can be shown; nil if they are not
    /// needed.
    private let tell: ((Instant, [Int], String) -> Void)?
    private var progress: (Progress) -> Void = { _ in }

    /// - Parameter tell: Called for each event with its time, the peers involved, and a phrase; nil for no calls.
    package init(_ scenario: Scenario, tell: ((Instant, [Int], String) -> Void)? = nil) {
        self.scenario = scenario
        self.tell = tell
        var random = RandomSource.seeded(scenario.seed)
        network = SimulatedNetwork(scenario.network, random: .seeded(random.next()))
        let base: any Primitives =
            switch scenario.cryptography {
            case .real: Libsodium()
            case .insecureTest: InsecureTestCrypto()
            }
        let isClose = scenario.peers <= Scenario.closeScrutiny
        let host = scenario.processors.map { Host($0, primitives: base) }
        let own = host?.meter ?? base
        let watch = scenario.cryptography == .real || isClose ? WatchedPrimitives(own) : nil
        let serverKey = random.signingKey()
        let keys = (0..<scenario.peers).map { _ in random.signingKey() }
        let context = SigningContext(mesh: serverKey.publicKey, primitives: base)
        let holdings = scenario.attacks.indices.map { AttackerKeys($0, of: scenario, context, serverKey, &random) }
        let listed = holdings.flatMap { [$0.insider, $0.accomplice].compactMap(\.self) }
            .map { ($0.key.publicKey, $0.name) }
        insiders = Dictionary(uniqueKeysWithValues: listed)
        let names = (0..<scenario.peers).compactMap { try? PeerName("peer-\($0)") }
        let publicKeys = keys.map(\.publicKey)
        let roster =
            scenario.isOpen
            ? .open : Roster(authorized: Dictionary(uniqueKeysWithValues: Array(zip(publicKeys, names)) + listed))
        recorder = Recorder(scenario, names: names)
        var configuration = Registry.Configuration(key: serverKey, bound: [Addresses.server], roster: roster)
        configuration.heartbeatInterval = scenario.heartbeat
        configuration.lifetime = scenario.lifetime
        configuration.trust = scenario.trust
        configuration.rekey = scenario.rekey
        configuration.primitives = watch ?? own
        configuration.maximumPeers = max(scenario.peers + 16, 32)
        if scenario.keepsDirectory { configuration.kept = KeptDirectory() }
        state = MeshState(
            configuration, random: random, drift: scenario.drift, isClose: isClose, buffer: scenario.buffer,
            watch: watch, host: host)
        if host != nil { state.invariants.lateness = Self.lateness }
        state.identities = Dictionary(uniqueKeysWithValues: zip(publicKeys, 0...))
        beginServer()
        for (index, (key, name)) in zip(keys, names).enumerated() {
            owners.append(index)
            state.peers.append(
                VirtualPeer(
                    key: key, name: name, identity: index, address: Addresses.slot(index),
                    process: newProcess(key, name)))
        }
        plan(holdings)
    }

    private func plan(_ holdings: [AttackerKeys]) {
        for index in scenario.startsInTurn ? 0..<1 : peers.indices {
            let at = now + scenario.arrivals * index / max(scenario.peers, 1)
            state.schedule.put(.fault(-1 - index), at: at)
        }
        for (index, fault) in scenario.faults.enumerated() { state.schedule.put(.fault(index), at: now + fault.at) }
        for (number, plan) in scenario.attacks.enumerated() {
            attackers.append(
                Attacker(
                    adversary: plan.strategy.adversary, plan: plan, holdings: holdings[number],
                    random: .seeded(state.random.next())))
            state.schedule.put(.act(number), at: now + plan.from)
        }
        if let interval = scenario.talk.interval {
            for index in peers.indices.prefix(scenario.talk.speakers) {
                let at = now + scenario.arrivals + state.random.duration(in: .zero...interval)
                state.schedule.put(.speak(index), at: at)
            }
        }
        state.schedule.put(.sample, at: now + recorder.interval)
    }

    /// Schedules the start of the peer after `index` if peers start in turn.
    ///
    /// The program that starts the peers needs a core twice: when the new process has begun, and when the gap has
    /// passed. Each time, the program waits for a core for as long as the new process has waited for one.
    func startNext(after index: Int) {
        guard scenario.startsInTurn, index == lastStarted, index + 1 < peers.count else { return }
        lastStarted += 1
        let gap = scenario.arrivals / peers.count
        state.schedule.put(.fault(-1 - lastStarted), at: now + gap + (now - peers[index].startedAt) * 2)
    }

    // MARK: running

    /// The progress of a world, reported with each sample.
    package struct Progress: Sendable {
        package let at: Duration
        package let end: Duration
        package let steps: Int
        package let members: Int
        package let inFlight: Int
    }

    /// Plays the world to its end.
    package func run(progress: @escaping (Progress) -> Void = { _ in }) -> Outcome {
        self.progress = progress
        play(until: Instant(nanoseconds: scenario.duration.wholeNanoseconds))
        heal()
        let wholeSince = playUntilWhole()
        if state.invariants.failure == nil {
            if let wholeSince {
                recorder.healed(at: wholeSince)
                checkThatMessagesFlow()
            } else {
                failToConverge()
            }
        }
        checkExpectations()
        state.checkWatch()
        for attacker in attackers { attacker.adversary.conclude(server.machine.members) }
        checkTheAttackers()
        serverRefusals.add(server.machine.rejections)
        for peer in peers { peerRefusals.add(peer.process.machine.rejections) }
        let recording = recorder.finish(
            state.trace, losses: network.losses, server: serverRefusals, peers: peerRefusals,
            attacks: attackers.map(\.adversary.record), processors: state.host?.usage,
            failure: state.invariants.failure?.reason, now: now)
        return Outcome(recording: recording, failure: state.invariants.failure)
    }

    /// Returns the time from which the mesh has stayed whole, or nil if it was not whole in time.
    private func playUntilWhole() -> Instant? {
        let begun = now
        // A peer detects within three intervals that the server does not hear it. Until then the mesh may look whole.
        let calm = scenario.heartbeat * (ProtocolConstants.freshIntervals + 2)
        var since: Instant?
        var lastWhole = now
        var paused = now
        while state.invariants.failure == nil {
            if isWhole {
                let first = since ?? now
                if now - first >= calm { return first }
                since = first
                lastWhole = now
            } else if now - lastWhole > scenario.heartbeat {
                // A shorter break does not count, because a peer that rekeys causes one.
                since = nil
            }
            // A datagram from before the end of the faults may make a peer wait. The healing time begins after this
            // wait. It also begins after a pause that follows repeated joins, if the pause begins within the first
            // healing time. The faults cannot be the cause of a later pause.
            let waits = peers.compactMap(\.waitsUntil).max() ?? begun
            if now < begun + scenario.healing { paused = max(paused, longestPause ?? begun) }
            guard now < max(begun, waits, paused) + scenario.healing || since != nil else { return nil }
            play(until: now + .milliseconds(50))
        }
        return nil
    }

    func sample() {
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
        state.checkWatch()
        checkUsages()
        state.schedule.put(.sample, at: now + recorder.interval)
        progress(
            Progress(
                at: now.sinceBeginning, end: scenario.duration, steps: state.trace.steps,
                members: server.glance.members, inFlight: state.schedule.inFlight))
    }

    private func checkExpectations() {
        for expectation in scenario.expectations {
            switch expectation {
            case .nobodyIsLost:
                let departures = recorder.recording.stays.count { $0.departure != nil }
                let lost = recorder.recording.connectionsLost
                guard departures + lost > 0 else { continue }
                fail("\(departures) members departed and \(lost) lost the server, without a reason")
            case .nobodyExpires:
                let expired = recorder.recording.stays.count { $0.departure == .expired }
                if expired > 0 { fail("\(expired) members expired, without a reason") }
            case .joins(let limit):
                let joins = recorder.recording.stays.count
                if joins > limit { fail("\(joins) joins, where \(limit) are enough") }
            case .joinsTogether(let limit, let period, let since):
                let joins = recorder.recording.stays.map(\.from).filter { $0 >= since }
                let together = joins.map { first in joins.count { (first...first + period).contains($0) } }
                guard let most = together.max(), most > limit else { continue }
                fail("\(most) joins within \(period), where \(limit) are enough")
            case .speaks(let limit):
                let longest = recorder.recording.joinTimes.maximum
                if longest > limit { fail("a peer may speak after \(longest), where \(limit) are enough") }
            case .nobodyIsReportedGone:
                if reportedGone > 0 { fail("peers reported \(reportedGone) times that a member has left") }
            case .serverUses(let limit):
                guard let used = state.host?.usage.server, used > limit else { continue }
                fail("the server used \(used) of CPU time, where \(limit) is enough")
            }
        }
    }

    /// Checks that no attacker has reached a goal.
    private func checkTheAttackers() {
        for record in attackers.map(\.adversary.record) {
            for goal in record.goals where goal.got > 0 {
                fail("\(record.name) got what it wanted: \(goal.goal)")
            }
        }
    }

    /// Checks the table sizes of the server and of one peer in ten. In small worlds, the table sizes of all peers are
    /// also checked after each step.
    private func checkUsages() {
        state.invariants.check(server.usages, of: nil, now: now)
        let first = recorder.recording.samples.count % 10
        for index in stride(from: first, to: peers.count, by: 10) {
            state.invariants.check(peers[index].process.usages, of: index, now: now)
        }
    }

    /// Checks that no directory lists a peer for long after its death or its revocation.
    private func checkTheGone() {
        guard isClose, server.isAwake else { return }
        let members = Set(server.machine.members.map(\.publicKey))
        for (index, peer) in peers.enumerated() {
            guard let since = peer.diedAt else { continue }
            let key = peer.key.publicKey
            state.invariants.checkGone(
                index, since: since, isMember: members.contains(key),
                trusting: {
                    peers.indices.first {
                        $0 != index && peers[$0].process.isRunning && !isDeceived($0)
                            && peers[$0].process.machine.trusts(key, peers[$0].process.clock.read(now))
                    }
                }, now: now)
        }
    }

    func tell(_ peers: [Int], _ what: @autoclosure () -> String) {
        tell?(now, peers, what())
    }

    // MARK: the end

    private func failToConverge() {
        let lagging = peers.indices.filter { peers[$0].isLive && !isCurrent(peers[$0]) }
        let live = peers.count(where: \.isLive)
        let end = "\(live) live, \(server.glance.members) members, \(lagging.count) not up to date"
        fail("no convergence \(scenario.healing) after trouble ended: \(end)", peers: Array(lagging.prefix(3)))
    }

    /// Checks that after the end of all faults each message reaches all members, or the one member that it is addressed
    /// to.
    private func checkThatMessagesFlow() {
        let live = peers.indices.filter { peers[$0].isLive }
        var spoken: [(sender: Int, receivers: [Int], message: Int)] = []
        let speakers = scenario.processors == nil ? Self.finalSpeakers : Self.finalSpeakersOfHost
        for (position, sender) in live.prefix(speakers).enumerated() {
            let neighbor = live[(position + 1) % live.count]
            for audience in [nil, neighbor] where audience != sender {
                guard speakNow(sender, to: audience) else {
                    return fail("may not speak in peace", peers: [sender])
                }
                spoken.append((sender, audience.map { [$0] } ?? live, state.invariants.lastMessage))
            }
        }
        play(until: now + .seconds(1))
        if scenario.processors != nil {
            // A message to all costs each receiver some CPU time, and all of them share the cores.
            let end = now + Self.slowDelivery
            while now < end, state.invariants.failure == nil, undelivered(spoken) != nil {
                play(until: now + .milliseconds(100))
            }
        }
        if let both = undelivered(spoken) { fail("a message was not delivered in peace", peers: both) }
    }

    /// Returns the sender and a receiver of a message that has not been delivered; nil if there is none.
    private func undelivered(_ spoken: [(sender: Int, receivers: [Int], message: Int)]) -> [Int]? {
        for (sender, receivers, message) in spoken {
            for receiver in receivers
            where receiver != sender && !state.invariants.hasReached(receiver, message: message) {
                return [sender, receiver]
            }
        }
        return nil
    }

    private static let finalSpeakers = 32
    private static let finalSpeakersOfHost = 4
    /// The delay that a sweep of a server on a busy host may have.
    private static let lateness = Duration.seconds(8)
    private static let slowDelivery = Duration.seconds(10)
}

/// The result of a world.
package struct Outcome: Sendable {
    package let recording: Recording
    package let failure: Invariants.Failure?

    package var isSound: Bool { failure == nil }
    package var traceHash: UInt64 { recording.traceHash }
}
