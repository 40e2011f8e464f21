/// A peer's session with the server, from the WELCOME that opened it to its end: keys, numbers, freshness and trust.
///
/// `staleAt`, `schedule` and `trustedUntil` are stored properties, because they are read after every datagram. To
/// compute them through an Optional would copy the session.
package struct ServerSession: Sendable {
    package let id: SessionID
    private(set) package var epoch: UInt64
    /// The id of the server's directory. The versions of the directory are counted under this id.
    package let directory: UInt64
    /// The key that signs the server's datagrams.
    package let server: PublicKey
    package let signer: Signer
    /// The address at which the server sees this peer.
    package let address: SocketAddress
    /// The address of the server that answered this peer. All datagrams of this session go to that address.
    package let serverAddress: SocketAddress
    private var interval: Duration
    /// The binder (PROTOCOL.md, section 5.1): a secret shared with the server. The signature of CONFIRM covers the
    /// binder. Both `binder` and `channel` are nil when the session serves only messages between members.
    private var binder: Secret32?
    private var channel: SecureChannel?
    private(set) package var trust: Duration
    private var startedAt: Instant
    /// The time from HELLO to WELCOME: one round trip, or more if datagrams were lost.
    package let handshakeTime: Duration
    /// The instant at which the peer joins again because this session's keys are old.
    private var keysExpireAt: Instant
    /// The time for which the echo of a heartbeat counts as fresh, counted from the heartbeat's send time.
    private var freshness: Duration
    private var pairs: Pairs
    /// The number of the newest CONFIRM, HEARTBEAT or LEAVE of this session.
    private(set) package var number: UInt64 = 0
    private var token: UInt64
    private var request: RepairRequest
    /// The heartbeats whose echo would be fresh, each with its number and its send time, oldest first.
    private var sent: [(number: UInt64, at: Instant)] = []
    /// The send time of the newest heartbeat that a fresh PULSE has echoed; nil before the first fresh PULSE.
    private var freshSince: Instant?
    /// The instant at which this session becomes stale. The peer then gives the session up, or the connection is lost.
    ///
    /// Before the first fresh PULSE, the instant is five intervals after WELCOME. From then on, it is three intervals
    /// after the send time of the newest heartbeat that a fresh PULSE has echoed, but at least one round trip and half
    /// an interval after the first fresh PULSE. If this peer ran its own timers late, the instant is postponed.
    private(set) package var staleAt: Instant
    /// The directory version in the newest fresh PULSE with the flag `current`, and the send time of the heartbeat that
    /// it echoed; nil before the first such PULSE.
    private var newestPulse: (version: UInt64, sentAt: Instant)? {
        didSet {
            wantedVersion = newestPulse?.version ?? 0
            highestVersion = max(highestVersion, wantedVersion)
        }
    }
    private(set) package var wantedVersion: UInt64 = 0
    /// The highest directory version in a fresh PULSE with the flag `current`; 0 before the first one.
    private var highestVersion: UInt64 = 0
    /// The version at which the directory first listed this session; nil if this session has not been listed yet.
    private var listedAt: UInt64?
    private(set) package var trustedUntil: Instant?
    /// The highest start of the server in an accepted RESUME; 0 before the first one.
    private var newestStart: UInt64 = 0
    private var resumes = RateLimiter()
    private(set) package var schedule: HeartbeatSchedule

    /// - Parameter pairLimit: The largest number of ended sessions of other members that are remembered.
    package init(
        _ opened: OpenedWelcome, _ attempt: JoinAttempt, _ configuration: Peer.Configuration,
        pairLimit: Int = Limits.retiredSessions, random: inout RandomSource, now: Instant
    ) {
        let body = opened.welcome.body
        let key = configuration.key
        id = body.session
        epoch = opened.epoch
        directory = body.directory
        server = attempt.server.identity
        signer = Signer(key: key, context: attempt.context, from: body.session.rawValue)
        address = body.address
        serverAddress = attempt.address
        interval = Self.interval(body.parameters)
        trust = .seconds(Int(body.parameters.trustSeconds))
        startedAt = now
        handshakeTime = now - attempt.sentAt
        keysExpireAt = now + .seconds(Int(body.parameters.rekeySeconds))
        freshness = interval * ProtocolConstants.freshIntervals
        staleAt = now + interval * ProtocolConstants.confirmIntervals
        binder = opened.keys.binder
        channel = SecureChannel(receiveKey: opened.keys.serverToPeer, sendKey: opened.keys.peerToServer)
        pairs = Pairs(
            identity: LocalIdentity(
                session: body.session, ephemeral: attempt.ephemeral, publicKey: key.publicKey,
                context: attempt.context),
            messageLimits: configuration.messageLimits, limit: pairLimit)
        token = body.token
        request = RepairRequest(interval: interval, now: now)
        schedule = HeartbeatSchedule(interval: interval, random: &random, now: now)
    }

    /// True if a fresh PULSE has arrived, which shows that the server has accepted the CONFIRM.
    private var isConfirmed: Bool { freshSince != nil }

    package var usages: [Usage] {
        pairs.usages + [Usage("sent heartbeats", sent.count, limit: Limits.sentHeartbeats)]
    }

    /// The instant at which the next heartbeat is due.
    package var sendAt: Instant { request.due.map { min($0, schedule.next) } ?? schedule.next }

    /// The longest round trip that is supported. With this round trip, an echo comes back in time even if two
    /// heartbeats in a row are lost.
    package var bearableRoundTrip: Duration { interval * 2 }

    /// The shortest measured round trip to the server; nil before the first fresh PULSE.
    package var roundTrip: Duration? { schedule.shortestRoundTrip }

    /// The send time of the newest heartbeat that a fresh PULSE has echoed; nil before the first such PULSE.
    package var echoedAt: Instant? { schedule.echoedAt }

    /// The longest delay of this peer's own timers with which the peer can still tell whether the server is silent.
    package var toleratedLateness: Duration { interval / 2 }

    /// The instant at which this peer joins again for new keys. If `pairs` is exhausted, this instant has passed
    /// already.
    package var rekeyAt: Instant { pairs.isExhausted ? startedAt : keysExpireAt }

    /// The instant at which `expire` is to be called next; nil if there is nothing to remove.
    package var expiryDeadline: Instant? { pairs.deadline }

    /// Returns true if trust lasts at `now`, so that this peer accepts messages and may send them.
    package func isTrusted(_ now: Instant) -> Bool {
        trustedUntil.map { now < $0 } ?? false
    }

    /// Records that the directory lists this session at `version`.
    package mutating func noteListing(at version: UInt64) {
        listedAt = listedAt ?? version
    }

    /// True if the directory lists this session, and every fresh PULSE with the flag `current` had a version below
    /// `listedAt`. The DELTA that lists this session has then not been sealed for all other members yet.
    package var isBeingListed: Bool { listedAt.map { $0 > highestVersion } ?? false }

    /// Returns true if trust lasts at `now`, and every member that has the directory version of the newest fresh PULSE
    /// knows this session.
    package func maySpeak(_ now: Instant) -> Bool {
        guard let listedAt, let newestPulse else { return false }
        return isTrusted(now) && newestPulse.version >= listedAt
    }

    /// Restarts the measurement of the server's silence, because this peer ran its own timers late. In that time,
    /// datagrams of the server may have been lost, and this peer's heartbeats have become too old for a fresh echo.
    ///
    /// The peer waits until at most `Limits.postponedSilence` intervals after it sent the newest heartbeat that a fresh
    /// PULSE has echoed. Before the first fresh PULSE, the intervals are counted from WELCOME. By then the server has
    /// expired a member from which it has heard nothing, so a longer wait would only delay the next join.
    package mutating func restartSilence(_ now: Instant) {
        let last = (freshSince ?? startedAt) + interval * Limits.postponedSilence
        staleAt = max(staleAt, min(now + freshness, last))
        schedule.hurry(now)
    }

    // MARK: with the server

    /// Erases the keys shared with the server. The session can still serve messages between members.
    package mutating func endWithServer() {
        binder = nil
        channel = nil
    }

    /// Returns the heartbeat interval. No server can make a peer send heartbeats faster than
    /// `Limits.shortestHeartbeat`.
    private static func interval(_ parameters: SessionParameters) -> Duration {
        max(.milliseconds(Int(parameters.heartbeatMilliseconds)), Limits.shortestHeartbeat)
    }

    /// Takes the new keys that RESUME offers, if the RESUME passes the gates of PROTOCOL.md, section 5.10. From then
    /// on, this session has the new epoch, and waits for its first fresh PULSE again. Trust, and the keys shared with
    /// other members, stay the same.
    ///
    /// - Parameters:
    ///   - serverKey: The server's ephemeral key, which the RESUME carries unencrypted.
    ///   - pinned: The server of this session.
    ///   - source: The address that the RESUME came from.
    package mutating func resume(
        _ span: Span<UInt8>, _ datagram: Datagram, serverKey: AgreementPublicKey, by pinned: PinnedServer,
        from source: SocketAddress, random: inout RandomSource, now: Instant
    ) throws(Rejection) {
        guard source == serverAddress else { throw .sourceMismatch }
        guard datagram.header.from != epoch, now < rekeyAt else { throw .resumeNotWanted }
        guard resumes.accept(Limits.resumeRate, now: now) else { throw .tooManyFailedAnswers }
        let opened = try pairs.identity.openResume(span, datagram, serverKey: serverKey, server: pinned)
        guard opened.body.start > newestStart else { throw .numberStale }
        guard opened.body.directory == directory else { throw .invalidParameters }
        newestStart = opened.body.start
        epoch = opened.epoch
        token = opened.body.token
        binder = opened.keys.binder
        channel = SecureChannel(receiveKey: opened.keys.serverToPeer, sendKey: opened.keys.peerToServer)
        let parameters = opened.body.parameters
        interval = Self.interval(parameters)
        trust = .seconds(Int(parameters.trustSeconds))
        // The keys shared with other members are as old as before.
        keysExpireAt = min(keysExpireAt, now + .seconds(Int(parameters.rekeySeconds)))
        freshness = interval * ProtocolConstants.freshIntervals
        startedAt = now
        staleAt = now + interval * ProtocolConstants.confirmIntervals
        (freshSince, sent) = (nil, [])
        request = RepairRequest(interval: interval, now: now)
        schedule = HeartbeatSchedule(interval: interval, random: &random, now: now)
    }

    /// Seals the next heartbeat: a CONFIRM before the first fresh PULSE, or a HEARTBEAT after it. Schedules the
    /// heartbeat that follows. Returns nil if the keys shared with the server are erased or used up.
    package mutating func heartbeat(
        version: UInt64, part: UInt16, now: Instant, random: inout RandomSource
    ) -> Transmit? {
        request.sent(version: version, part: Int(part), isEarly: now < schedule.next, now: now)
        // If a number is skipped, the server answers with a PULSE at once.
        number += isConfirmed && schedule.asksForPulse(now) ? 2 : 1
        schedule.sent(now: now, staleAt: staleAt, random: &random)
        record(number, now)
        guard let binder else { return nil }
        let payload =
            isConfirmed
            ? signer.sign(.heartbeat, Heartbeat(number: number, token: token, version: version, part: part))
            : signer.sign(
                .confirm, Heartbeat(number: number, token: token, version: version, part: 0),
                extra: .binder(binder, server: server))
        return sealed(payload)
    }

    /// Seals a LEAVE. Returns nil if the keys shared with the server are erased or used up.
    package mutating func leave() -> Transmit? {
        number += 1
        return sealed(signer.sign(.leave, Leave(number: number)))
    }

    /// Seals a datagram for the server. The datagram leaves from the address at which the server sees this peer,
    /// because the server refuses datagrams from other addresses, and the system might choose another one.
    private mutating func sealed(_ payload: SignedPayload) -> Transmit? {
        let path = Path(from: address, to: serverAddress)
        return channel?.seal(payload, to: epoch).map { Transmit(path: path, bytes: $0) }
    }

    /// Admits a SNAPSHOT, DELTA or GOODBYE if it passes these checks, in this order: replay window, seal, fields,
    /// signature. The datagram's counter is marked as used only after all checks.
    package mutating func admit<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram
    ) throws(Rejection) -> Body {
        let opened = try open(body, span, datagram)
        let verified = try opened.verified(by: server, in: signer.context)
        channel?.accept(counter: datagram.header.counter)
        return verified.body
    }

    /// Admits a PULSE if it passes these checks, in this order: replay window, seal, fields, a higher number than any
    /// accepted PULSE before, signature. The PULSE's counter and number are marked as used only after all checks.
    ///
    /// - Parameters:
    ///   - token: The token for this peer, which the next HEARTBEAT returns if the PULSE is fresh.
    /// - Returns: The PULSE if it is fresh, which means that it echoes a heartbeat that this peer sent less than three
    ///   intervals ago; otherwise nil.
    package mutating func admitPulse(
        _ span: Span<UInt8>, _ datagram: Datagram, echo: UInt64, token: UInt64, now: Instant
    ) throws(Rejection) -> Pulse? {
        let opened = try open(Pulse.self, span, datagram)
        try channel?.checkNumber(opened.body.number)
        let pulse = try opened.verified(by: server, in: signer.context).body
        channel?.accept(counter: datagram.header.counter, number: pulse.number)
        return note(pulse, echo: echo, token: token, now: now) ? pulse : nil
    }

    /// Schedules a heartbeat that asks for missing parts of the directory, if any are missing.
    ///
    /// - Parameter progress: A measure of how much of the directory the peer holds.
    package mutating func noteDirectory(_ progress: RepairRequest.Progress, now: Instant) {
        request.note(progress, wanted: newestPulse?.version ?? 0, now: now)
    }

    /// Takes over the trust of the session that this session replaces. Both sessions have the same directory.
    package mutating func inheritTrust(until instant: Instant?) {
        trustedUntil = instant
    }

    /// Extends trust, the permission to send and deliver messages (PROTOCOL.md, section 6.4). Does nothing unless this
    /// peer holds the directory version of `newestPulse` or a later one.
    ///
    /// The PULSE echoes a heartbeat, and trust lasts for `trust` from the send time of that heartbeat. If trust lasts
    /// longer already, its end stays. So a server or a network that passes PULSEs but drops DELTAs can hide a
    /// revocation for at most `trust`.
    ///
    /// - Parameter held: The directory version that this peer holds; 0 if the directory is not proven to be the same as
    ///   the server's.
    package mutating func extendTrust(held: UInt64) {
        guard let newestPulse, newestPulse.version <= held else { return }
        let until = newestPulse.sentAt + trust
        trustedUntil = max(trustedUntil ?? until, until)
    }

    private func open<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram
    ) throws(Rejection) -> Opened<Body> {
        guard datagram.header.from == epoch, let channel else { throw .misdirected }
        return try channel.open(body, span, datagram, by: signer.context.primitives)
    }

    private mutating func note(_ pulse: Pulse, echo: UInt64, token: UInt64, now: Instant) -> Bool {
        guard let sentAt = sent.first(where: { $0.number == echo })?.at, now < sentAt + freshness else { return false }
        self.token = token
        schedule.heard(echoOf: sentAt, now: now)
        if let freshSince {
            staleAt = max(staleAt, sentAt + freshness)
            self.freshSince = max(freshSince, sentAt)
        } else {
            // The first PULSE answers CONFIRM at once, so it shows the round trip. A later one may have waited.
            let roundTrip = now - sentAt
            request.firstMeasured(roundTrip)
            // The first HEARTBEAT is sent after this PULSE, so the echo of that HEARTBEAT takes another round trip.
            staleAt = max(sentAt + freshness, now + roundTrip + interval / 2)
            freshSince = sentAt
            // A server that has started with an old copy of its directory may list this session at a lower version.
            if newestStart > 0 { listedAt = listedAt.map { min($0, pulse.version) } }
        }
        if pulse.flags.contains(.current) { newestPulse = (pulse.version, sentAt) }
        return true
    }

    private mutating func record(_ number: UInt64, _ now: Instant) {
        sent.removeAll { now >= $0.at + freshness }
        if sent.count == Limits.sentHeartbeats { sent.removeFirst() }
        sent.append((number, now))
    }

    // MARK: with other members

    /// Admits a message if trust has not ended and the message passes the checks of `Pairs.admitMessage`.
    package mutating func admitMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, held directory: some MemberLookup,
        now: Instant
    ) throws(Rejection) -> AdmittedMessage {
        guard isTrusted(now) else { throw .untrusted }
        return try pairs.admitMessage(span, datagram, from: source, held: directory, now: now)
    }

    /// Admits an ACK if trust has not ended and the ACK passes the checks of `Pairs.admitAcknowledgment`.
    package mutating func admitAcknowledgment(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, held directory: some MemberLookup,
        now: Instant
    ) throws(Rejection) -> AdmittedAcknowledgment {
        guard isTrusted(now) else { throw .untrusted }
        return try pairs.admitAcknowledgment(span, datagram, from: source, held: directory, now: now)
    }

    /// Seals a message for the session of `entry`.
    package mutating func seal(
        _ payload: SignedPayload, for entry: Entry, charging budget: inout SealBudget
    ) throws(SealError) -> [UInt8] {
        try pairs.seal(payload, for: entry, charging: &budget)
    }

    /// Ends the pair with another member's session; see `Pairs.end`.
    package mutating func end(_ session: SessionID, replaced entry: SharedEntry?, now: Instant) {
        pairs.end(session, replaced: entry, now: now)
    }

    /// Removes the senders' sessions that newer sessions replaced at least 5 s ago. Late messages of these old sessions
    /// are not accepted any more.
    package mutating func expire(_ now: Instant) {
        pairs.expire(now: now)
    }
}
