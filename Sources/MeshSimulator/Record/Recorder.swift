package import SecureMeshCore

/// Makes the `Recording` of a world.
struct Recorder {
    private(set) var recording: Recording
    /// The time at which the server published each version of its present directory, from version 1.
    private var publishedAt: [Instant] = []
    /// For each version of the server's present directory, the latest time so far at which a member received this
    /// version.
    private var heldAt: [Instant] = []
    private var epoch: UInt64 = 0
    private var held: [Int: (epoch: UInt64, version: UInt64)] = [:]
    private var stays: [Int: Int] = [:]
    private var wantedIn: [Int: Instant] = [:]
    private var diedAt: [Int: Instant] = [:]
    /// The traffic of each kind of datagram, by the byte that stands for the kind.
    private var traffic = [Recording.Traffic](repeating: Recording.Traffic(), count: 256)
    private var sample: Recording.Sample
    /// The time between two samples.
    let interval: Duration

    init(_ scenario: Scenario, names: [PeerName]) {
        recording = Recording(seed: scenario.seed, title: scenario.title, names: names)
        recording.command = scenario.command
        // A page shows at most some hundreds of points.
        let seconds = Int((scenario.duration + scenario.healing).components.seconds)
        interval = .seconds(max(seconds / 600, 1))
        sample = Recording.Sample(at: interval)
    }

    mutating func note(_ what: Recording.Event.What, peer: Int? = nil, now: Instant) {
        recording.note(what, peer: peer, at: now.sinceBeginning)
    }

    // MARK: traffic

    mutating func sent(_ bytes: [UInt8]) {
        sample.datagrams += 1
        sample.bytes += bytes.count
        guard bytes.count > 1 else { return }
        traffic[Int(bytes[1])].datagrams += 1
        traffic[Int(bytes[1])].bytes += bytes.count
    }

    mutating func lost() { sample.lost += 1 }
    mutating func refused() { sample.refusals += 1 }
    mutating func lostConnection() { recording.connectionsLost += 1 }

    mutating func spoke(toAsManyAs receivers: Int) {
        recording.messagesSent += 1
        recording.deliveriesExpected += receivers
    }

    mutating func delivered(after latency: Duration) {
        recording.deliveries += 1
        recording.messageLatency.add(latency)
        sample.messages += 1
    }

    // MARK: membership

    mutating func wantsIn(_ peer: Int, now: Instant) { wantedIn[peer] = now }

    mutating func died(_ peer: Int, now: Instant) {
        diedAt[peer] = now
        held[peer] = nil
        wantedIn[peer] = nil
    }

    mutating func isIn(_ peer: Int, now: Instant) {
        guard let since = wantedIn.removeValue(forKey: peer) else { return }
        recording.joinTimes.add(now - since)
    }

    mutating func joined(_ peer: Int, now: Instant) {
        end(peer, .replaced, now: now)
        stays[peer] = recording.stays.count
        recording.stays.append(Recording.Stay(peer: peer, from: now.sinceBeginning))
        note(.joined, peer: peer, now: now)
        diedAt[peer] = nil
    }

    mutating func left(_ peer: Int, _ departure: Departure, now: Instant) {
        end(peer, departure, now: now)
        note(.left(departure), peer: peer, now: now)
        if let died = diedAt.removeValue(forKey: peer) { recording.deathNotice.add(now - died) }
    }

    private mutating func end(_ peer: Int, _ departure: Departure?, now: Instant) {
        guard let place = stays.removeValue(forKey: peer) else { return }
        recording.stays[place].to = now.sinceBeginning
        recording.stays[place].departure = departure
        recording.memberTime += now.sinceBeginning - recording.stays[place].from
    }

    /// Ends the stays of all members, because the server's process has ended.
    mutating func serverGone(peers: Int, now: Instant) {
        for peer in 0..<peers { end(peer, nil, now: now) }
        (publishedAt, heldAt, epoch) = ([], [], 0)
    }

    // MARK: versions

    mutating func published(_ version: UInt64, epoch: UInt64, now: Instant) {
        if epoch != self.epoch { (publishedAt, heldAt, self.epoch) = ([], [], epoch) }
        while UInt64(publishedAt.count) < version {
            publishedAt.append(now)
            heldAt.append(now)
        }
    }

    mutating func holds(_ peer: Int, _ version: UInt64, epoch: UInt64, now: Instant) {
        let before = held.updateValue((epoch, version), forKey: peer)
        guard let before, before.epoch == epoch, epoch == self.epoch, before.version < version,
            version <= UInt64(publishedAt.count)
        else { return }
        for place in Int(before.version)..<Int(version) where before.version > 0 {
            recording.directoryLag.add(now - publishedAt[place])
            heldAt[place] = now
        }
    }

    // MARK: time

    mutating func take(running: Int, members: Int, current: Int, now: Instant) {
        sample.running = running
        sample.members = members
        sample.current = current
        recording.samples.append(sample)
        sample = Recording.Sample(at: now.sinceBeginning + interval)
    }

    mutating func healing(now: Instant) {
        recording.healingBegan = now.sinceBeginning
        note(.healing, now: now)
    }

    mutating func healed(at time: Instant) {
        guard let began = recording.healingBegan else { return }
        recording.healedAfter = time.sinceBeginning - began
        note(.converged, now: time)
    }

    /// Returns the complete recording.
    mutating func finish(
        _ trace: Trace, losses: [Recording.Loss: Int], server: RejectionCounters, peers: RejectionCounters,
        attacks: [Recording.Attack], processors: Recording.ProcessorUsage?, failure: String?, now: Instant
    ) -> Recording {
        for (place, at) in publishedAt.enumerated() where heldAt[place] > at {
            recording.convergence.add(heldAt[place] - at)
        }
        for place in stays.values.sorted() {
            recording.memberTime += now.sinceBeginning - recording.stays[place].from
        }
        recording.duration = now.sinceBeginning
        recording.traffic = Kind.allCases.map { ($0, traffic[Int($0.rawValue)]) }
        recording.losses = Recording.Loss.allCases.map { ($0, losses[$0] ?? 0) }
        recording.serverRefusals = server
        recording.peerRefusals = peers
        recording.attacks = attacks
        recording.processors = processors
        recording.failure = failure
        recording.steps = trace.steps
        recording.traceHash = trace.hash
        return recording
    }
}

extension Instant {
    /// The time since the beginning of the world, which is the instant 0.
    package var sinceBeginning: Duration { .nanoseconds(nanoseconds) }
}
