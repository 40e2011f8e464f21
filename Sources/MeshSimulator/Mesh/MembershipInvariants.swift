package import SecureMeshCore

/// The invariants of membership, directories and trust.
extension Invariants {
    package mutating func revoked(_ identity: Int, now: Instant) { revokedAt[identity] = revokedAt[identity] ?? now }
    package mutating func authorized(_ identity: Int) { revokedAt[identity] = nil }

    /// Notes that the server was killed, started or paused. All periods within which the server must act start again.
    mutating func serverDisturbed(now: Instant) {
        serverSteadySince = now
        lastProof = [:]
    }

    /// Notes that a new process of the server has started. A suspicion of the old process, that many members are late
    /// for the same reason, ends with the old process.
    ///
    /// - Parameter kept: The identities of the members that the server has kept.
    mutating func serverStarted(keeping kept: [Int], now: Instant) {
        announcing = Set(kept)
        keptUntil = Dictionary(uniqueKeysWithValues: kept.map { ($0, now + stretched(ProtocolConstants.returnPeriod)) })
        (isSuspicious, suspicionEndedAt) = (false, nil)
        serverDisturbed(now: now)
    }

    /// Notes that the server runs again after a pause. If the pause was so long that a sweep is late, no member may
    /// expire for one lifetime.
    mutating func serverWoke(after duration: Duration, now: Instant) {
        serverDisturbed(now: now)
        if duration > ProtocolConstants.sweepInterval * 2 + .milliseconds(10) {
            expiresNobodyUntil = now + shrunk(lifetime)
        }
    }

    /// Notes that the server's clock has jumped ahead by `duration`. A period in which no member may expire ends
    /// earlier by the same duration.
    mutating func serverJumped(by duration: Duration, now: Instant) {
        expiresNobodyUntil = expiresNobodyUntil - duration
        serverWoke(after: duration, now: now)
    }

    /// Returns the extra time that each member has before it expires. The server grants this time while it suspects
    /// that many members are late for the same reason. Returns zero without such a suspicion.
    ///
    /// - Parameter lingering: The time for which the extra time still counts after the end of the suspicion.
    private func suspicion(_ now: Instant, lingering: Duration = .zero) -> Duration {
        let holds = isSuspicious && suspicionEndedAt.map { now - $0 <= lingering } ?? true
        return holds ? stretched(lifetime * Limits.suspicionLifetimes) : .zero
    }

    /// Notes that the server suspects that many members are late for the same reason.
    mutating func suspicionBegan() {
        (isSuspicious, suspicionEndedAt) = (true, nil)
    }

    /// Notes that the server no longer suspects that many members are late for the same reason.
    mutating func suspicionEnded(now: Instant) {
        suspicionEndedAt = now
    }

    // MARK: joining

    /// Notes that the identity has sent a CONFIRM for a session.
    package mutating func confirms(_ session: UInt64, by identity: Int) {
        confirmedSessions[identity, default: []].insert(session)
    }

    /// Notes that the server has accepted the CONFIRM of a member that it has kept.
    mutating func resumed(_ identity: Int, now: Instant) {
        guard keptUntil.removeValue(forKey: identity) != nil else { return }
        (confirmedAt[identity], lastProof[identity]) = (now, now)
    }

    /// Notes that the server has accepted a CONFIRM, or has kept the identity across a restart. Checks that the
    /// identity may join.
    mutating func joined(
        _ identity: Int, _ member: Member, under configuration: Registry.Configuration, now: Instant
    ) {
        if !configuration.allows(member) { fail("a revoked peer joined", peers: [identity], now: now) }
        guard announcing.remove(identity) == nil else { return }
        keptUntil[identity] = nil
        confirmedAt[identity] = now
        lastProof[identity] = now
        joins[identity, default: 0] += 1
        if isClose, joins[identity, default: 0] > confirmedSessions[identity]?.count ?? 0 {
            fail("joined more often than it has confirmed a session", peers: [identity], now: now)
        }
    }

    // MARK: leaving

    /// Notes a HEARTBEAT that the server has accepted. The HEARTBEAT proves that the peer is alive only if its token is
    /// so recent that the server must accept the token as a proof, even if clocks differ.
    mutating func heard(_ flight: Flight, by identity: Int, now: Instant) {
        guard let proof = flight.proof, proof >= serverSteadySince, now - proof < lifetime * 9 / 10 else { return }
        lastProof[identity] = now
    }

    /// Returns true if the identity has proved within the last lifetime that it is alive.
    func isSurelyAlive(_ identity: Int, now: Instant) -> Bool {
        lastProof[identity].map { now - $0 < shrunk(lifetime) } ?? false
    }

    /// Checks the reason for which the server has removed a member. `flight` is the datagram that the server has just
    /// handled; nil for a timeout.
    mutating func left(
        _ identity: Int, _ departure: Departure, isAllowed: Bool, after flight: Flight?, now: Instant
    ) {
        let fault: String? =
            switch departure {
            case _ where cheats.contains(identity): nil
            case .misbehaved: "an honest peer was taken for a cheat"
            case .left where !leavers.contains(identity): "gone as if it had left, and it has not"
            case .replaced where flight?.kind != .confirm || flight?.identity != identity:
                "replaced without a CONFIRM of its own"
            case .revoked where isAllowed: "gone as revoked, and it is not"
            case .stopping where !isStopping: "gone with a server that goes on"
            case .expired where now < expiresNobodyUntil: "expired by a server that has just slept"
            case .expired where isSurelyAlive(identity, now: now): "expired soon after a proof of life"
            case .tooOld where isYoung(identity, now: now): "ended of age, and it is young"
            case .left, .replaced, .revoked, .stopping, .expired, .tooOld: nil
            }
        if let fault { fail(fault, peers: [identity], now: now) }
    }

    /// Returns true if the session of an identity is younger than the age at which the server ends a session.
    private func isYoung(_ identity: Int, now: Instant) -> Bool {
        guard let begin = confirmedAt[identity], begin >= serverSteadySince else { return false }
        return now - begin < shrunk(rekey + ProtocolConstants.rekeyGrace)
    }

    /// Returns a time so long ago that a member without a sign of life since then must have expired. Returns the
    /// instant 0 if the server has not run for so long without a break.
    func latestSign(now: Instant) -> Instant {
        // A member with extra time may have proved that it is alive just before the suspicion ended.
        let patience = patience + suspicion(now, lingering: patience)
        let steadySince = keptUntil.values.reduce(serverSteadySince, max)
        return now - steadySince > patience ? now - patience : Instant(nanoseconds: 0)
    }

    /// The longest time from the last datagram of a dead member to the expiry of that member, if the server runs
    /// without a break. The last heartbeat may arrive up to one lifetime late. The member expires at the first sweep
    /// that runs one lifetime after that arrival.
    var patience: Duration { stretched(lifetime * 2 + ProtocolConstants.sweepInterval) + lateness }

    /// Checks an identity that has given no sign of life since `since`. It must not be a member any more when
    /// `patience` has passed. When `trust` has passed after that, no peer may trust it any more.
    ///
    /// - Parameters:
    ///   - slack: The delay that a sweep of the server may have.
    ///   - trusting: Returns the index of a peer that lists the identity and trusts its own directory; nil if there is
    ///     no such peer.
    package mutating func checkGone(
        _ identity: Int, since: Instant, isMember: Bool, slack: Duration = .zero, trusting: () -> Int? = { nil },
        now: Instant
    ) {
        // A CONFIRM that was under way at `since` may make the identity a member again until the ticket expires.
        let begin = max(since, serverSteadySince, confirmedAt[identity] ?? since, keptUntil[identity] ?? since)
        let slack = slack + suspicion(now)
        if isMember, now - begin > patience + slack {
            fail("still a member \(now - begin) after its end", peers: [identity], now: now)
        }
        if now - begin > patience + slack + stretched(trust), let other = trusting() {
            fail("still trusted \(now - begin) after its end", peers: [identity, other], now: now)
        }
    }

    // MARK: directories

    /// Checks that the version that the server publishes does not decrease within one epoch. A new process has a new
    /// epoch.
    mutating func published(_ version: UInt64, epoch: UInt64, now: Instant) {
        let before = served
        if epoch == before.epoch, version < before.version {
            fail("the server went back from version \(before.version) to \(version)", now: now)
        }
        served = (epoch, version)
    }

    /// Checks that a list of members is not too long, that no name, key or address is listed twice, and that a peer
    /// does not list itself.
    mutating func check(
        _ members: [Member], atMost limit: Int, of owner: Int?, without own: PublicKey? = nil, now: Instant
    ) {
        let involved = [owner].compactMap(\.self)
        if members.count > limit { fail("\(members.count) members are listed", peers: involved, now: now) }
        func isRepeated<Value: Hashable>(_ values: [Value]) -> Bool { Set(values).count < values.count }
        if isRepeated(members.map(\.name)) { fail("a name is listed twice", peers: involved, now: now) }
        if isRepeated(members.map(\.publicKey)) { fail("an identity is listed twice", peers: involved, now: now) }
        if isRepeated(members.map(\.address)) { fail("an address is listed twice", peers: involved, now: now) }
        if members.contains(where: { $0.publicKey == own }) { fail("it lists itself", peers: involved, now: now) }
    }

    /// Checks that the roster allows every member of the server.
    mutating func check(_ members: [Member], under configuration: Registry.Configuration, now: Instant) {
        for member in members where !configuration.allows(member) {
            fail("\(member.name) is revoked, and still a member", now: now)
        }
    }

    /// Checks that a peer trusts its directory for at most `trust` after the peer sent the last datagram that the
    /// server has accepted. Returns false if the peer trusts its directory for longer.
    mutating func checkTrust(of peer: Int, heardAt: Instant?, now: Instant) -> Bool {
        if let heardAt, now - heardAt <= stretched(trust) { return true }
        let age = heardAt.map { "\(now - $0) after the sending of what the server last accepted" } ?? "though unheard"
        fail("trusts its directory \(age)", peers: [peer], now: now)
        return false
    }
}

extension Registry.Configuration {
    /// Returns true if the roster allows the member at present.
    func allows(_ member: Member) -> Bool { roster.allows(member.publicKey, as: member.name, at: date) }
}
