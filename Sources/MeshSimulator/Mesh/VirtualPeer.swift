package import SecureMeshCore

/// One peer of a virtual mesh: its identity, its process, and the parts of its history that the checks need.
package final class VirtualPeer {
    package let key: SigningKey
    package var name: PeerName
    /// The index of the key in the `Invariants`.
    package let identity: Int
    package var address: SocketAddress
    package internal(set) var process: Process<Peer>
    /// False until the peer's first process starts.
    package var hasBegun = false
    /// True if the peer has left or the server has refused it for good. Such a peer does not restart.
    package var hasEnded = false
    var isRevoked = false
    /// The time at which the peer's revocation was last withdrawn; nil if it never was. Datagrams from before that time
    /// may still arrive.
    var authorizedAt: Instant?
    /// The time at which the peer was killed, left or was revoked, so that it must soon cease to be a member; nil while
    /// it may be a member.
    var diedAt: Instant?
    /// The send time of the peer's newest HEARTBEAT or CONFIRM that the server has accepted; nil if there is none.
    private(set) var heardAt: Instant?
    /// The time at which the clock of the present process last jumped; nil if it has not jumped. The jump may have made
    /// the peer discard records that it keeps only for some seconds.
    var jumpedAt: Instant?
    /// The time before which the peer does not join, because the server told it to wait; nil if it need not wait.
    package var waitsUntil: Instant?
    /// The time at which the present process last followed a lying server; nil if it has not.
    var deceivedAt: Instant?
    package private(set) var startedAt = Instant(nanoseconds: 0)
    /// The time at which the present process could first send messages; nil before that.
    package internal(set) var joinedAt: Instant?
    /// The time at which the directory version of the present process last changed; nil if it has not changed.
    package internal(set) var heldAt: Instant?
    /// The events of the peer, in a mesh that keeps them.
    package var events: [(at: Instant, event: PeerEvent)] = []
    /// Checks the order of the present process's events.
    var order = EventOrder()
    /// The messages that wait for acknowledgments: their numbers, and their indices in the `Invariants`.
    var unacknowledged: [(number: UInt64, message: Int)] = []
    /// The epoch and the version of the peer's directory at the last call of `formerEpoch`.
    private var held: (epoch: UInt64, version: UInt64) = (0, 0)
    /// For each session, the numbers of the newest heartbeats and the times at which they were sent.
    private var heartbeats: [UInt64: [(number: UInt64, at: Instant)]] = [:]
    /// For each session, the time at which the server issued the token that the next heartbeat will carry.
    private var pulses: [UInt64: Instant] = [:]

    package init(key: SigningKey, name: PeerName, identity: Int, address: SocketAddress, process: Process<Peer>) {
        self.key = key
        self.name = name
        self.identity = identity
        self.address = address
        self.process = process
    }

    /// Makes an independent copy without `events`.
    init(copying other: VirtualPeer) {
        (key, name, identity, address) = (other.key, other.name, other.identity, other.address)
        process = Process(copying: other.process)
        (hasBegun, hasEnded, isRevoked) = (other.hasBegun, other.hasEnded, other.isRevoked)
        (authorizedAt, diedAt, heardAt, jumpedAt) = (other.authorizedAt, other.diedAt, other.heardAt, other.jumpedAt)
        (waitsUntil, deceivedAt, startedAt) = (other.waitsUntil, other.deceivedAt, other.startedAt)
        (joinedAt, heldAt, held) = (other.joinedAt, other.heldAt, other.held)
        (order, heartbeats, pulses) = (other.order, other.heartbeats, other.pulses)
        unacknowledged = other.unacknowledged
    }

    package var publicKey: PublicKey { key.publicKey }
    package var isRunning: Bool { process.isRunning }
    package var version: UInt64 { process.glance.version }
    package var machine: Peer {
        get { process.machine }
        set { process.machine = newValue }
    }

    /// True if the peer's process is running and the peer may be a member.
    package var isLive: Bool { hasBegun && process.isRunning && !hasEnded && !isRevoked }

    func starts(_ process: Process<Peer>, now: Instant) {
        self.process = process
        hasBegun = true
        startedAt = now
        if !isRevoked { diedAt = nil }
        heardAt = nil
        deceivedAt = nil
        jumpedAt = nil
        waitsUntil = nil
        joinedAt = nil
        heldAt = nil
        held = (0, 0)
        order = EventOrder()
        unacknowledged = []
        heartbeats = [:]
        pulses = [:]
    }

    /// Returns the state of the peer's machine that a broken datagram must not change.
    ///
    /// - Parameter isDue: True if the end of the peer's trust may be due. The peer then reports that end with the next
    ///   datagram, even a broken one, so `deadline` is left out of the result.
    func view(_ now: Instant, isDue: Bool) -> Invariants.View {
        let local = process.clock.read(now)
        var glance = process.glance
        if isDue { glance.deadline = nil }
        return Invariants.View(
            glance: glance, session: process.machine.session?.rawValue ?? 0,
            isTrusted: process.machine.isTrusted(local))
    }

    /// Remembers a HEARTBEAT or CONFIRM that the peer sends. Returns the time at which the server issued the token in
    /// it; nil if that time is unknown.
    func sends(_ flight: Flight, now: Instant) -> Instant? {
        guard flight.kind == .heartbeat || flight.kind == .confirm,
            let number = machine.newestNumber(in: flight.from)
        else { return nil }
        var recent = heartbeats[flight.from] ?? []
        if recent.count == 16 { recent.removeFirst() }
        recent.append((number, now))
        heartbeats[flight.from] = recent
        return pulses[flight.from]
    }

    /// Notes that the server has accepted a HEARTBEAT or CONFIRM of the peer.
    func wasHeard(_ flight: Flight) {
        heardAt = max(heardAt ?? flight.sentAt, flight.sentAt)
    }

    /// Notes the time at which the server issued the token in a PULSE that the peer has accepted, if the PULSE is
    /// surely fresh. A peer returns only the tokens of fresh PULSEs.
    ///
    /// A PULSE is surely fresh if it echoes a heartbeat that the peer sent less than `freshness` ago, and the peer's
    /// clock has not jumped since then.
    func hears(pulse flight: Flight, freshness: Duration, now: Instant) {
        guard let sending = heartbeats[flight.to]?.last(where: { $0.number == flight.echo }),
            now - sending.at < freshness, jumpedAt.map({ $0 < sending.at }) ?? true
        else { return }
        pulses[flight.to] = flight.proof ?? flight.sentAt
    }

    /// Returns the epoch of the directory that the peer held at the last call of this function; 0 if it held none.
    /// Returns nil if the directory has not changed since then. Also checks that the version has not decreased within
    /// one epoch.
    ///
    /// - Parameter isDeceived: True if the peer follows a lying server. After a false digest, such a peer accepts a
    ///   SNAPSHOT of any version, so the version is not checked.
    func formerEpoch(_ invariants: inout Invariants, peer: Int, isDeceived: Bool, now: Instant) -> UInt64? {
        let current = (epoch: process.glance.epoch, version: process.glance.version)
        guard current != held else { return nil }
        if !isDeceived, current.epoch == held.epoch, current.version < held.version {
            invariants.fail(
                "its directory went back from version \(held.version) to \(current.version)", peers: [peer], now: now)
        }
        defer { held = current }
        heldAt = now
        return held.epoch
    }
}
