/// The sessions of the server's members: the gates for HEARTBEAT and LEAVE, and the sealing of what members are sent.
///
/// Each member is one value. A datagram finds it with one look-up and changes no state but that value and the load.
package struct MemberSessions: Sendable {
    private let context: SigningContext
    private let epoch: UInt64
    private let rate: Rate
    private let lifetime: Duration
    private var members: [SessionID: MemberSession] = [:]
    private var ended = RecentSessions()
    private var tokens: PulseTokens
    private var load: MemberLoad

    /// - Parameters:
    ///   - signer: The server's, under whose epoch members address their datagrams.
    ///   - lifetime: The time for which a token proves life.
    ///   - pulseSecret: The secret of the PULSEs before the first periodic one.
    package init(
        signer: Signer, heartbeatInterval: Duration, lifetime: Duration, pulseSecret: Secret32, now: Instant
    ) {
        context = signer.context
        epoch = signer.from
        rate = Limits.memberRate(heartbeatInterval: heartbeatInterval)
        self.lifetime = lifetime
        tokens = PulseTokens(secret: pulseSecret, now: now)
        load = MemberLoad(now: now)
    }

    package var count: Int { members.count }

    package var usages: [Usage] {
        [Usage("ended sessions", ended.count, limit: Limits.removedSessions), tokens.usage]
    }

    /// Returns true if `session` is a member's and belongs to `path`.
    package func isMember(_ session: SessionID, at path: Path) -> Bool {
        members[session]?.path == path
    }

    /// Adds the cost of DELTAs to the load.
    ///
    /// - Parameter count: The number of DELTAs, one per receiver.
    package mutating func chargeFanOut(_ count: Int, now: Instant) {
        load.charge(Limits.fanOutCost * Int64(count), now: now)
    }

    /// Returns the share of a core that members' datagrams used in the last whole second, in thousandths.
    package mutating func share(now: Instant) -> Int64 {
        load.share(now: now)
    }
}

// MARK: from a member

extension MemberSessions {
    /// A member's datagram that has passed all gates, or the proof that the member misbehaved.
    package enum Admitted: Sendable {
        ///
        /// `heard` is nil if the token is that of no recent PULSE. `asksForPulse` is true if a number is missing before
        /// this one: heartbeats were lost, or the sender has left it out.
        case heartbeat(SessionID, Verified<Heartbeat>, heard: HeardPulse?, asksForPulse: Bool)
        case leave(SessionID)
        /// The member sealed what it did not sign. Nobody else could have.
        case misbehaved(SessionID)
    }

    /// Admits a HEARTBEAT or a LEAVE.
    ///
    /// - Throws: The refusal. Nothing has changed but the member's bucket and the load.
    package mutating func admit(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant
    ) throws(Rejection) -> Admitted {
        guard datagram.header.to == epoch else { throw .misdirected }
        guard let session = SessionID(rawValue: datagram.header.from) else { throw .unknownSession }
        guard let index = members.index(forKey: session) else {
            throw ended.contains(session) ? .sessionEnded : .unknownSession
        }
        if datagram.header.kind == .leave {
            let leave = try admit(Leave.self, span, datagram, path: path, of: index, now: now)
            return leave == nil ? .misbehaved(session) : .leave(session)
        }
        let last = members.values[index].channel.newestNumber
        guard let heartbeat = try admit(Heartbeat.self, span, datagram, path: path, of: index, now: now) else {
            return .misbehaved(session)
        }
        let heard = tokens.match(heartbeat.body.token, of: session)
        if PulseTokens.isFresh(issuedAt: heard?.at, now: now, lifetime: lifetime) {
            members.values[index].lastLife = now
        }
        return .heartbeat(session, heartbeat, heard: heard, asksForPulse: heartbeat.body.number - 1 > last)
    }

    /// Admits a datagram of the member at `index`, whose session has been found.
    ///
    /// Gates: source → window → seal → fields → bucket → number rises → signature → commit.
    ///
    /// - Returns: The verified payload; nil if the seal is intact and the signature is wrong.
    private mutating func admit<Body: NumberedPayload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, path: Path,
        of index: Dictionary<SessionID, MemberSession>.Index, now: Instant
    ) throws(Rejection) -> Verified<Body>? {
        guard members.values[index].path == path else { throw .sourceMismatch }
        let opened = try members.values[index].channel.open(body, span, datagram, by: context.primitives)
        // After the seal: a sender that can only spoof a member's source must not be able to use up its bucket.
        guard members.values[index].bucket.accept(rate, now: now) else { throw .memberOverRate }
        load.charge(now: now)
        try members.values[index].channel.checkNumber(opened.body.number)
        let verified: Verified<Body>
        do {
            verified = try opened.verified(by: members.values[index].identity, in: context)
        } catch {
            return nil
        }
        members.values[index].channel.accept(counter: datagram.header.counter, number: opened.body.number)
        members.values[index].received += 1
        return verified
    }
}

// MARK: beginning and end

extension MemberSessions {
    /// Begins the ticket's session. The counter and the number of its CONFIRM are used up.
    package mutating func begin(_ joiner: ConfirmedTicket, now: Instant) {
        let ticket = joiner.ticket
        var channel = SecureChannel(receiveKey: ticket.keys.peerToServer, sendKey: ticket.keys.serverToPeer)
        channel.accept(counter: joiner.counter, number: joiner.confirm.body.number)
        members[ticket.entry.session] = MemberSession(
            channel: channel, path: ticket.path, identity: ticket.entry.identity, joinedAt: now, lastLife: now)
    }

    /// Ends `session` and drops its keys. A datagram of it is refused as `sessionEnded` from then on.
    package mutating func end(_ session: SessionID) {
        members[session] = nil
        ended.insert(session)
    }

    /// Returns the sessions without a proof of life since `instant`, in ascending order.
    package func silent(since instant: Instant) -> [SessionID] {
        sessions { $0.lastLife < instant }
    }

    /// Returns the number of sessions without a proof of life since `instant`.
    package func silentCount(since instant: Instant) -> Int {
        members.values.count { $0.lastLife < instant }
    }

    /// Returns true if the member has given a proof of life within the lifetime.
    package func isAlive(_ session: SessionID, now: Instant) -> Bool {
        members[session].map { now - $0.lastLife <= lifetime } ?? false
    }

    /// Returns the server's view of a member; nil if `session` is no member's.
    ///
    /// - Parameter lateAfter: The silence after which a member is late.
    package func standing(of session: SessionID, lateAfter: Duration, now: Instant) -> MemberStanding? {
        members[session].map { member in
            let silence = now - member.lastLife
            return MemberStanding(
                silence: silence, isLate: silence > lateAfter, sent: member.channel.sent, received: member.received)
        }
    }

    /// Returns the sessions that began before `instant`, in ascending order.
    package func begun(before instant: Instant) -> [SessionID] {
        sessions { $0.joinedAt < instant }
    }

    private func sessions(where isWanted: (MemberSession) -> Bool) -> [SessionID] {
        members.compactMap { isWanted($0.value) ? $0.key : nil }.sorted()
    }
}

// MARK: to a member

extension MemberSessions {
    /// Makes the tokens of `secret` proofs of life for one lifetime. PULSEs carry them from now on.
    ///
    /// - Parameter version: The version of the directory in the next PULSE to all members.
    package mutating func issue(_ secret: Secret32, version: UInt64, now: Instant) {
        tokens.issue(secret, version: version, now: now, lifetime: lifetime)
    }

    /// The time at which the secret of the newest PULSE to all members was issued.
    package var secretIssuedAt: Instant { tokens.newestAt }

    /// Takes a token from the bucket for PULSEs that answer the member's heartbeats. Returns false if there is none.
    package mutating func mayAnswer(_ session: SessionID, now: Instant) -> Bool {
        guard let index = members.index(forKey: session) else { return false }
        return members.values[index].answers.accept(Limits.answeringPulseRate, now: now)
    }

    /// Notes what the member says it holds of the directory.
    ///
    /// - Returns: The time for which nothing has reached it of what it lacks, if that is to be reported.
    package mutating func noteHeld(
        _ heartbeat: Heartbeat, of session: SessionID, heard: HeardPulse, now: Instant
    ) -> Duration? {
        let isComplete = heartbeat.version >= told(session, in: heard)
        guard let index = members.index(forKey: session) else { return nil }
        let held = HeldDirectory(version: heartbeat.version, part: heartbeat.part)
        members.values[index].stall.note(held, isComplete: isComplete, now: now)
        return members.values[index].stall.report(now)
    }

    /// Returns what the member was sent of what it had missed; nil if `session` is no member's.
    package func repair(of session: SessionID) -> RepairState? {
        members[session]?.repair
    }

    package mutating func setRepair(_ repair: RepairState, of session: SessionID) {
        guard let index = members.index(forKey: session) else { return }
        members.values[index].repair = repair
    }

    /// Notes the version in the first PULSE of a member, which is sent to this member only.
    package mutating func noteFirstTold(_ version: UInt64, to session: SessionID) {
        guard let index = members.index(forKey: session) else { return }
        members.values[index].repair.firstTold = version
    }

    /// Returns the version in the first PULSE with the secret of `heard` that was sent to the member.
    package func told(_ session: SessionID, in heard: HeardPulse) -> UInt64 {
        guard let member = members[session] else { return 0 }
        return heard.at < member.joinedAt ? member.repair.firstTold : heard.version
    }

    /// Seals `payload` for one member. PULSE carries the newest number heard from it, and its token.
    ///
    /// - Returns: Nil if `session` is no member's, or if its counters are used up.
    package mutating func seal(_ payload: SignedPayload, for session: SessionID) -> Transmit? {
        guard let index = members.index(forKey: session) else { return nil }
        let fields: OpenFields? =
            payload.kind == .pulse
            ? .pulse(echo: members.values[index].channel.newestNumber, token: tokens.newest(for: session)) : nil
        guard let bytes = members.values[index].channel.seal(payload, to: session.rawValue, as: fields) else {
            return nil
        }
        return Transmit(path: members.values[index].path, bytes: bytes)
    }
}
