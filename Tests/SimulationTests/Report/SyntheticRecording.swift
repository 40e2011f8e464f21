internal import MeshReport
internal import MeshSimulator
internal import SecureMeshCore

/// A made-up recording. Its events are like those of a simulation, but no world was run.
struct SyntheticRecording {
    private(set) var recording: Recording
    private var dice: RandomSource
    private let duration: Duration
    private var memberSince: [Duration?]

    static func make(peers: Int, seconds: Int, seed: UInt64 = 42, title: String? = nil) -> Recording {
        var synthetic = SyntheticRecording(
            peers: peers, duration: .seconds(seconds), seed: seed,
            title: title ?? "\(peers) peers for \(seconds) s, 2 % loss, churn, one partition, two attackers")
        synthetic.run()
        return synthetic.recording
    }

    private init(peers: Int, duration: Duration, seed: UInt64, title: String) {
        dice = .seeded(seed)
        self.duration = duration
        let names = (0..<peers).compactMap { try? PeerName("peer-\($0 + 1)") }
        recording = Recording(seed: seed, title: title, names: names)
        recording.command = "p2p simulate --peers \(peers) --duration \(duration.components.seconds)s --seed \(seed)"
        memberSince = [Duration?](repeating: nil, count: peers)
    }

    private mutating func run() {
        recording.note(.serverStarted, at: .zero)
        for peer in recording.names.indices { live(peer) }
        disturb()
        recording.duration = duration
        recording.healingBegan = duration * 8 / 10
        recording.healedAfter = .milliseconds(1_840)
        recording.note(.healing, at: duration * 8 / 10)
        recording.note(.converged, at: duration * 8 / 10 + .milliseconds(1_840))
        recording.events.sort { $0.at < $1.at }
        recording.stays.sort { $0.from < $1.from }
        sample()
        count()
    }

    // MARK: Peers

    /// Records the events of one peer from its start. The dice decide whether the peer crashes, pauses or leaves. Each
    /// peer loses its session when the server crashes. A peer with an even number also loses its session in the network
    /// partition.
    private mutating func live(_ peer: Int) {
        let start = duration * dice.below(8) / 100
        recording.note(.started, peer: peer, at: start)
        var now = join(peer, at: start)
        let serverCrash = duration * 45 / 100
        let cut = duration * 25 / 100
        if peer.isMultiple(of: 2), now < cut {
            leave(peer, at: cut + .milliseconds(1_500 + dice.below(500)), .expired)
            now = join(peer, at: cut + duration / 10)
        }
        if dice.chance(20), now < serverCrash {
            now = crash(peer, at: now + (serverCrash - now) * dice.below(60) / 100)
        }
        if now < serverCrash {
            leave(peer, at: serverCrash, nil)
            now = join(peer, at: serverCrash + duration * 4 / 100 + .milliseconds(dice.below(4_000)))
        }
        let left = duration * 78 / 100 - now
        guard left > .zero else { return }
        let at = now + left * dice.below(70) / 100
        switch dice.below(12) {
        case 0, 1: _ = crash(peer, at: at)
        case 2:
            recording.note(.paused, peer: peer, at: at)
            leave(peer, at: at + .milliseconds(1_900), .expired)
            recording.note(.resumed, peer: peer, at: at + left / 5)
            _ = join(peer, at: at + left / 5)
        case 3:
            recording.note(.leaving, peer: peer, at: at)
            leave(peer, at: at + .milliseconds(12), .left)
        case 4 where peer % 5 == 0:
            recording.note(.revoked, peer: peer, at: at)
            leave(peer, at: at + .milliseconds(3), .revoked)
        case 5:
            recording.note(.clockJumped(.seconds(-90)), peer: peer, at: at)
        case 6 where peer % 7 == 0:
            leave(peer, at: at, .replaced)
            memberSince[peer] = at
        default: break
        }
        if memberSince[peer] != nil { leave(peer, at: nil, nil) }
    }

    private mutating func join(_ peer: Int, at: Duration) -> Duration {
        let took = Duration.microseconds(18_000 + dice.below(30_000) * dice.below(8))
        recording.joinTimes.add(took)
        recording.note(.joined, peer: peer, at: at + took)
        memberSince[peer] = at + took
        recordChange()
        return at + took
    }

    private mutating func crash(_ peer: Int, at: Duration) -> Duration {
        recording.note(.crashed, peer: peer, at: at)
        let notice = Duration.milliseconds(1_500 + dice.below(520))
        recording.deathNotice.add(notice)
        leave(peer, at: at + notice, .expired)
        let back = at + notice + .milliseconds(400 + dice.below(5_000))
        recording.note(.restarted, peer: peer, at: back)
        return join(peer, at: back)
    }

    private mutating func leave(_ peer: Int, at: Duration?, _ departure: Departure?) {
        guard let since = memberSince[peer] else { return }
        var stay = Recording.Stay(peer: peer, from: since)
        stay.to = at
        stay.departure = departure
        recording.stays.append(stay)
        recording.memberTime += (at ?? duration) - since
        memberSince[peer] = nil
        if let at, let departure { recording.note(.left(departure), peer: peer, at: at) }
        recordChange()
    }

    private mutating func recordChange() {
        var slowest = Duration.zero
        for _ in 0..<min(recording.names.count, 20) {
            let lag = Duration.microseconds(9_000 + dice.below(9_000) * (dice.chance(5) ? 40 : 1))
            recording.directoryLag.add(lag)
            slowest = max(slowest, lag)
        }
        recording.convergence.add(slowest)
    }

    // MARK: The world

    private mutating func disturb() {
        recording.note(.partitioned("every second peer from the server"), at: duration * 25 / 100)
        recording.note(.rejoined("every second peer from the server"), at: duration * 35 / 100)
        recording.note(.serverCrashed, at: duration * 45 / 100)
        recording.note(.serverStarted, at: duration * 49 / 100)
        recording.note(.networkChanged("loss 2 % to 20 %"), at: duration * 60 / 100)
        recording.note(.networkChanged("loss 20 % to 2 %"), at: duration * 66 / 100)
        recording.note(.attackBegan("replayer"), at: duration * 10 / 100)
        recording.note(.attackEnded("replayer"), at: duration * 75 / 100)
        recording.note(.attackBegan("stranger"), at: duration * 55 / 100)
        recording.note(.attackEnded("stranger"), at: duration * 70 / 100)
    }

    private mutating func sample() {
        var (running, members) = (0, 0)
        var changes: [(at: Duration, running: Int, members: Int)] = []
        for stay in recording.stays {
            changes.append((stay.from, 0, 1))
            if let to = stay.to { changes.append((to, 0, -1)) }
        }
        for event in recording.events {
            switch event.what {
            case .started, .restarted: changes.append((event.at, 1, 0))
            case .crashed, .leaving: changes.append((event.at, -1, 0))
            default: break
            }
        }
        changes.sort { $0.at < $1.at }
        var next = changes.startIndex
        for second in 1...Int(duration.components.seconds) {
            var sample = Recording.Sample(at: .seconds(second))
            while next < changes.endIndex, changes[next].at <= sample.at {
                running += changes[next].running
                members += changes[next].members
                next += 1
            }
            sample.running = running
            sample.members = max(members, 0)
            sample.current = max(min(members, running) - dice.below(1 + running / 12), 0)
            sample.datagrams = running * 4 + dice.below(running * 2 + 2)
            sample.bytes = sample.datagrams * (180 + dice.below(60))
            sample.lost = sample.datagrams / 50 + dice.below(4)
            sample.refusals = dice.below(6) + (second % 17 == 0 ? 30 : 0)
            sample.messages = running / 2
            recording.samples.append(sample)
        }
    }

    private mutating func count() {
        let datagrams = recording.samples.reduce(0) { $0 + $1.datagrams }
        let shares: [(Kind, Int, Int)] = [
            (.hello, 2, 196), (.retry, 1, 120), (.welcome, 1, 212), (.reject, 0, 170), (.confirm, 1, 170),
            (.heartbeat, 40, 138), (.leave, 0, 120), (.pulse, 38, 136), (.snapshot, 2, 1_180), (.delta, 4, 260),
            (.goodbye, 0, 118), (.message, 11, 208), (.ack, 0, 156),
        ]
        for (kind, share, size) in shares {
            var traffic = Recording.Traffic()
            traffic.datagrams = datagrams * share / 100
            traffic.bytes = traffic.datagrams * size
            recording.traffic.append((kind, traffic))
        }
        recording.losses = [
            (.lost, datagrams / 50), (.partitioned, datagrams / 40), (.tooLarge, 0), (.overflow, datagrams / 900),
            (.nobodyThere, datagrams / 300), (.withheld, datagrams / 1_200),
        ]
        for (rejection, server, peers) in [
            (Rejection.sealBroken, 310, 42), (.unknownTicket, 36, 0), (.sessionEnded, 18, 0),
            (.counterReplayed, 820, 260),
            (.unknownTag, 0, 55), (.deltaNotApplicable, 0, 140), (.signatureInvalid, 12, 0), (.prefixOverRate, 96, 0),
            (.sourceMismatch, 74, 0), (.untrusted, 0, 31),
        ] {
            for _ in 0..<server { recording.serverRefusals.count(rejection) }
            for _ in 0..<peers { recording.peerRefusals.count(rejection) }
        }
        for _ in 0..<2_000 {
            recording.messageLatency.add(.microseconds(4_000 + dice.below(3_000) * (1 + dice.below(5))))
        }
        recording.messagesSent = recording.names.count * 20
        recording.deliveriesExpected = 20_000
        recording.deliveries = 19_612
        var replayer = Recording.Attack(
            name: "replayer", story: "On the path: records every datagram and sends it again, now and an hour later.")
        replayer.sent = 1_340
        replayer.withheld = datagrams / 1_200
        replayer.goals = [("a datagram taken twice", 1_080, 0), ("a session of a member ended", 130, 0)]
        var stranger = Recording.Attack(
            name: "stranger", story: "Without a key, off the path: asks to join from many addresses.")
        stranger.sent = 26_000
        stranger.goals = [("to be a member", 400, 0), ("to keep an honest peer out for a second", 50, 2)]
        recording.attacks = [replayer, stranger]
        recording.steps = datagrams * 3
        recording.traceHash = dice.next()
    }
}
