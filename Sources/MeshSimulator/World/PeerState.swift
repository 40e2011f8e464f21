internal import SecureMeshCore

/// One peer of a world: its identity, its process, and what the world has seen of it.
final class PeerState {
    let key: SigningKey
    let name: PeerName
    var address: SocketAddress
    var process: Process<Peer>
    /// False until it is started for the first time.
    var hasBegun = false
    /// It has left or was turned away for good: no restart.
    var hasEnded = false
    var isRevoked = false
    /// When it was last taken back: what was said before that may still be under way.
    var authorisedAt: Instant?
    /// At any time: LEAVE may still be under way.
    var hasLeft = false
    /// Since then it ought to be no member.
    var diedAt: Instant?
    /// When that was sent which the server has last heard of it.
    private(set) var heardAt: Instant?
    /// When its clock last jumped: what it remembers for some seconds it may have forgotten.
    var jumpedAt: Instant?
    /// It keeps away until then: it was told that another process has its key.
    var waitsUntil: Instant?
    /// When it last followed a server that lies.
    var deceivedAt: Instant?
    private var epoch: UInt64 = 0
    private var version: UInt64 = 0
    /// The sendings of its newest heartbeats, by session: number and time.
    private var heartbeats: [UInt64: [(number: UInt64, at: Instant)]] = [:]
    /// When the PULSE was sent whose token its next heartbeat brings, by session.
    private var pulses: [UInt64: Instant] = [:]

    init(key: SigningKey, name: PeerName, address: SocketAddress, process: Process<Peer>) {
        self.key = key
        self.name = name
        self.address = address
        self.process = process
    }

    /// Is there, and may be a member.
    var isLive: Bool { hasBegun && process.isRunning && !hasEnded && !isRevoked }

    func restarted(_ process: Process<Peer>) {
        self.process = process
        if !isRevoked { diedAt = nil }
        heardAt = nil
        deceivedAt = nil
        jumpedAt = nil
        waitsUntil = nil
        epoch = 0
        version = 0
        heartbeats = [:]
        pulses = [:]
    }

    func view(_ now: Instant) -> Judge.View {
        let local = process.clock.read(now)
        return Judge.View(
            glance: process.glance, session: process.machine.session?.rawValue ?? 0,
            isTrusted: process.machine.isTrusted(local))
    }

    /// A HEARTBEAT or CONFIRM goes out: gives the age of the PULSE that it answers.
    func sends(_ flight: Flight, now: Instant) -> Instant? {
        guard flight.kind == .heartbeat || flight.kind == .confirm else { return nil }
        var recent = heartbeats[flight.from] ?? []
        if recent.count == 16 { recent.removeFirst() }
        recent.append((flight.counter, now))
        heartbeats[flight.from] = recent
        return pulses[flight.from]
    }

    /// The server has accepted a HEARTBEAT or CONFIRM of it.
    func wasHeard(_ flight: Flight) {
        heardAt = max(heardAt ?? flight.sentAt, flight.sentAt)
    }

    /// It has accepted a PULSE: its token is taken over if it echoes a heartbeat that is surely fresh,
    /// to its own clock too.
    func hears(pulse flight: Flight, freshness: Duration, now: Instant) {
        guard let sending = heartbeats[flight.to]?.last(where: { $0.number == flight.echo }),
            now - sending.at < freshness, jumpedAt.map({ $0 < sending.at }) ?? true
        else { return }
        pulses[flight.to] = flight.sentAt
    }

    /// Gives whether its directory has changed; tells the judge if it went back.
    func changed(_ judge: inout Judge, peer: Int, now: Instant) -> Bool {
        let (newEpoch, newVersion) = (process.glance.epoch, process.glance.version)
        guard newEpoch != epoch || newVersion != version else { return false }
        if newEpoch == epoch, newVersion < version {
            judge.fail("its directory went back from version \(version) to \(newVersion)", peers: [peer], now: now)
        }
        (epoch, version) = (newEpoch, newVersion)
        return true
    }
}
