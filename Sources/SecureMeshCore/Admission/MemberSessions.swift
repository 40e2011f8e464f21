/// The sessions of the server's members: the gates for HEARTBEAT and LEAVE, and the sealing of the datagrams to
/// members.
///
/// Each member's session is changed in place, because a copy would cost reference counting for the keys and the replay
/// window. A datagram costs one look-up of its session, and changes only this session and the load.
///
/// With more than one event loop, the receivers of most members are in lanes (`MemberLane`). `takeUpdates` returns the
/// sessions that each lane has to take over or to drop, and `admit` takes the datagrams that a lane has accepted.
package struct MemberSessions: Sendable {
    private let context: SigningContext
    private let epoch: UInt64
    private let rate: Rate
    private let lifetime: Duration
    private var members = DenseTable<MemberSession>()
    private var ended = RecentSessions()
    private var tokens: PulseTokens
    private var load: MemberLoad
    private let division: LaneDivision
    /// The updates that `takeUpdates` returns next, one per lane.
    private var updates: [LaneUpdate]
    private var hasUpdates = false

    /// - Parameters:
    ///   - signer: The server's signer. Members put the signer's epoch into the header field `to` of their datagrams.
    ///   - lifetime: The lifetime of a token (see `PulseTokens`). A heartbeat with an older token does not show that
    ///     the member is alive. The lifetime begins when the secret of the token is issued.
    ///   - pulseSecret: The first secret for tokens. It is used until the first periodic PULSE issues a new one.
    ///   - division: The division of the members among the server's event loops.
    package init(
        signer: Signer, heartbeatInterval: Duration, lifetime: Duration, pulseSecret: Secret32,
        division: LaneDivision = LaneDivision(), now: Instant
    ) {
        context = signer.context
        epoch = signer.from
        rate = Limits.memberRate(heartbeatInterval: heartbeatInterval)
        self.lifetime = lifetime
        tokens = PulseTokens(secret: pulseSecret, now: now)
        load = MemberLoad(now: now)
        self.division = division
        updates = Array(repeating: LaneUpdate(), count: Int(division.loops) - 1)
    }

    package var count: Int { members.count }

    package var usages: [Usage] {
        [Usage("ended sessions", ended.count, limit: Limits.removedSessions), tokens.usage]
    }

    /// Returns true if `session` is a member's session and its HELLO came from `path`.
    package func isMember(_ session: SessionID, at path: Path) -> Bool {
        members.index(of: session).map { members.values[$0].path == path } ?? false
    }

    /// Returns the path of the member's datagrams; nil if `session` is not the session of a member.
    package func path(of session: SessionID) -> Path? {
        members.index(of: session).map { members.values[$0].path }
    }

    /// Adds to the load the cost of sealing and sending DELTAs.
    ///
    /// - Parameter count: The number of DELTA datagrams. A DELTA to several receivers counts once per receiver.
    package mutating func chargeFanOut(_ count: Int, now: Instant) {
        load.charge(Limits.fanOutCost * Int64(count), now: now)
    }

    /// Returns the share of a core that members' datagrams, and DELTAs to members, used in the last complete second, in
    /// thousandths.
    package mutating func share(now: Instant) -> Int64 {
        load.share(now: now)
    }
}

// MARK: from a member

extension MemberSessions {
    /// A heartbeat that has passed all gates.
    package struct AdmittedHeartbeat: Sendable {
        package let session: SessionID
        package let verified: Verified<Heartbeat>
        /// The PULSE whose token the heartbeat returns; nil if no recent PULSE had that token.
        package let heard: HeardPulse?
        /// The directory version in the PULSE `heard`; 0 if `heard` is nil.
        package let told: UInt64
        /// The time for which the member has received no further part of an incomplete directory; nil if no report
        /// about this is due.
        package let stalledFor: Duration?
        /// True if the number of the heartbeat is more than one above the last accepted number. Then heartbeats were
        /// lost, or the sender left out a number to ask for a PULSE.
        package let asksForPulse: Bool
    }

    /// A member's datagram that has passed all gates, or the proof that the member misbehaved.
    package enum Admitted: Sendable {
        case heartbeat(AdmittedHeartbeat)
        case leave(SessionID)
        /// The member sealed a payload with a wrong signature. Nobody else has the key of the seal.
        case misbehaved(SessionID)
    }

    /// Admits a HEARTBEAT or a LEAVE.
    ///
    /// - Throws: The refusal. Then only the member's token bucket and the load may have changed.
    package mutating func admit(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant
    ) throws(Rejection) -> Admitted {
        guard datagram.header.to == epoch else { throw .misdirected }
        guard let session = SessionID(rawValue: datagram.header.from) else { throw .unknownSession }
        let index = try index(of: session)
        let home = members.values[index].path
        var worked = 0
        defer { if worked > 0 { load.charge(now: now) } }
        let accepted = try members.values[index].receiver?.admit(
            span, datagram, of: session, at: home, path: path, rate: rate, worked: &worked, in: context, now: now)
        // A lane has the receiver. The kernel gives this member's datagrams to the socket of that lane, so none should
        // come here.
        guard let accepted else { throw .misdirected }
        return note(accepted, at: index, now: now)
    }

    /// Takes a datagram that a lane has accepted.
    ///
    /// - Throws: `sessionEnded` or `unknownSession` if the session has ended since the lane accepted the datagram.
    package mutating func admit(_ accepted: AcceptedDatagram, now: Instant) throws(Rejection) -> Admitted {
        note(accepted, at: try index(of: accepted.session), now: now)
    }

    private func index(of session: SessionID) throws(Rejection) -> Int {
        guard let index = members.index(of: session) else {
            throw ended.contains(session) ? .sessionEnded : .unknownSession
        }
        return index
    }

    private mutating func note(_ accepted: AcceptedDatagram, at index: Int, now: Instant) -> Admitted {
        let session = accepted.session
        switch accepted.content {
        case .misbehaved: return .misbehaved(session)
        case .leave:
            members.values[index].received += 1
            return .leave(session)
        case .heartbeat(let verified, let asksForPulse):
            members.values[index].received += 1
            members.values[index].newestNumber = verified.body.number
            let heard = tokens.match(
                verified.body.token, of: session, last: members.values[index].lastToken)
            if PulseTokens.isFresh(issuedAt: heard?.at, now: now, lifetime: lifetime) {
                members.values[index].lastLife = now
            }
            let told = heard.map { members.values[index].told(in: $0) }
            return .heartbeat(
                AdmittedHeartbeat(
                    session: session, verified: verified, heard: heard, told: told ?? 0,
                    stalledFor: told.flatMap { members.values[index].noteHeld(verified, told: $0, now: now) },
                    asksForPulse: asksForPulse))
        }
    }
}

// MARK: lanes

extension MemberSessions {
    /// Makes a lane that has no members yet.
    package func makeLane() -> MemberLane {
        MemberLane(context: context, epoch: epoch, rate: rate)
    }

    /// Returns one update per lane, in the order of the lanes: the sessions that have begun or ended since the last
    /// call. Returns nil if there are none.
    package mutating func takeUpdates() -> [LaneUpdate]? {
        guard hasUpdates else { return nil }
        hasUpdates = false
        defer { for index in updates.indices { updates[index] = LaneUpdate() } }
        return updates
    }

    /// Adds the registry's cost of `count` datagrams of a lane to the load. These are the datagrams that were within
    /// the rate limit of their member.
    package mutating func chargeLane(_ count: Int, now: Instant) {
        load.charge(Limits.laneCost * Int64(count), now: now)
    }

    private mutating func update(_ lane: UInt8, _ change: (inout LaneUpdate) -> Void) {
        hasUpdates = true
        change(&updates[Int(lane) - 1])
    }
}

// MARK: beginning and end

extension MemberSessions {
    /// Begins the session of a confirmed handshake, and marks the counter and the number of its CONFIRM as used.
    package mutating func begin(_ joiner: ConfirmedTicket, now: Instant) {
        let ticket = joiner.ticket
        let session = ticket.entry.session
        let receiver = MemberReceiver(joiner)
        let lane = division.loop(of: session)
        if lane > 0 {
            update(lane) { $0.begun.append(LaneMember(id: session, path: ticket.path, receiver: receiver)) }
        }
        members.set(
            MemberSession(
                id: session, receiver: lane > 0 ? nil : receiver,
                channel: SendingChannel(key: ticket.keys.serverToPeer), lane: lane, path: ticket.path, joinedAt: now,
                lastLife: now, newestNumber: joiner.confirm.body.number))
    }

    /// Ends `session` and drops its keys. From then on, datagrams of the session are refused as `sessionEnded`.
    package mutating func end(_ session: SessionID) {
        ended.insert(session)
        guard let lane = members.remove(session)?.lane, lane > 0 else { return }
        update(lane) { $0.ended.append(session) }
    }

    /// Returns the sessions without a proof of life since `instant`, in ascending order.
    package func silent(since instant: Instant) -> [SessionID] {
        sessions { $0.lastLife < instant }
    }

    /// The earliest time of a member's last proof of life; nil if there are no members.
    package var oldestLife: Instant? { members.values.indices.lazy.map { members.values[$0].lastLife }.min() }

    /// Returns the number of sessions without a proof of life since `instant`.
    package func silentCount(since instant: Instant) -> Int {
        members.values.count { $0.lastLife < instant }
    }

    /// Returns true if the member's last proof of life is no older than the lifetime of a token.
    package func isAlive(_ session: SessionID, now: Instant) -> Bool {
        members.index(of: session).map { now - members.values[$0].lastLife <= lifetime } ?? false
    }

    /// Returns the server's view of a member; nil if `session` is not the session of a member.
    ///
    /// - Parameter lateAfter: The time without a proof of life after which a member counts as late.
    package func standing(of session: SessionID, lateAfter: Duration, now: Instant) -> MemberStanding? {
        members.index(of: session).map { index in
            let silence = now - members.values[index].lastLife
            return MemberStanding(
                silence: silence, isLate: silence > lateAfter, sent: members.values[index].channel.sent,
                received: members.values[index].received)
        }
    }

    /// Returns the number of sessions that began at `instant` or later.
    package func count(joinedSince instant: Instant) -> Int {
        members.values.count { $0.joinedAt >= instant }
    }

    /// Returns the sessions that began before `instant`, in ascending order.
    package func begun(before instant: Instant) -> [SessionID] {
        sessions { $0.joinedAt < instant }
    }

    private func sessions(where isWanted: (MemberSession) -> Bool) -> [SessionID] {
        members.values.indices.compactMap { isWanted(members.values[$0]) ? members.values[$0].id : nil }.sorted()
    }
}

// MARK: to a member

extension MemberSessions {
    /// Adds `secret` as the newest secret. From now on, the tokens in PULSEs are made from it. A token made from it
    /// proves life until one lifetime after `now`.
    ///
    /// - Parameter version: The version of the directory in the next PULSE to all members.
    package mutating func issue(_ secret: Secret32, version: UInt64, now: Instant) {
        tokens.issue(secret, version: version, now: now, lifetime: lifetime)
    }

    /// The time at which the newest secret was issued. The tokens in the newest PULSE to all members are made from it.
    package var secretIssuedAt: Instant { tokens.newestAt }

    /// Takes a token from the bucket for PULSEs that answer the member's heartbeats. Returns false if the bucket is
    /// empty or `session` is not the session of a member.
    package mutating func mayAnswer(_ session: SessionID, now: Instant) -> Bool {
        guard let index = members.index(of: session) else { return false }
        return members.values[index].answers.accept(Limits.answeringPulseRate, now: now)
    }

    /// Returns the state of the member's repairs; nil if `session` is not the session of a member.
    package func repair(of session: SessionID) -> RepairState? {
        members.index(of: session).map { members.values[$0].repair }
    }

    package mutating func setRepair(_ repair: RepairState, of session: SessionID) {
        guard let index = members.index(of: session) else { return }
        members.values[index].repair = repair
    }

    /// Notes the directory version in the PULSEs that were sent to a new member at its CONFIRM. If there are two such
    /// PULSEs, `version` is the version in the second one.
    package mutating func noteFirstTold(_ version: UInt64, to session: SessionID) {
        guard let index = members.index(of: session) else { return }
        members.values[index].repair.firstTold = version
    }

    /// Seals `payload` for one member. If it is a PULSE, the datagram also carries the newest number that was accepted
    /// from the member, and the member's token.
    ///
    /// - Returns: The sealed datagram; nil if `session` is not the session of a member, or if all counters of the
    ///   session are used up.
    package mutating func seal(_ payload: SignedPayload, for session: SessionID) -> Transmit? {
        guard let index = members.index(of: session) else { return nil }
        var fields: OpenFields?
        if payload.kind == .pulse {
            members.values[index].lastToken = tokens.newest(for: session, last: members.values[index].lastToken)
            fields = .pulse(
                echo: members.values[index].newestNumber, token: members.values[index].lastToken.value)
        }
        let sealed = members.values[index].channel.seal(payload, to: session.rawValue, as: fields)
        guard let bytes = sealed else { return nil }
        return Transmit(path: members.values[index].path, bytes: bytes, lane: members.values[index].lane)
    }
}
