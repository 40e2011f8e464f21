/// A peer's sessions with its server: the candidate, the current, the former and the late session (PROTOCOL.md,
/// sections 5 to 7).
///
/// WELCOME opens the candidate session. A candidate session that becomes stale is given up. The first fresh PULSE of
/// the candidate session makes it the current session. The session that was current until then becomes the late one,
/// which accepts messages for 5 more seconds.
///
/// If the new session belongs to another directory, or if the server has stopped, members still know this peer by the
/// session that was current. In these two cases, that session becomes the former one, in which messages are sent and
/// accepted until its trust ends. A peer may join again several times in that time, so it can have a former and a late
/// session.
///
/// Each of the four sessions may end early, and a session that has ended never comes back.
package struct SessionRotation: Sendable {
    /// A session that the server has ended or replaced.
    private struct Retired: Sendable {
        var session: ServerSession
        var until: Instant

        var deadline: Instant { Instant.earlier(session.expiryDeadline, until) ?? until }

        func isOpen(as id: UInt64, _ now: Instant) -> Bool { session.id.rawValue == id && now < until }
    }

    @Rare private(set) package var candidate: ServerSession?
    private(set) package var current: ServerSession?
    /// The session in which this peer still sends messages, because the server has stopped, or because the current
    /// session belongs to another directory.
    @Rare private var former: Retired?
    /// The session that was replaced last. This peer only accepts messages in it.
    @Rare private var late: Retired?
    /// The instant until which the server may still accept the CONFIRM of a candidate session that was given up; nil if
    /// there is no such session.
    private var givenUpUntil: Instant?

    /// The effect of an admitted PULSE.
    package enum PulseOutcome {
        /// The PULSE was not fresh, so it has no effect.
        case none
        /// The PULSE was fresh and belongs to the current session.
        case fresh(Pulse)
        /// The PULSE was the first fresh one of the candidate session, so that session has become the current one.
        case promoted(Pulse)
    }

    package init() {}

    /// The sessions in which this peer sends or accepts messages.
    package var own: [SessionID] { [current?.id, former?.session.id, late?.session.id].compactMap { $0 } }

    package var isEmpty: Bool { current == nil && !hasCandidate }
    package var hasCandidate: Bool { !_candidate.isNil }
    /// The instant at which the candidate session becomes stale; nil if there is no candidate session.
    package var candidateStaleAt: Instant? { _candidate.read { $0.staleAt } }

    /// Returns true if trust lasts at `now` in the current or in the former session, so that this peer accepts messages
    /// and may send them.
    package func isTrusted(_ now: Instant) -> Bool {
        current?.isTrusted(now) == true || isFormerTrusted(now)
    }

    /// Returns true if there is a former session, and trust lasts in it at `now`.
    package func isFormerTrusted(_ now: Instant) -> Bool {
        formerTrustedUntil.map { now < $0 } ?? false
    }

    /// The instant until which trust lasts in the former session; nil if there is none, or if it never had trust.
    package var formerTrustedUntil: Instant? {
        _former.read { former in former.session.trustedUntil.map { min(former.until, $0) } } ?? nil
    }

    /// The instant until which this peer accepts messages and may send them; nil if there is no trust.
    package var trustedUntil: Instant? {
        let own = current?.trustedUntil
        guard let former = formerTrustedUntil else { return own }
        return own.map { max($0, former) } ?? former
    }

    /// The time for which a directory is trusted after the last proof that it is up to date.
    package var trust: Duration {
        current?.trust ?? former?.session.trust ?? late?.session.trust ?? ProtocolConstants.trust
    }

    /// The version of the directory in the newest fresh PULSE of the current session with the flag `current`; 0 before
    /// the first such PULSE.
    package var wantedVersion: UInt64 { current?.wantedVersion ?? 0 }

    package var deadline: Instant? {
        var next = Instant.earlier(current?.sendAt, current?.expiryDeadline)
        next = .earlier(next, _candidate.read { $0.schedule.next })
        next = .earlier(next, _former.read { $0.deadline })
        return .earlier(next, _late.read { $0.deadline })
    }

    /// Returns the number of the newest datagram that was sealed for the server in `session`; nil if the session has
    /// ended.
    package func newestNumber(in session: UInt64) -> UInt64? {
        [current, candidate].compactMap { $0 }.first { $0.id.rawValue == session }?.number
    }

    /// The longest delay of this peer's own timers with which the peer can still tell whether the server is silent; nil
    /// if the peer has no session.
    package var toleratedLateness: Duration? { current?.toleratedLateness ?? candidate?.toleratedLateness }

    /// Restarts the measurement of the server's silence in the candidate and the current session, because this peer ran
    /// its own timers late.
    package mutating func restartSilence(_ now: Instant) {
        candidate?.restartSilence(now)
        current?.restartSilence(now)
    }

    package var usages: [Usage] {
        [candidate, current, former?.session, late?.session].compactMap { $0 }.flatMap(\.usages)
    }

    /// Makes `session` the candidate session.
    package mutating func open(_ session: ServerSession) {
        candidate = session
    }

    /// Takes the new keys that a RESUME offers for the current session; see `ServerSession.resume`. While there is a
    /// candidate session, RESUME is refused, because the CONFIRM of the candidate may have ended the current session.
    package mutating func resume(
        _ span: Span<UInt8>, _ datagram: Datagram, serverKey: AgreementPublicKey,
        pinned: (PublicKey) -> PinnedServer?, from source: SocketAddress, random: inout RandomSource, now: Instant
    ) throws(Rejection) {
        guard let server = current?.server, let pinned = pinned(server), datagram.header.to == current?.id.rawValue
        else { throw .unknownSession }
        guard !hasCandidate else { throw .resumeNotWanted }
        try current?.resume(span, datagram, serverKey: serverKey, by: pinned, from: source, random: &random, now: now)
    }

    /// Gives up the candidate session if it has waited too long for its first fresh PULSE. Returns true if a session
    /// was given up.
    package mutating func giveUpCandidate(_ now: Instant) -> Bool {
        guard let staleAt = candidateStaleAt, staleAt <= now else { return false }
        candidate = nil
        givenUpUntil = now + Limits.pendingLifetime
        return true
    }

    /// Drops the candidate session if it is a session with this server.
    package mutating func dropCandidate(of server: PublicKey) {
        if candidate?.server == server { candidate = nil }
    }

    /// Ends the current session after GOODBYE "replaced".
    ///
    /// - Returns: True if this peer's own CONFIRM may have replaced the session. In that case, the session becomes the
    ///   late one.
    package mutating func replaceCurrent(_ now: Instant) -> Bool {
        let isOwn = hasCandidate || givenUpUntil.map { now < $0 } ?? false
        if isOwn { late = retiredCurrent(until: now + ProtocolConstants.pairLingering) }
        current = nil
        return isOwn
    }

    /// Ends the current session with the server, because the server has stopped. Messages between members go on in this
    /// session until its trust ends.
    package mutating func endWithServer(_ now: Instant) {
        if let until = current?.trustedUntil, now < until { former = retiredCurrent(until: until) }
        current = nil
    }

    /// Makes the former session end in 5 s, if that session belongs to a former directory. Call this when every member
    /// of that directory has a new session or is gone.
    package mutating func endFormer(_ now: Instant) {
        guard let former, former.session.directory != current?.directory else { return }
        self.former?.until = min(former.until, now + ProtocolConstants.pairLingering)
    }

    /// Ends the pairs that the former and the late session have with `session`, a session of the former directory. The
    /// current session has no pair with sessions of that directory.
    package mutating func endFormer(_ session: SessionID, now: Instant) {
        former?.session.end(session, replaced: nil, now: now)
        late?.session.end(session, replaced: nil, now: now)
    }

    package mutating func endCurrent() {
        current = nil
        former = nil
        late = nil
    }

    package mutating func endAll() {
        endCurrent()
        candidate = nil
    }

    /// Removes the former and the late session if their time is over, and the senders' sessions that were replaced at
    /// least 5 s ago.
    package mutating func expire(_ now: Instant) {
        if let until = _former.read({ $0.until }), until <= now { former = nil }
        if let until = _late.read({ $0.until }), until <= now { late = nil }
        current?.expire(now)
        former?.session.expire(now)
        late?.session.expire(now)
    }

    /// Returns the current session without what it needs for datagrams with the server; nil if there is none.
    private func retiredCurrent(until: Instant) -> Retired? {
        guard var session = current else { return nil }
        session.endWithServer()
        return Retired(session: session, until: until)
    }

    // MARK: with the server

    /// Returns the CONFIRM of the candidate session and the HEARTBEAT of the current session, each only if it is due.
    ///
    /// - Parameter directory: The id of the directory that this peer holds at `version`. If the candidate session
    ///   belongs to another directory, its CONFIRM claims version 0.
    package mutating func heartbeats(
        version: UInt64, of directory: UInt64, part: UInt16, now: Instant, random: inout RandomSource
    ) -> [Transmit] {
        var due: [Transmit] = []
        let claimed = _candidate.read { $0.directory } == directory ? version : 0
        if let next = _candidate.read({ $0.schedule.next }), next <= now,
            let confirm = candidate?.heartbeat(version: claimed, part: part, now: now, random: &random)
        {
            due.append(confirm)
        }
        if let next = current?.sendAt, next <= now,
            let heartbeat = current?.heartbeat(version: version, part: part, now: now, random: &random)
        {
            due.append(heartbeat)
        }
        return due
    }

    /// Returns a LEAVE for each session that the server may know.
    package mutating func leave() -> [Transmit] {
        [current?.leave(), candidate?.leave()].compactMap { $0 }
    }

    /// Admits a SNAPSHOT, DELTA or GOODBYE of the current session.
    package mutating func admit<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram
    ) throws(Rejection) -> Body {
        guard datagram.header.to == current?.id.rawValue, let body = try current?.admit(body, span, datagram) else {
            throw .unknownSession
        }
        return body
    }

    /// Admits a PULSE of the candidate session or of the current session. The first fresh PULSE of the candidate
    /// session makes that session the current one.
    package mutating func admitPulse(
        _ span: Span<UInt8>, _ datagram: Datagram, echo: UInt64, token: UInt64, now: Instant
    ) throws(Rejection) -> PulseOutcome {
        let to = datagram.header.to
        if to == _candidate.read({ $0.id.rawValue }) {
            guard let pulse = try candidate?.admitPulse(span, datagram, echo: echo, token: token, now: now) else {
                return .none
            }
            promoteCandidate(now)
            return .promoted(pulse)
        }
        guard to == current?.id.rawValue else { throw .unknownSession }
        let pulse = try current?.admitPulse(span, datagram, echo: echo, token: token, now: now)
        return pulse.map(PulseOutcome.fresh) ?? .none
    }

    /// Extends the trust of the current session; see `ServerSession.extendTrust`.
    package mutating func extendTrust(held: UInt64) {
        current?.extendTrust(held: held)
    }

    package mutating func noteDirectory(_ progress: RepairRequest.Progress, now: Instant) {
        current?.noteDirectory(progress, now: now)
    }

    package mutating func noteListing(at version: UInt64) {
        current?.noteListing(at: version)
    }

    private mutating func promoteCandidate(_ now: Instant) {
        let lateUntil = now + ProtocolConstants.pairLingering
        let directory = candidate?.directory
        if current?.directory == directory {
            let trustedUntil = current?.trustedUntil
            candidate?.inheritTrust(until: trustedUntil)
            late = retiredCurrent(until: lateUntil) ?? late
        } else if let until = current?.trustedUntil {
            former = retiredCurrent(until: until)
        }
        // If there was no current session, or it never had trust, the former session goes on. If the former session
        // belongs to the directory of the new session, this peer only accepts messages in it from now on.
        if let session = former, session.session.directory == directory {
            late = Retired(session: session.session, until: min(session.until, lateUntil))
            former = nil
        }
        current = candidate
        candidate = nil
        // The server accepts no CONFIRM that is older than this one.
        givenUpUntil = nil
    }

    // MARK: with other members

    /// Returns the signers of the sessions in which this peer may send messages.
    package func speakers(held directory: DirectoryReplica, now: Instant) -> Speakers {
        let current = directory.version > 0 && current?.maySpeak(now) == true ? current?.signer : nil
        guard isFormerTrusted(now), let former, former.session.maySpeak(now) else {
            return Speakers(listed: current, former: nil)
        }
        let signer = former.session.signer
        return former.session.directory == directory.id
            ? Speakers(listed: current ?? signer, former: nil) : Speakers(listed: current, former: signer)
    }

    /// Admits a message that is addressed to the current, the former or the late session.
    package mutating func admitMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, held directory: DirectoryReplica,
        now: Instant
    ) throws(Rejection) -> AdmittedMessage {
        let message =
            switch try receiver(of: datagram, now: now) {
            case .current: try current?.admitMessage(span, datagram, from: source, in: directory, now: now)
            case .former: try former?.session.admitMessage(span, datagram, from: source, in: directory, now: now)
            case .late: try late?.session.admitMessage(span, datagram, from: source, in: directory, now: now)
            }
        guard let message else { throw .unknownSession }
        return message
    }

    /// Admits an ACK that is addressed to the current, the former or the late session.
    package mutating func admitAcknowledgment(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, held directory: DirectoryReplica,
        now: Instant
    ) throws(Rejection) -> AdmittedAcknowledgment {
        let acknowledgment =
            switch try receiver(of: datagram, now: now) {
            case .current: try current?.admitAcknowledgment(span, datagram, from: source, in: directory, now: now)
            case .former: try former?.session.admitAcknowledgment(span, datagram, from: source, in: directory, now: now)
            case .late: try late?.session.admitAcknowledgment(span, datagram, from: source, in: directory, now: now)
            }
        guard let acknowledgment else { throw .unknownSession }
        return acknowledgment
    }

    /// The session to which another member's datagram is addressed.
    ///
    /// The callers change the session in place, because a copy of the session would copy its table of senders too.
    private enum Receiver {
        case current, former, late
    }

    private func receiver(of datagram: Datagram, now: Instant) throws(Rejection) -> Receiver {
        let to = datagram.header.to
        if to == current?.id.rawValue { return .current }
        if _former.read({ $0.isOpen(as: to, now) }) == true { return .former }
        if _late.read({ $0.isOpen(as: to, now) }) == true { return .late }
        throw .unknownSession
    }

    /// Returns the instant until which trust lasts in a session that receives messages.
    package func trustedUntil(of session: UInt64) -> Instant? {
        if session == _former.read({ $0.session.id.rawValue }) { return formerTrustedUntil }
        if session == _late.read({ $0.session.id.rawValue }),
            _late.read({ $0.session.directory }) != current?.directory
        {
            return _late.read { $0.session.trustedUntil } ?? nil
        }
        return current?.trustedUntil
    }

    /// Seals a message for the session of `entry`. The keys are those of the session in which this peer signed the
    /// message.
    package mutating func seal(
        _ payload: SignedPayload, for entry: Entry, charging budget: inout SealBudget
    ) throws(SealError) -> [UInt8] {
        // A lying server can list another member under the session of this peer.
        guard payload.from != entry.session.rawValue else { throw .noKey(.bindingInvalid) }
        if payload.from == current?.id.rawValue,
            let bytes = try current?.seal(payload, for: entry, charging: &budget)
        {
            return bytes
        }
        if payload.from == former?.session.id.rawValue,
            let bytes = try former?.session.seal(payload, for: entry, charging: &budget)
        {
            return bytes
        }
        if payload.from == late?.session.id.rawValue,
            let bytes = try late?.session.seal(payload, for: entry, charging: &budget)
        {
            return bytes
        }
        throw .noSession
    }

    /// Ends the pairs that the current, the former and the late session have with another member's session.
    ///
    /// - Parameter entry: The directory entry of that session if the member has a newer session; nil otherwise.
    package mutating func end(_ session: SessionID, replaced entry: SharedEntry?, now: Instant) {
        current?.end(session, replaced: entry, now: now)
        // A session of another directory has pairs only with sessions of that directory.
        if former?.session.directory == current?.directory {
            former?.session.end(session, replaced: entry, now: now)
        }
        if late?.session.directory == current?.directory {
            late?.session.end(session, replaced: entry, now: now)
        }
    }
}

extension ServerSession {
    /// Admits a message of a member of this session's directory, which is the directory that this peer holds, or the
    /// one that it held before.
    fileprivate mutating func admitMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, in held: DirectoryReplica, now: Instant
    ) throws(Rejection) -> AdmittedMessage {
        if directory == held.id { return try admitMessage(span, datagram, from: source, held: held, now: now) }
        return try admitMessage(span, datagram, from: source, held: held.former, now: now)
    }

    /// Admits an ACK of a member of this session's directory.
    fileprivate mutating func admitAcknowledgment(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, in held: DirectoryReplica, now: Instant
    ) throws(Rejection) -> AdmittedAcknowledgment {
        if directory == held.id { return try admitAcknowledgment(span, datagram, from: source, held: held, now: now) }
        return try admitAcknowledgment(span, datagram, from: source, held: held.former, now: now)
    }
}
