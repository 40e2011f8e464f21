internal import MeshReport
internal import MeshSimulator
internal import SecureMesh
internal import Synchronization

/// Runs many complete peers in one process, and reports their counts and times. Each peer has a key and a socket of its
/// own.
///
/// All peers share the event loops of the process, one per core.
final class Swarm: Sendable {
    /// The peers that broadcast, and the interval between two broadcasts of a peer.
    enum Talkers {
        case none
        case one(every: Duration)
        case each(every: Duration)
    }

    private let members: [SwarmMember]
    private let keys: Set<PublicKey>
    private let talkers: Talkers
    /// The time from the start of the swarm, before which no peer broadcasts.
    private let talkAfter: Duration
    /// The number of newcomers. A newcomer starts after all peers before it have joined. The newcomers are at the end
    /// of `members`.
    private let newcomers: Int
    private let clock = ContinuousClock()
    private let origin = ContinuousClock.now
    private struct State {
        var report: SwarmReport
        var isLeaving = false
        var failure: MeshError?
        var lastRefusal: JoinRefusal?
        var lookupFailure: String?
        var newcomer: Newcomer?
    }

    /// The newcomer that was started last.
    private struct Newcomer {
        let key: PublicKey
        let startedAt: ContinuousClock.Instant
        /// The number of peers whose directory does not list the newcomer yet.
        var missing: Int
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - peers: The peers, which do not run yet, with their names and keys.
    ///   - newcomers: The number of newcomers at the end of `peers`. Each newcomer starts after all peers before it
    ///     have joined.
    ///   - talkAfter: The time from this moment, before which no peer broadcasts.
    init(
        _ peers: [(peer: MeshPeer, name: PeerName, key: PublicKey)], newcomers: Int, talkers: Talkers,
        talkAfter: Duration
    ) {
        members = peers.map { SwarmMember(peer: $0.peer, name: $0.name, key: $0.key) }
        self.newcomers = newcomers
        keys = Set(peers.map(\.key))
        self.talkers = talkers
        self.talkAfter = talkAfter
        state = Mutex(State(report: SwarmReport(peers: peers.count)))
    }

    /// The counts and times from the start of the swarm until this moment.
    var report: SwarmReport {
        var report = state.withLock { $0.report }
        report.duration = clock.now - origin
        report.processorTime = FileSystem.processorTime
        report.memory = FileSystem.peakMemory
        return report
    }

    /// The error of the first peer that ended with an error; nil if no peer did.
    var failure: MeshError? { state.withLock { $0.failure } }
    /// The reason why the last lookup of the server's name failed; nil if the last lookup succeeded or there was no
    /// lookup.
    var lookupFailure: String? { state.withLock { $0.lookupFailure } }
    /// The reason why the server last delayed a peer's request to join; nil if it has delayed none.
    var lastRefusal: JoinRefusal? { state.withLock { $0.lastRefusal } }

    /// Starts the peers one after another, and returns when all peers have ended. If the task is canceled, the peers
    /// leave the mesh.
    ///
    /// Each member receives the entry of a newcomer, and a newcomer receives the entries of all members. So a join
    /// takes more CPU time in a larger mesh, and the gap between two starts grows.
    ///
    /// - Parameter gap: The mean time between the starts of two peers. The first gap is half as long, and the last gap
    ///   is 1.5 times as long.
    func run(gap: Duration) async {
        let start = clock.now
        let count = members.count - newcomers
        await withDiscardingTaskGroup { tasks in
            for (index, member) in members.enumerated() {
                if index < count {
                    try? await Task.sleep(until: start + gap * index * (count + index) / (2 * count))
                } else {
                    await waitForTurn(of: index)
                }
                guard !Task.isCancelled else { return }
                tasks.addTask { await self.run(member, index) }
            }
        }
    }

    /// Waits until the peers before a newcomer have joined. Waits for one more second, in which the traffic of their
    /// joins ends. Then records that the newcomer starts.
    private func waitForTurn(of index: Int) async {
        while !Task.isCancelled, state.withLock({ $0.report.joined < index }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
        try? await Task.sleep(for: .seconds(1))
        state.withLock { $0.newcomer = Newcomer(key: members[index].key, startedAt: clock.now, missing: index) }
    }

    /// Stops the broadcasts, and waits until the messages that are on their way have arrived.
    ///
    /// - Parameter limit: The longest time to wait for these messages.
    func stopTalking(within limit: Duration) async {
        state.withLock { $0.isLeaving = true }
        let deadline = clock.now + limit
        while clock.now < deadline, state.withLock({ $0.report.awaitsMessages }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func run(_ member: SwarmMember, _ index: Int) async {
        let start = clock.now
        state.withLock { $0.report.started += 1 }
        // The event loop of a peer records the peer's events itself, because waking a task would take far longer.
        let events = member.peer.events(except: { event in
            self.note(event, at: member, startedAt: start)
            return true
        })
        // The reading task records the events that the event loop does not. It ends with the peer's events, even if the
        // surrounding task is canceled.
        let reading = Task {
            for await event in events { self.note(event, at: member, startedAt: start) }
        }
        let talking = Task { await self.talk(member, index) }
        do throws(MeshError) {
            try await member.peer.run()
        } catch {
            state.withLock { state in
                state.report.failed += 1
                if state.failure == nil { state.failure = error }
            }
        }
        talking.cancel()
        await reading.value
    }

    private func note(_ event: PeerEvent, at member: SwarmMember, startedAt start: ContinuousClock.Instant) {
        switch event {
        case .message(let message):
            guard let sentAt = Self.sendTime(of: message.body), keys.contains(message.sender.publicKey) else { return }
            let delay = clock.now - origin - sentAt
            state.withLock { $0.report.noteDelivery(ofBroadcastAt: sentAt, after: delay) }
        case .memberJoined(let other):
            if newcomers > 0 { noteListing(of: other.publicKey) }
            guard !keys.contains(other.publicKey) else { return }
            member.strangers.add(1, ordering: .relaxed)
        case .memberLeft(let other, _):
            if keys.contains(other.publicKey) {
                update { $0.reportedAsGone += 1 }
            } else {
                member.strangers.subtract(1, ordering: .relaxed)
            }
        case .memberRejoined(let other, _):
            guard keys.contains(other.publicKey) else { return }
            update { $0.reportedAsRejoined += 1 }
        case .joined:
            let isFirst = !member.hasJoined.exchange(true, ordering: .relaxed)
            let now = clock.now
            update {
                $0.joins += 1
                guard isFirst else { return }
                $0.joined += 1
                $0.timeToJoin.add(now - start)
                $0.joinedAfter = max($0.joinedAfter ?? .zero, now - origin)
            }
        case .connectionLost: update { $0.connectionsLost += 1 }
        case .connectionRecovered: update { $0.connectionsRecovered += 1 }
        case .dismissed: update { $0.dismissals += 1 }
        case .refused(let delay, _):
            update { $0.refusals += 1 }
            state.withLock { $0.lastRefusal = JoinRefusal(delay) }
        case .lookupFailed(let reason): noteLookup(reason)
        case .serverLocated: noteLookup(nil)
        case .missed(let count): update { $0.missedEvents += count }
        case .excluded, .unanswered, .slowRoundTrip, .unreachable, .directoryStalled, .trustEnded, .trustRestored,
            .nameMoved, .left, .ended:
            break
        }
    }

    /// Notes that one more peer lists the newcomer. When all peers list the newcomer, records the time since its start.
    private func noteListing(of key: PublicKey) {
        let now = clock.now
        state.withLock { state in
            guard let newcomer = state.newcomer, newcomer.key == key, newcomer.missing > 0 else { return }
            state.newcomer?.missing -= 1
            if newcomer.missing == 1 { state.report.timeToBeListed.add(now - newcomer.startedAt) }
        }
    }

    /// Prints a failed lookup of the server's name once, not once per peer. Prints the next successful lookup too.
    private func noteLookup(_ failure: String?) {
        let isNews = state.withLock { state in
            defer { state.lookupFailure = failure }
            return (state.lookupFailure == nil) != (failure == nil)
        }
        guard isNews else { return }
        if let failure {
            Console.warning("cannot look up the server, still trying: \(failure)")
        } else {
            Console.note("the server's name has been looked up")
        }
    }

    /// Changes the report. Does nothing after the swarm has begun to leave the mesh, because the events of leaving do
    /// not count.
    private func update(_ change: (inout SwarmReport) -> Void) {
        state.withLock { state in
            if !state.isLeaving { change(&state.report) }
        }
    }

    private func talk(_ member: SwarmMember, _ index: Int) async {
        let interval: Duration
        switch talkers {
        case .none: return
        case .one(let each):
            guard index == 0 else { return }
            interval = each
        case .each(let each): interval = each
        }
        try? await Task.sleep(until: origin + talkAfter)
        // The random delay keeps peers that joined at the same time from always broadcasting at the same time.
        try? await Task.sleep(for: interval * Double.random(in: 0...1))
        var count = 0
        while !Task.isCancelled, let time = beginBroadcast() {
            do throws(SendError) {
                let text = "\(member.name)_broadcast_\(count + 1) \(time.wholeNanoseconds)"
                let receivers = try await member.peer.broadcast(text)
                let strangers = member.strangers.load(ordering: .relaxed)
                count += 1
                state.withLock { $0.report.endBroadcast(at: time, receivers: max(receivers - strangers, 0)) }
            } catch {
                state.withLock { $0.report.endBroadcast(at: time, receivers: nil) }
                switch error {
                case .notRunning, .cancelled: return
                default: break
                }
            }
            try? await Task.sleep(for: interval)
        }
    }

    /// Notes that a peer calls `broadcast`.
    ///
    /// - Returns: The time from the start of the swarm until now; nil if the swarm has begun to leave the mesh.
    private func beginBroadcast() -> Duration? {
        let time = Duration.nanoseconds((clock.now - origin).wholeNanoseconds)
        return state.withLock { state in
            guard !state.isLeaving else { return nil }
            state.report.beginBroadcast(at: time)
            return time
        }
    }

    /// Returns the time from the start of the swarm until a broadcast was sent. The last word of the message is this
    /// time in nanoseconds. Returns nil if the last word is not a number.
    private static func sendTime(of body: [UInt8]) -> Duration? {
        guard let space = body.lastIndex(of: UInt8(ascii: " ")) else { return nil }
        return Int64(String(decoding: body[(space + 1)...], as: UTF8.self)).map { .nanoseconds($0) }
    }
}

private final class SwarmMember: Sendable {
    let peer: MeshPeer
    let name: PeerName
    let key: PublicKey
    let hasJoined = Atomic(false)
    /// The number of members that this peer lists and that do not belong to the swarm.
    let strangers = Atomic(0)

    init(peer: MeshPeer, name: PeerName, key: PublicKey) {
        self.peer = peer
        self.name = name
        self.key = key
    }
}
