/// A peer's session with the server, from the WELCOME it opened to its end: keys, numbers, freshness and trust.
///
/// What is asked of it after every datagram is stored: to compute a property of a session in an Optional copies it.
package struct ServerSession: Sendable {
    package let id: SessionID
    package let epoch: UInt64
    package let own: LocalIdentity
    package let signer: Signer
    package let address: SocketAddress
    package let interval: Duration
    private let binder: Secret32
    private let trust: Duration
    private let startedAt: Instant
    /// How long a sign of life counts.
    private let freshness: Duration
    private var session: SecureChannel
    private var number: UInt64 = 0
    private var token: UInt64
    /// Numbers of the heartbeats whose echo would be fresh, and when each was sent.
    private var sent: [(number: UInt64, at: Instant)] = []
    /// Of the newest sending that a fresh PULSE echoed.
    private var freshSince: Instant?
    /// When the last sign of life is three intervals old.
    private(set) package var staleAt: Instant
    /// When to join again for new keys.
    private(set) package var rekeyAt: Instant
    /// The newest fresh PULSE: what it told, and the sending that it echoed.
    private var newestPulse: (version: UInt64, sentAt: Instant)?
    /// The version at which the directory first listed this session.
    private var listedAt: UInt64?
    private(set) package var trustedUntil: Instant?
    private(set) package var nextSend: Instant
    /// How long after a PULSE the next heartbeat goes out: late in the interval, so that the next PULSE echoes a young
    /// one and a single lost PULSE leaves time for the one after it; not at the same time as all the others'.
    private let phase: Duration
    /// How long after the heartbeat that a PULSE echoed at the latest.
    private let latestSend: Duration
    package var pairs = Pairs() {
        didSet { if pairs.isExhausted { rekeyAt = startedAt } }
    }

    package init(
        _ opened: Joining.OpenedWelcome, attempt: Joining.Attempt, key: SigningKey, random: inout RandomSource,
        now: Instant
    ) {
        let body = opened.welcome.body
        id = body.session
        epoch = opened.epoch
        own = LocalIdentity(
            session: body.session, epoch: epoch, ephemeral: attempt.ephemeral,
            agreementKey: attempt.context.primitives.publicKey(of: attempt.ephemeral), publicKey: key.publicKey,
            context: attempt.context)
        signer = Signer(key: key, context: attempt.context, from: body.session.rawValue)
        address = body.address
        // A server cannot make a peer busier than any server may ask it to be.
        interval = max(.milliseconds(Int(body.heartbeatMilliseconds)), Limits.shortestHeartbeat)
        trust = .seconds(Int(body.trustSeconds))
        rekeyAt = now + .seconds(Int(body.rekeySeconds))
        startedAt = now
        freshness = interval * ProtocolConstants.freshIntervals
        staleAt = now + freshness
        binder = opened.keys.binder
        session = SecureChannel(receiveKey: opened.keys.serverToPeer, sendKey: opened.keys.peerToServer)
        token = body.token
        nextSend = now
        phase = interval * Int(500 + random.next() % 400) / 1_000
        latestSend = interval * 5 / 4
    }

    /// Whether the first fresh PULSE has come: the server has accepted the CONFIRM.
    package var isConfirmed: Bool { freshSince != nil }

    package var usages: [Usage] {
        pairs.usages + [Usage("sent heartbeats", sent.count, limit: Limits.sentHeartbeats)]
    }

    /// While it is not confirmed.
    package var confirmDeadline: Instant { min(nextSend, staleAt) }

    package func isTrusted(_ now: Instant) -> Bool {
        trustedUntil.map { now < $0 } ?? false
    }

    package mutating func noteListing(at version: UInt64) {
        listedAt = listedAt ?? version
    }

    /// Whether every member that has heard the PULSE just heard knows of this session.
    package func maySpeak(_ now: Instant) -> Bool {
        guard let listedAt, let newestPulse else { return false }
        return isTrusted(now) && newestPulse.version >= listedAt
    }

    /// CONFIRM until the first PULSE, HEARTBEAT after it; sets the next sending.
    package mutating func heartbeat(version: UInt64, part: UInt16, now: Instant) -> [UInt8]? {
        nextSend = now + interval
        number += 1
        record(number, now)
        let payload =
            isConfirmed
            ? signer.sign(.heartbeat, Heartbeat(number: number, token: token, version: version, part: part))
            : signer.sign(
                .confirm, Heartbeat(number: number, token: token, version: 0, part: 0), extra: .binder(binder))
        return session.seal(payload, to: epoch)
    }

    package mutating func leave() -> [UInt8]? {
        number += 1
        return session.seal(signer.sign(.leave, Leave(number: number)), to: epoch)
    }

    /// window → seal → fields → number rises → signature → commit.
    package mutating func admit<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram
    ) throws(Rejection) -> Verified<Body> {
        guard datagram.header.from == epoch else { throw .misdirected }
        let opened = try session.open(body, span, datagram, by: signer.context.primitives)
        let number = (opened.body as? any NumberedPayload)?.number
        if let number { try session.checkNumber(number) }
        let verified = try opened.verified(by: signer.context.server, in: signer.context)
        session.accept(counter: datagram.header.counter, number: number)
        return verified
    }

    /// Takes in a PULSE. True if it is fresh: it echoes a heartbeat sent within three intervals.
    package mutating func accept(_ pulse: Pulse, echo: UInt64, held: UInt64, now: Instant) -> Bool {
        guard let sentAt = sent.first(where: { $0.number == echo })?.at, now < sentAt + freshness else { return false }
        token = pulse.token
        nextSend = min(now + phase, sentAt + latestSend)
        if sentAt > freshSince ?? Instant(nanoseconds: .min) {
            freshSince = sentAt
            staleAt = sentAt + freshness
        }
        newestPulse = (pulse.version, sentAt)
        extendTrust(held: held)
        return true
    }

    /// Trust moves only at the version held: so dropping DELTAs while PULSEs pass hides no revocation.
    package mutating func extendTrust(held: UInt64) {
        guard let newestPulse, newestPulse.version <= held else { return }
        let until = newestPulse.sentAt + trust
        trustedUntil = max(trustedUntil ?? until, until)
    }

    private mutating func record(_ number: UInt64, _ now: Instant) {
        sent.removeAll { now >= $0.at + freshness }
        if sent.count == Limits.sentHeartbeats { sent.removeFirst() }
        sent.append((number, now))
    }
}
