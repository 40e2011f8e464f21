/// The state machine of a server: it lets peers join, keeps the directory and publishes it (PROTOCOL.md, sections 5 and
/// 6).
///
/// A handshake is pending after WELCOME. With CONFIRM, the peer is a member and its session begins. The session ends
/// when the member leaves, expires, misbehaves, is revoked or gets a new session, when the session's keys are too old,
/// or when the server stops. An ended session never returns. The registry is a value: bytes, time and random numbers
/// come from outside.
///
/// With more than one event loop, each additional loop has a lane, which verifies the datagrams of its share of the
/// members. `handle` takes the reports of the lanes.
///
/// Its inputs are `handle`, `handleTimeout`, `handleDrained`, `setRoster` and `stop`. Its outputs are `pollOutput` and
/// `nextDeadline`.
package struct Registry: MeshMachine {
    package struct Configuration: Sendable {
        package var key: SigningKey
        /// The address of each socket, in the order of `Path.socket`.
        package var bound: [SocketAddress]
        /// The addresses of the host. A socket that is bound to a wildcard address receives at all of them.
        package var hostAddresses: Set<SocketAddress.IP> = []
        package var roster: Roster
        /// The calendar time at which the registry is made. This time decides whether keys in the roster have expired.
        package var date = UnixTime(seconds: 0)
        package var heartbeatInterval = ProtocolConstants.heartbeatInterval
        package var lifetime = ProtocolConstants.lifetime
        package var maximumPeers = Limits.maximumPeers
        package var trust = ProtocolConstants.trust
        package var rekey = ProtocolConstants.rekey
        package var primitives: any Primitives = Libsodium()
        /// The division of the members among the server's event loops. Loop 0 runs the registry. Each other loop runs a
        /// lane, which verifies the datagrams of its members.
        package var division = LaneDivision()
        /// The directory that was kept over the restart; nil if this server keeps no directory.
        package var kept: KeptDirectory?

        package init(key: SigningKey, bound: [SocketAddress], roster: Roster) {
            self.key = key
            self.bound = bound
            self.roster = roster
        }
    }

    private var configuration: Configuration
    private let signer: Signer
    private var random: RandomSource
    private var gate: HandshakeGate
    private(set) package var sessions: MemberSessions
    private var log: DirectoryLog
    private var resumption: Resumption
    /// The id and the number of starts of the directory that this server keeps; nil if it keeps none.
    private var keeping: (id: UInt64, starts: UInt64)?
    private var roster: Roster
    /// The calendar time that the last call of `advanceCalendar` set.
    private var date: UnixTime
    /// The calendar time at which the next key in the roster expires; nil if none will expire.
    private var nextExpiry: UnixTime?
    private var ledger = IdentityLedger()
    private var detector: FailureDetector
    /// The number of members that were late at the last sweep: they had given no proof of life for two thirds of the
    /// lifetime.
    private var lateAtSweep = 0
    /// The largest number of members that were late at the same sweep during the present suspicion; nil if no suspicion
    /// is reported.
    package var suspectedCount: Int? { suspicion.isReported ? suspicion.mostLate : nil }
    private var pulseNumber: UInt64 = 0
    /// The version and the digest of the directory after the newest DELTA that was sealed for all members.
    private var sealed: DirectoryState
    private var fanOutQueue = FanOutQueue()
    /// The members whose sessions are still to be ended, each with the reason.
    private var ending: [(session: SessionID, departure: Departure)] = []
    /// The instant at which the next slice of `ending` or `fanOutQueue` is due; nil if both are empty.
    private var nextSlice: Instant?
    /// The instant for which the next slice of the newest PULSE to all members is planned, if this PULSE is spread.
    private var nextPulseSlice = Instant(nanoseconds: 0)
    private var isStopping = false
    /// The number of members that were kept over the restart. It may be above `Configuration.maximumPeers`.
    private let keptCount: Int

    /// The suspicion that members are late for a common cause. The properties have their initial values while there is
    /// no suspicion.
    private struct Suspicion: Sendable {
        /// The largest number of members that were late at the same sweep.
        var mostLate = 0
        /// True if `.suspected` was emitted.
        var isReported = false
        /// The members whose proof of life was overdue at some time, and whose sessions have not ended.
        var suspects: Set<SessionID> = []
        /// The number of members that were removed from `suspects` because their sessions ended.
        var endedCount = 0
    }

    private struct DirectoryState: Sendable {
        let version: UInt64
        let digest: Bytes32
    }
    private var nextPulse: Instant
    /// The instant of the next search for silent members; nil if no search is planned. Each silent member gets a PULSE
    /// of its own.
    private var nextSolicitation: Instant?
    /// The PULSE that answers heartbeats, and the directory version in it; nil if the next answer needs a new PULSE. It
    /// is signed once for all members, until another version or a higher number is needed.
    private var answeringPulse: (version: UInt64, payload: SignedPayload)?
    /// The members whose first PULSE had a directory version that does not list them yet.
    private var unlisted: [SessionID] = []
    private var suspicion = Suspicion()
    private var turnedAway = RateLimiter()
    private var unreachable = UnreachableReport()
    /// The rate limit of the PULSEs that answer heartbeats, for all members together.
    private var answers = RateLimiter()
    /// The rate limit of the DELTAs that publish changes. A DELTA takes one token per receiver.
    private var fanOut = RateLimiter()
    private var pace = FanOutPace()
    /// The rate limit of the DELTAs and SNAPSHOT parts that repair the directories of members.
    private var repairs = RateLimiter()
    private var outputs = OutputQueue<ServerEvent>()
    private(set) package var rejections = RejectionCounters()

    package init(_ configuration: Configuration, random: RandomSource, now: Instant) {
        self.configuration = configuration
        self.random = random
        roster = configuration.roster
        date = configuration.date
        nextExpiry = roster.nextExpiry(after: date)
        let context = SigningContext(mesh: configuration.key.publicKey, primitives: configuration.primitives)
        let kept = configuration.kept ?? KeptDirectory()
        let epoch = self.random.sessionID { kept.members[$0] != nil }
        signer = Signer(key: configuration.key, context: context, from: epoch.rawValue)
        keptCount = kept.members.count
        let id = kept.id > 0 ? kept.id : epoch.rawValue
        let starts = kept.starts + 1
        keeping = configuration.kept == nil ? nil : (id, starts)
        let parameters = SessionParameters(
            heartbeat: configuration.heartbeatInterval, lifetime: configuration.lifetime, trust: configuration.trust,
            rekey: configuration.rekey)
        gate = HandshakeGate(
            signer: signer, directory: id, bound: configuration.bound, hostAddresses: configuration.hostAddresses,
            parameters: parameters, random: &self.random, now: now)
        sessions = MemberSessions(
            signer: signer, heartbeatInterval: configuration.heartbeatInterval, lifetime: configuration.lifetime,
            pulseSecret: self.random.secret(), division: configuration.division, now: now)
        let members = kept.members.sorted { $0.key < $1.key }.map(\.value)
        log = DirectoryLog(id: id, version: kept.version, entries: members.map(\.entry), now: now)
        let body = Resume(start: starts, token: 0, directory: id, parameters: parameters)
        resumption = Resumption(
            signer: signer, body: body,
            members: members.compactMap { [log] member in
                guard log.directory[member.entry.session] == member.entry else { return nil }
                return configuration.path(to: member).map { (member.entry, $0) }
            }, of: log.directory.count, now: now)
        sealed = DirectoryState(version: log.version, digest: log.digest())
        detector = FailureDetector(lifetime: configuration.lifetime, now: now)
        nextPulse = now + configuration.heartbeatInterval
        // Stores the number of starts before anything is sent. Members whose entries contradict others are removed from
        // the store.
        keep(removed: members.map(\.entry.session).filter { log.directory[$0] == nil }, added: [])
        self.configuration.kept = nil
        for entry in log.directory.inOrder {
            if roster.allows(entry.identity, as: entry.name, at: date) {
                outputs.push(.event(.joined(Member(entry))))
            } else {
                resumption.remove(entry)
                log.remove(entry.session, .revoked)
            }
        }
    }

    /// The random number that names this run of the server. It is the `from` of the server's datagrams, and the `to` of
    /// the datagrams that members send to the server.
    package var epoch: UInt64 { signer.from }
    /// The newest version of the directory that was published.
    package var version: UInt64 { log.version }
    package var members: [Member] { log.directory.inOrder.map(Member.init) }
    package func member(named name: PeerName) -> Member? { log.directory.entry(named: name).map(Member.init) }
    package var memberCount: Int { log.directory.count }
    /// The number of members that were late at the last sweep, plus the number of kept members that have not confirmed
    /// their new keys yet.
    package var lateCount: Int { lateAtSweep + log.directory.count - sessions.count }

    /// Returns the server's view of each of these members, in the order of `keys`; nil for a key that no member has.
    package func standings(of keys: [PublicKey], now: Instant) -> [MemberStanding?] {
        keys.map { key in
            log.directory.entry(of: key).map {
                sessions.standing(of: $0.session, lateAfter: detector.lateAfter, now: now)
                    ?? resumption.standing(now)
            }
        }
    }

    /// True if all changes of the directory have been published in DELTAs.
    package var hasPublishedAll: Bool { log.flushDeadline == nil }
    /// The instant at which the newest secret for tokens was issued (PROTOCOL.md, section 6.1).
    package var secretIssuedAt: Instant { sessions.secretIssuedAt }

    package var usages: [Usage] {
        gate.usages + sessions.usages + log.usages + ledger.usages + unreachable.usages + [
            resumption.usage,
            Usage("members", log.directory.count, limit: max(configuration.maximumPeers, keptCount)),
            Usage("member sessions", sessions.count, limit: log.directory.count),
            Usage("unlisted members", unlisted.count, limit: log.directory.count),
            Usage("sessions to end", ending.count, limit: Limits.directoryEntries * 2),
            Usage("suspected members", suspicion.suspects.count, limit: log.directory.count),
        ]
    }

    package var nextDeadline: Instant? {
        if isStopping { return nextSlice }
        var next = Instant.earlier(nextPulse, nextSolicitation)
        next = .earlier(next, flushDeadline)
        next = .earlier(next, detector.deadline)
        next = .earlier(next, nextSlice)
        return .earlier(next, resumption.deadline)
    }

    /// Returns true if the datagram claims to be from a member or to be the CONFIRM of a pending handshake, and comes
    /// from the address of that member or handshake.
    ///
    /// Nothing in the datagram is authenticated yet.
    package func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool {
        guard let header = try? Datagram(decoding: datagram).header, let from = SessionID(rawValue: header.from) else {
            return false
        }
        return switch header.kind {
        case .heartbeat, .leave: sessions.isMember(from, at: path)
        case .confirm: gate.isPending(from, at: path) || resumption.isPending(from, at: path.remote)
        case .hello, .retry, .welcome, .reject, .resume, .pulse, .snapshot, .delta, .goodbye, .message, .ack: false
        }
    }

    package mutating func pollOutput() -> Output<ServerEvent>? {
        outputs.pop()
    }

    package mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant) {
        guard !isStopping else { return }
        do throws(Rejection) {
            let decoded = try Datagram(decoding: datagram)
            switch decoded.header.fields {
            case .hello(let cookie, let ephemeral):
                try handleHello(datagram, decoded, cookie: cookie, ephemeral: ephemeral, path: path, now: now)
            case .confirm:
                try handleConfirm(datagram, decoded, path: path, now: now)
            case .heartbeat, .leave:
                try handleMember(datagram, decoded, path: path, now: now)
            case .retry, .welcome, .reject, .resume, .pulse, .snapshot, .delta, .goodbye, .message, .ack:
                throw .misdirected
            }
        } catch {
            rejections.count(error)
        }
        publishIfDue(now)
    }

    /// Handles the timers that are due. Sends PULSEs before it begins a sweep. So if the server wakes up late, its
    /// members can first prove that they are alive.
    package mutating func handleTimeout(now: Instant) {
        if isStopping {
            if let nextSlice, nextSlice <= now { continueSlices(now) }
            return
        }
        if now >= nextPulse {
            gate.expire(now: now)
            pulse(now)
            nextPulse = now + configuration.heartbeatInterval
            scheduleSolicitation(now)
        }
        if let nextSolicitation, nextSolicitation <= now { solicit(now) }
        publishIfDue(now)
        if let nextSlice, nextSlice <= now { continueSlices(now) }
        resume(now)
        if detector.sweepIsDue(now: now) { outputs.push(.drain) }
    }

    package mutating func handleDrained(now: Instant) {
        guard !isStopping else { return }
        if let diedBefore = detector.sweep(now: now) {
            expire(silentSince: diedBefore, now: now)
            if resumption.isOver(now) {
                endAll(log.directory.sessions.filter { sessions.path(of: $0) == nil }, .expired, now: now)
            }
        }
        let oldest = now - configuration.rekey - ProtocolConstants.rekeyGrace
        endAll(sessions.begun(before: oldest), .tooOld, now: now)
        publishIfDue(now)
    }

    /// Replaces the roster. Members that the new roster does not allow get GOODBYE and are removed at once.
    package mutating func setRoster(_ roster: Roster, now: Instant) {
        self.roster = roster
        nextExpiry = roster.nextExpiry(after: date)
        endUnauthorized(now)
    }

    /// Sets the calendar time. Members whose keys have expired by that time get GOODBYE and are removed at once.
    package mutating func advanceCalendar(to date: UnixTime, now: Instant) {
        let wasSetBack = date < self.date
        self.date = date
        guard wasSetBack || nextExpiry.map({ $0 <= date }) ?? false else { return }
        nextExpiry = roster.nextExpiry(after: date)
        endUnauthorized(now)
    }

    private mutating func endUnauthorized(_ now: Instant) {
        guard !isStopping else { return }
        let revoked = log.directory.inOrder.filter { !roster.allows($0.identity, as: $0.name, at: date) }
        endAll(revoked.map(\.session), .revoked, now: now)
    }

    /// Replaces the addresses of the server's host. A socket that is bound to a wildcard address receives at all of
    /// them.
    package mutating func setHostAddresses(_ addresses: Set<SocketAddress.IP>) {
        gate.setHostAddresses(addresses)
    }

    /// Begins to send GOODBYE to all members, in slices. From then on, the registry does nothing else.
    ///
    /// A server that keeps its directory sends no GOODBYE, because its members keep their sessions. It publishes the
    /// changes that wait.
    package mutating func stop(now: Instant) {
        guard !isStopping else { return }
        isStopping = true
        if keeping != nil {
            ending = []
            if fanOutQueue.holdsOnlyPulses { fanOutQueue = FanOutQueue() }
            publish(now, atLeast: .max)
            return scheduleSlice(now)
        }
        fanOutQueue = FanOutQueue()
        // If a member is in `ending` already, its session ends for the reason given there.
        ending += log.directory.sessions.map { ($0, .stopping) }
        endSlice(now)
    }

    /// Stops storing changes of the directory. Call this after a change could not be stored.
    package mutating func stopKeeping() {
        keeping = nil
    }

    /// True if the registry has been stopped and has sealed all datagrams that it still had to send.
    package var hasStopped: Bool { isStopping && ending.isEmpty && fanOutQueue.isEmpty }
}

// MARK: joining

extension Registry {
    private mutating func handleHello(
        _ span: Span<UInt8>, _ datagram: Datagram, cookie: Bytes16, ephemeral: AgreementPublicKey, path: Path,
        now: Instant
    ) throws(Rejection) {
        let answer = try gate.admitHello(
            span, datagram, cookie: cookie, ephemeral: ephemeral, path: path,
            isResumed: resumption.mayReach(path.remote, now: now),
            policy: policy(mostUnlisted: Limits.unlistedMembers, now), random: &random, now: now)
        outputs.push(.transmit(Transmit(path: path, bytes: answer.bytes, priority: .answer)))
        // Anyone can sign with a key that is not listed, so these events have a rate limit.
        if case .reject(_, let hello, let reason) = answer, turnedAway.accept(Limits.turnedAwayRate, now: now) {
            let refusal = JoinRefusal(reason)
            outputs.push(.event(.turnedAway(name: hello.body.name, publicKey: hello.signer, refusal)))
        }
    }

    private mutating func handleConfirm(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant
    ) throws(Rejection) {
        if let ticket = SessionID(rawValue: datagram.header.from).flatMap(resumption.ticket) {
            return try handleConfirm(span, datagram, resuming: ticket, path: path, now: now)
        }
        let joiner = try gate.admitConfirm(
            span, datagram, path: path, policy: policy(mostUnlisted: Limits.unlistedMembers * 2, now), now: now)
        let entry = joiner.ticket.entry
        let older = log.directory.entry(of: entry.identity)
        if let older { dismiss(older, .replaced) }
        log.insert(entry, replacing: older?.session)
        ledger.chargeJoin(entry.identity, now: now)
        if let older { ledger.names.reserve(older.name, for: older.identity, now: now) }
        ledger.names.endReservation(of: entry.name)
        sessions.begin(joiner, now: now)
        outputs.push(.event(.joined(Member(entry))))

        // The other members learn of the new member by DELTA, in a quiet mesh at once. The new member learns of the
        // others by SNAPSHOT, or by DELTAs if the log has all DELTAs after the version that the new member holds. The
        // server sends to the new member first, because the others may send it messages as soon as they have the DELTA.
        let changes = isFlushDue(now) ? takeChanges(now, atLeast: 1) : []
        unlisted.append(entry.session)
        pulse(entry.session)
        let heard = HeardPulse(age: 0, version: sealed.version, at: sessions.secretIssuedAt)
        repair(entry.session, held: joiner.confirm.body.version, part: 0, heard: heard, now: now)
        sendToAll(changes, except: entry.session, now: now)
        sessions.noteFirstTold(sealed.version, to: entry.session)
    }

    /// Handles the CONFIRM of a member that this server has kept across a restart. The directory lists the member
    /// already, so no change is published.
    private mutating func handleConfirm(
        _ span: Span<UInt8>, _ datagram: Datagram, resuming ticket: Ticket, path: Path, now: Instant
    ) throws(Rejection) {
        let member: ConfirmedTicket
        do throws(Rejection) {
            member = try gate.admitConfirm(
                span, datagram, resuming: ticket, path: path, memberShare: sessions.share(now: now), now: now)
        } catch {
            if error == .signatureInvalid { resumption.remove(ticket.entry) }
            throw error
        }
        let entry = ticket.entry
        resumption.remove(entry)
        sessions.begin(member, now: now)
        pulse(entry.session)
        let heard = HeardPulse(age: 0, version: sealed.version, at: sessions.secretIssuedAt)
        repair(entry.session, held: member.confirm.body.version, part: 0, heard: heard, now: now)
        sessions.noteFirstTold(sealed.version, to: entry.session)
    }

    /// Sends the RESUMEs that are due.
    private mutating func resume(_ now: Instant) {
        for transmit in resumption.poll(random: &random, now: now) { outputs.push(.transmit(transmit)) }
    }

    /// - Parameter mostUnlisted: If at least this number of members wait to be listed, joiners are rejected as `busy`.
    private mutating func policy(mostUnlisted: Int, _ now: Instant) -> RosterPolicy {
        RosterPolicy(
            roster: roster, date: date, ledger: ledger, directory: log.directory,
            maximumPeers: configuration.maximumPeers,
            busySeconds: log.unpublishedCount < mostUnlisted ? nil : busySeconds, memberShare: sessions.share(now: now))
    }

    /// The number of seconds after which a rejected joiner may ask again. It is random, so that joiners do not all come
    /// back at once. It is at least 1, and at most the time that it takes to list all members that wait to be listed.
    private var busySeconds: UInt16 {
        mutating get {
            let listings = max(log.unpublishedCount / Delta.mostAdditions, 1)
            let seconds = listings * log.directory.count / fanOutRate.perSecond
            return UInt16(clamping: 1 + random.next() % UInt64(max(seconds, 1)))
        }
    }
}

// MARK: members

extension Registry {
    private mutating func handleMember(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant
    ) throws(Rejection) {
        try act(on: sessions.admit(span, datagram, path: path, now: now), now: now)
    }

    /// Handles an admitted datagram of a member: repairs the member's directory, answers a heartbeat, or ends the
    /// session.
    private mutating func act(on admitted: MemberSessions.Admitted, now: Instant) throws(Rejection) {
        switch admitted {
        case .heartbeat(let heartbeat):
            if let duration = heartbeat.stalledFor, let entry = log.directory[heartbeat.session] {
                outputs.push(.event(.directoryStalled(Member(entry), for: duration)))
            }
            let body = heartbeat.verified.body
            if let heard = heartbeat.heard {
                pace.note(heard, isSpreading: isSpreadingPulse)
                if body.version < heartbeat.told {
                    repair(heartbeat.session, held: body.version, part: Int(body.part), heard: heard, now: now)
                }
            }
            if heartbeat.asksForPulse { repeatPulse(to: heartbeat.session, held: body.version, now: now) }
        case .leave(let session):
            end(session, .left, now: now)
        case .misbehaved(let session):
            if let entry = log.directory[session] { ledger.bar(entry.identity, now: now) }
            end(session, .misbehaved, now: now)
            throw .memberMisbehaved
        }
    }

    package mutating func handle(_ report: LaneReport, now: Instant) {
        guard !isStopping else { return }
        rejections.add(report.refused)
        sessions.chargeLane(report.worked, now: now)
        for accepted in report.accepted {
            do throws(Rejection) {
                try act(on: sessions.admit(accepted, now: now), now: now)
            } catch {
                rejections.count(error)
            }
        }
        publishIfDue(now)
    }

    package mutating func takeLaneUpdates() -> [LaneUpdate]? {
        sessions.takeUpdates()
    }

    /// Makes a lane that has no members yet.
    package func makeLane() -> MemberLane {
        sessions.makeLane()
    }

    package mutating func handleRefusedSend(to address: SocketAddress, _ refusal: SendRefusal, now: Instant) {
        // Anyone can make the server answer a forged address, so strangers are not reported.
        guard !isStopping, let entry = log.directory.entry(at: address), unreachable.isNews(address, now: now)
        else { return }
        outputs.push(.event(.unreachable(Member(entry), refusal)))
    }

    /// Expires the members whose proof of life is overdue. If so many members are late that `detector` suspects a
    /// common cause, expires only the members that have been silent for `detector.longestPatience`.
    private mutating func expire(silentSince diedBefore: Instant, now: Instant) {
        let overdue = sessions.silent(since: diedBefore)
        lateAtSweep = sessions.silentCount(since: now - detector.lateAfter)
        let newcomers = sessions.count(joinedSince: now - detector.longestPatience)
        detector.note(late: lateAtSweep, of: log.directory.count, newcomers: newcomers, now: now)
        guard detector.suspectsCommonCause else {
            endSuspicion(overdue: overdue)
            return endAll(overdue, .expired, now: now)
        }
        suspicion.mostLate = max(suspicion.mostLate, lateAtSweep)
        if !suspicion.isReported, !overdue.isEmpty {
            suspicion.isReported = true
            outputs.push(.event(.suspected(suspicion.mostLate)))
        }
        suspicion.suspects.formUnion(overdue)
        endAll(sessions.silent(since: now - detector.longestPatience), .expired, now: now)
    }

    private mutating func endSuspicion(overdue: [SessionID]) {
        if suspicion.isReported {
            let returned = suspicion.suspects.subtracting(overdue).count
            outputs.push(
                .event(.suspicionEnded(returned: returned, ended: suspicion.endedCount + overdue.count)))
        }
        suspicion = Suspicion()
    }

    /// Ends many sessions, in slices.
    private mutating func endAll(_ sessions: [SessionID], _ departure: Departure, now: Instant) {
        guard !sessions.isEmpty else { return }
        let isIdle = ending.isEmpty
        ending += sessions.map { ($0, departure) }
        if isIdle { endSlice(now) }
    }

    /// Ends a slice of the sessions in `ending`. Skips the session of an expired member that has since proven that it
    /// is alive, and the session of a revoked member whose key is allowed again.
    private mutating func endSlice(_ now: Instant) {
        var hasRevoked = false
        for (session, departure) in ending.prefix(Limits.slice) {
            switch departure {
            case .expired where sessions.isAlive(session, now: now): continue
            case .revoked:
                if let entry = log.directory[session], roster.allows(entry.identity, as: entry.name, at: date) {
                    continue
                }
                hasRevoked = true
            default: break
            }
            end(session, departure, now: now)
        }
        ending.removeFirst(min(Limits.slice, ending.count))
        scheduleSlice(now)
        if hasRevoked, !isStopping { publish(now, atLeast: log.removalDeltas) }
    }

    /// Ends a session and removes its directory entry. The change is published with the next DELTA.
    private mutating func end(_ session: SessionID, _ departure: Departure, now: Instant) {
        guard let entry = log.directory[session] else { return }
        dismiss(entry, departure)
        log.remove(session, departure.goodbye)
        ledger.names.reserve(entry.name, for: entry.identity, now: now)
    }

    /// Drops the keys of the entry's session. Before that, sends GOODBYE, unless the member left by itself.
    private mutating func dismiss(_ entry: Entry, _ departure: Departure) {
        if let reason = departure.goodbye {
            send(signer.sign(.goodbye, Goodbye(session: entry.session, reason: reason)), to: entry.session)
        }
        sessions.end(entry.session)
        resumption.remove(entry)
        if suspicion.suspects.remove(entry.session) != nil { suspicion.endedCount += 1 }
        unlisted.removeAll { $0 == entry.session }
        outputs.push(.event(.left(Member(entry), departure)))
    }

    /// Seals a payload for one member and queues it for sending.
    private mutating func send(_ payload: SignedPayload, to session: SessionID) {
        if let transmit = sessions.seal(payload, for: session) { outputs.push(.transmit(transmit)) }
    }
}

// MARK: publication

extension Registry {
    /// Sends all members a PULSE with tokens of a new secret, unless an earlier PULSE to all members is still being
    /// sealed.
    private mutating func pulse(_ now: Instant) {
        if now - sessions.secretIssuedAt > configuration.lifetime {
            // After a pause of the process, tokens of the newest secret prove no life any more. `publishIfDue` may send
            // PULSEs to newly listed members, and the tokens in these PULSEs need a new secret.
            sessions.issue(random.secret(), version: log.version, now: now)
        }
        pace.adapt(members: log.directory.count)
        publishIfDue(now)
        // A server that cannot seal one PULSE for all members within an interval does not queue another.
        guard !fanOutQueue.hasPulse else { return }
        answeringPulse = nil
        sessions.issue(random.secret(), version: log.version, now: now)
        guard log.directory.count > 0 else { return }
        nextPulseSlice = now
        sendToAll([signedPulse(newestState)], now: now)
    }

    /// Queues payloads for all members but `newcomer`, and seals the first slice if the queue was empty before.
    ///
    /// If a PULSE is being spread, the payloads overtake it. The members that have not received it then get another
    /// PULSE, which has the new version, at the times that were planned.
    private mutating func sendToAll(_ payloads: [SignedPayload], except newcomer: SessionID? = nil, now: Instant) {
        guard !payloads.isEmpty else { return }
        let pulseReceivers = isSpreadingPulse ? fanOutQueue.removePulse() : []
        let isIdle = fanOutQueue.isEmpty
        var receivers = log.directory.sessions
        if let newcomer { receivers.removeAll { $0 == newcomer } }
        for payload in payloads { fanOutQueue.add(payload, for: receivers) }
        if !pulseReceivers.isEmpty { fanOutQueue.add(signedPulse(newestState), for: pulseReceivers) }
        if isIdle {
            sealSlice(now)
        } else if let due = nextSlice, due > now {
            scheduleSlice(now)
        }
    }

    private mutating func sealSlice(_ now: Instant) {
        let spreads = isSpreadingPulse
        if spreads { nextPulseSlice = nextPulseSlice + pulsePause }
        for _ in 0..<Limits.slice {
            // The rest of a PULSE that changes have overtaken waits for its own slice.
            if !spreads, fanOutQueue.nextIsPulse, isSpreadingPulse { break }
            guard let (payload, session) = fanOutQueue.next() else { break }
            send(payload, to: session)
        }
        scheduleSlice(now)
        if fanOutQueue.isEmpty || isSpreadingPulse && sealed.version < log.version { allSealed() }
    }

    private mutating func continueSlices(_ now: Instant) {
        if !ending.isEmpty { endSlice(now) }
        if !fanOutQueue.isEmpty { sealSlice(now) }
    }

    /// Schedules the next slice of the waiting work. If no work waits, schedules nothing.
    private mutating func scheduleSlice(_ now: Instant) {
        if ending.isEmpty, fanOutQueue.isEmpty {
            nextSlice = nil
        } else {
            nextSlice = max(isSpreadingPulse ? nextPulseSlice : now, now + .nanoseconds(1))
        }
    }

    /// True if the only waiting work is a PULSE to all members, and it needs more than `Limits.pulseSlicesWithoutPause`
    /// slices.
    ///
    /// The slices of such a PULSE have pauses between them, so that the members do not all receive it at the same time,
    /// and the server's other work is not late. Without a pause, a slice runs right after the server has handled the
    /// datagrams that arrived during the previous slice.
    package var isSpreadingPulse: Bool {
        log.directory.count > Limits.slice * Limits.pulseSlicesWithoutPause && ending.isEmpty && !fanOutQueue.isEmpty
            && fanOutQueue.holdsOnlyPulses
    }

    private var pulsePause: Duration {
        configuration.heartbeatInterval * Limits.pulseSpread / 100 * Limits.slice / log.directory.count
    }

    /// Notes that the newest DELTAs are sealed for all members. Sends a PULSE to each member that these DELTAs have
    /// made known to all other members. Then that member may send messages without waiting for the next PULSE to all
    /// members.
    private mutating func allSealed() {
        sealed = newestState
        let listed = unlisted.filter(log.isPublished)
        unlisted.removeAll(where: log.isPublished)
        for session in listed { pulse(session) }
    }

    /// Sends one member a PULSE with a token of the newest secret.
    private mutating func pulse(_ session: SessionID) {
        send(signedPulse(sealed), to: session)
    }

    /// The version and the digest of the directory after all published changes.
    private var newestState: DirectoryState {
        mutating get { DirectoryState(version: log.version, digest: log.digest()) }
    }

    /// Returns true if a member may hold a higher version than that of `sealed`, because it got the newest DELTA before
    /// others, or a repair.
    ///
    /// Returns false for a new member as long as the DELTA that lists it is not sealed for all members. A PULSE with
    /// the version of this DELTA would let the new member speak before the others know it.
    ///
    /// - Parameter held: The version that the member says it holds; 0 if it is not known.
    private func isAhead(_ session: SessionID, held: UInt64) -> Bool {
        guard log.version > sealed.version, !unlisted.contains(session) else { return false }
        return max(held, sessions.repair(of: session)?.newest ?? 0) > sealed.version
    }

    private mutating func signedPulse(_ state: DirectoryState) -> SignedPayload {
        pulseNumber += 1
        // The only server of a mesh has the only directory, so it is always current.
        let pulse = Pulse(number: pulseNumber, version: state.version, flags: .current, digest: state.digest)
        return signer.sign(.pulse(echo: 0, token: 0), pulse)
    }

    /// Sends a PULSE to a member whose heartbeat asks for one, within rate limits.
    ///
    /// The PULSE has a token of the newest secret, and a higher number than the last PULSE to all members. A peer that
    /// has accepted that last PULSE, but found that it was not fresh, accepts only a higher number.
    ///
    /// The PULSE has the version of `sealed`, or the newest version if the member is ahead of `sealed`. A peer finds
    /// its directory wrong if PULSEs have a lower version than the directory for longer than `Limits.versionGap`.
    ///
    /// - Parameter held: The version that the member says it holds; 0 if it is not known.
    private mutating func repeatPulse(to session: SessionID, held: UInt64, now: Instant) {
        let rate = Limits.answeringPulses(
            members: log.directory.count, heartbeatInterval: configuration.heartbeatInterval)
        guard sessions.mayAnswer(session, now: now), answers.accept(rate, now: now) else { return }
        let state = isAhead(session, held: held) ? newestState : sealed
        let payload: SignedPayload
        if let answeringPulse, answeringPulse.version == state.version {
            payload = answeringPulse.payload
        } else {
            payload = signedPulse(state)
            answeringPulse = (state.version, payload)
        }
        send(payload, to: session)
    }

    /// Sends a PULSE to each member that has been silent for `solicitedAfter`, within the rate limits of PULSEs that
    /// answer heartbeats. If all PULSEs to a member were lost, the member has no token with which it can prove that it
    /// is alive.
    ///
    /// If many members are silent, sends no PULSE. These members then probably have a common problem, such as an
    /// overloaded network, and more PULSEs might make that problem worse.
    private mutating func solicit(_ now: Instant) {
        let silent = sessions.silent(since: now - solicitedAfter)
        if silent.count <= detector.mostLate(of: log.directory.count) {
            // A peer accepts only rising numbers, so these PULSEs need a new number, and so does the next answer.
            answeringPulse = nil
            for session in silent { repeatPulse(to: session, held: 0, now: now) }
            answeringPulse = nil
        }
        scheduleSolicitation(now)
    }

    /// Schedules `solicit` for the next instant at which a member will have been silent for `solicitedAfter`. Schedules
    /// nothing if the next PULSE to all members is due before that instant.
    private mutating func scheduleSolicitation(_ now: Instant) {
        let gap = configuration.heartbeatInterval / Limits.solicitationsPerInterval
        let next = sessions.oldestLife.map { max($0 + solicitedAfter, now + gap) }
        nextSolicitation = next.flatMap { $0 < nextPulse ? $0 : nil }
    }

    /// The silence after which a member gets a PULSE of its own. It is longer than the gap between two heartbeats,
    /// which is at most 1.25 intervals.
    private var solicitedAfter: Duration { configuration.heartbeatInterval * 3 / 2 }

    /// The instant at which the waiting changes may be published; nil if no change waits. It is also nil while payloads
    /// wait to be sealed, unless `isSpreadingPulse` is true.
    ///
    /// A publication is due when `Limits.tick` has passed since the last one, and `fanOut` has the tokens for one DELTA
    /// to each member. So the time between two publications grows with the number of members.
    private var flushDeadline: Instant? {
        guard fanOutQueue.isEmpty || isSpreadingPulse, let earliest = log.flushDeadline else { return nil }
        return max(earliest, fanOut.ready(for: log.directory.count, fanOutRate))
    }

    /// The rate limit of the DELTAs that publish changes, for all members together.
    private var fanOutRate: Rate {
        Limits.fanOutRate(members: log.directory.count, percent: log.fullDeltas > 0 ? pace.percent : 100)
    }

    private func isFlushDue(_ now: Instant) -> Bool {
        flushDeadline.map { $0 <= now } ?? false
    }

    private mutating func publishIfDue(_ now: Instant) {
        if isFlushDue(now) { publish(now, atLeast: 1) }
    }

    /// Publishes waiting changes as DELTAs to all members.
    ///
    /// - Parameter least: The number of DELTAs that are sent even if `fanOut` has too few tokens for them.
    private mutating func publish(_ now: Instant, atLeast least: Int) {
        sendToAll(takeChanges(now, atLeast: least), now: now)
    }

    /// Removes waiting changes from the log, returns them as signed DELTAs, and charges the rate limit for sending
    /// these DELTAs to all members.
    ///
    /// - Parameter least: The number of DELTAs that are returned even if `fanOut` has too few tokens for them.
    private mutating func takeChanges(_ now: Instant, atLeast least: Int) -> [SignedPayload] {
        let signer = signer
        let members = log.directory.count
        let rate = fanOutRate
        pace.note(fullDeltas: log.fullDeltas)
        let affordable = fanOut.tokens(rate, now: now) / max(members, 1)
        var (removed, added): ([SessionID], [Entry]) = ([], [])
        let keeps = keeping != nil
        let deltas = log.flush(now: now, limit: max(affordable, least)) { delta in
            if keeps {
                removed += delta.removed.map(\.session)
                added += delta.added
            }
            return signer.sign(.delta, delta)
        }
        if !deltas.isEmpty { keep(removed: removed, added: added) }
        fanOut.charge(deltas.count * members, rate, now: now)
        sessions.chargeFanOut(deltas.count * members, now: now)
        return deltas
    }

    /// If this server keeps its directory, outputs a change, which must be stored before its DELTAs are sent.
    private mutating func keep(removed: [SessionID], added: [Entry]) {
        guard let keeping else { return }
        let members = added.compactMap { entry in
            sessions.path(of: entry.session).map { KeptMember(entry: entry, local: configuration.address(on: $0)) }
        }
        let change = KeptChange(
            id: keeping.id, version: log.version, starts: keeping.starts, removed: removed, added: members)
        outputs.push(.keep(change))
    }

    /// Sends a member the DELTAs or SNAPSHOT parts that the member lacks: at once if the member asks for more than
    /// before, and otherwise at most once per `Limits.repairGap`.
    ///
    /// - Parameters:
    ///   - held: The version that the member holds; 0 if it holds none.
    ///   - part: The lowest missing part of the snapshot that the member is receiving; 0 if it is receiving none.
    ///   - heard: The newest PULSE that the member had received when it asked.
    private mutating func repair(
        _ session: SessionID, held: UInt64, part: Int, heard: HeardPulse, now: Instant
    ) {
        guard held < log.version, var state = sessions.repair(of: session) else { return }
        guard let missing = log.deltas(after: held, limit: Limits.deltasPerHeartbeat) else {
            let version = snapshotVersion(begun: state.snapshot, above: held, now: now)
            return sendSnapshot(version, from: part, to: session, heard: heard, now: now)
        }
        let isProgress = held >= state.sent || held > state.held && heard.age == 0
        let count = state.grant(missing.count, isProgress: isProgress, heard: heard, from: &repairs, now: now)
        state.held = max(state.held, held)
        state.sent = max(state.sent, held + UInt64(count))
        sessions.setRepair(state, of: session)
        for delta in missing.prefix(count) { send(delta, to: session) }
    }

    /// Returns the version of a frozen snapshot that is newer than version `held`. If there is no such snapshot,
    /// freezes one first.
    ///
    /// - Parameter begun: The version of the snapshot whose parts were last sent to the member; 0 or nil if no parts
    ///   were sent.
    private mutating func snapshotVersion(
        begun: UInt64?, above held: UInt64, now: Instant
    ) -> UInt64 {
        if let version = log.frozenVersion(begun: begun, above: held, now: now) { return version }
        return log.freeze(now: now, interval: configuration.heartbeatInterval)
    }

    /// Sends a burst of parts of a snapshot. If the burst includes the last part, sends the DELTAs after the snapshot's
    /// version too.
    private mutating func sendSnapshot(
        _ version: UInt64, from part: Int, to session: SessionID, heard: HeardPulse, now: Instant
    ) {
        guard var state = sessions.repair(of: session) else { return }
        let isNew = state.snapshot != version
        let partCount = log.partCount(of: version)
        let first = isNew || part >= partCount ? 0 : part
        let end = min(SnapshotBurst.end(from: first), partCount)
        let deltas = end == partCount ? log.deltas(after: version, limit: Limits.deltasPerHeartbeat) ?? [] : []
        let wanted = end - first + deltas.count
        let isProgress = isNew ? state.snapshot == 0 : first > state.part
        let count = state.grant(wanted, isProgress: isProgress, heard: heard, from: &repairs, now: now)
        guard count > 0 else { return }
        if count < wanted { log.prolong(version) }
        (state.snapshot, state.part) = (version, isNew ? first : max(state.part, first))
        sessions.setRepair(state, of: session)
        let signer = signer
        let parts = log.parts(of: version, from: first, limit: min(count, end - first)) { signer.sign(.snapshot, $0) }
        for payload in parts + deltas.prefix(count - parts.count) { send(payload, to: session) }
    }
}

// MARK: addresses

extension Registry.Configuration {
    /// Returns the server's address on a path.
    fileprivate func address(on path: Path) -> SocketAddress {
        let address = bound[Int(path.socket)]
        return path.local.map { SocketAddress(ip: $0, port: address.port) } ?? address
    }

    /// Returns the path to a member that the server has kept: from the same address as before, if the server still has
    /// it; otherwise from the first socket from which the member can be reached. Nil if there is none.
    fileprivate func path(to member: KeptMember) -> Path? {
        let (remote, local) = (member.entry.address, member.local)
        let sources = SourcePolicy(bound: bound, hostAddresses: hostAddresses)
        func path(_ isSuitable: (SocketAddress) -> Bool) -> Path? {
            for (index, address) in bound.enumerated() where isSuitable(address) {
                let isWildcard = address.isUnspecified && hostAddresses.contains(local.ip)
                let path = Path(socket: UInt8(index), remote: remote, local: isWildcard ? local.ip : nil)
                if sources.allows(path) { return path }
            }
            return nil
        }
        return path { $0 == local }
            ?? path { $0.isUnspecified && $0.port == local.port && $0.isIPv6 == remote.isIPv6 }
            ?? path { $0.isIPv6 == remote.isIPv6 }
    }
}
