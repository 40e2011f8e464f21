/// The state machine of a peer (PROTOCOL.md, sections 5 to 7).
///
/// A peer joins, sends heartbeats, holds the directory, and sends and receives messages. It is joining, is a member, or
/// has ended because it is not authorized, was revoked or has left. Like `Registry`, a peer is a pure value.
///
/// A member joins again when the connection is lost or new keys are due. While the member joins again, it keeps its old
/// session. If the old session recovers, the attempt to join again is dropped.
///
/// Its inputs are `handle`, `handleTimeout`, `handleDrained`, `broadcast`, `send` and `leave`. Its outputs are
/// `pollOutput` and `nextDeadline`.
package struct Peer: MeshMachine {
    private let configuration: Configuration
    private var random: RandomSource
    private var joining: Joining
    private var backoff = RejoinBackoff()
    private var sessions = SessionRotation()
    private var directory: DirectoryReplica
    private var outbox: Outbox
    private var deliveries = Deliveries()
    private var acknowledger = Acknowledger()
    /// True from a session's first fresh PULSE until the server counts as silent (PROTOCOL.md, section 6.3).
    private(set) package var isConnected = false
    private var joinedGate = JoinedGate()
    private var earlyMessages = EarlyMessages()
    private var leaving: LeaveSequence?
    private var hasEnded = false
    /// The instant at which this peer requested a drain of its sockets; nil while no drain is in progress. Only after a
    /// drain can the server count as silent.
    private var drainBegan: Instant?
    private var slowness = SlownessReport()
    private var lookup = ServerLookup()
    private var directoryWatch = StallWatch<RepairRequest.Progress>()
    private var unreachable = UnreachableReport()
    private var outputs = OutputQueue<PeerEvent>()
    private(set) package var rejections = RejectionCounters()
    /// The number of early messages that were refused after they had been buffered. `rejections` counts them too.
    private(set) package var refusedEarlyMessages: UInt64 = 0

    package init(_ configuration: Configuration, random: RandomSource, now: Instant) {
        self.configuration = configuration
        self.random = random
        joining = Joining(configuration)
        directory = DirectoryReplica(of: configuration.key.publicKey, pool: configuration.entries)
        outbox = Outbox(within: configuration.messageLimits)
        joining.start(at: now)
    }

    /// The members other than this peer, according to this peer's directory.
    package var members: [Member] { directory.others.map(Member.init) }
    /// Returns the member with this name; nil if only this peer, or nobody, has the name.
    package func member(named name: PeerName) -> Member? {
        guard let entry = directory.entry(named: name), entry.identity != configuration.key.publicKey else {
            return nil
        }
        return Member(entry)
    }
    /// The number of members. It includes this peer once the directory lists this peer.
    package var memberCount: Int { directory.count }
    /// A number that rises with each change of the set of members.
    package var changeCount: Int { directory.changeCount }

    package var usages: [Usage] {
        directory.usages + joining.usages + sessions.usages + joinedGate.usages + earlyMessages.usages
            + outbox.usages + deliveries.usages + acknowledger.usages + unreachable.usages
    }

    /// The epoch of the server that the directory comes from.
    package var epoch: UInt64 { directory.epoch }
    /// The version of the directory that this peer holds; 0 if it holds none.
    package var version: UInt64 { directory.version }
    package var session: SessionID? { sessions.current?.id }
    /// The end of the pause after which this peer tries to join again; nil if there is no pause.
    package var joinsAgainAt: Instant? { joining.pausedUntil }

    /// Returns the number of the newest datagram that was sealed for the server in `session`; nil if the session has
    /// ended.
    package func newestNumber(in session: UInt64) -> UInt64? { sessions.newestNumber(in: session) }

    /// The number of messages that are buffered until this peer can check them.
    package var earlyMessageCount: Int { earlyMessages.count }

    /// True from the first fresh PULSE of a session until `.joined` is emitted. Meanwhile, messages and events about
    /// members are buffered.
    package var isJoinedPending: Bool { joinedGate.isPending }

    /// Returns the state of the connection to the server.
    package func condition(_ now: Instant) -> PeerCondition {
        PeerCondition(
            isConnected: isConnected, maySpeak: maySpeak(now), maySend: maySend(now), isTrusted: isTrusted(now),
            isDirectoryStalled: directoryWatch.isStalled(now), roundTrip: sessions.current?.roundTrip,
            server: serverAddress)
    }

    /// Returns true if this peer's directory is recent enough at `now` to send and deliver messages.
    package func isTrusted(_ now: Instant) -> Bool { sessions.isTrusted(now) }

    package var nextDeadline: Instant? {
        if hasEnded { return nil }
        if let leaving {
            return outbox.isEmpty ? leaving.next : .earlier(outbox.deadline, leaving.flushUntil)
        }
        var next = sessions.deadline
        if !sessions.hasCandidate {
            next = .earlier(next, joining.deadline)
            if !joining.isActive { next = .earlier(next, sessions.current?.rekeyAt) }
        }
        if drainBegan == nil { next = .earlier(next, silenceDeadline) }
        if isConnected { next = .earlier(next, directoryWatch.deadline) }
        if joinedGate.watchesTrust { next = .earlier(next, sessions.trustedUntil) }
        next = .earlier(next, directory.former.deadline)
        next = .earlier(next, outbox.deadline)
        next = .earlier(next, deliveries.deadline)
        return .earlier(next, acknowledger.deadline)
    }

    /// The instant at which the candidate session can be given up or the connection can be declared lost, whichever
    /// comes first. Either happens after the server has been silent for too long. Nil if this peer is not connected and
    /// has no candidate session.
    private var silenceDeadline: Instant? {
        .earlier(sessions.candidateStaleAt, isConnected ? sessions.current?.staleAt : nil)
    }

    /// Returns true for every datagram. Strangers have no reason to send to a peer, so their datagrams get no separate
    /// queue.
    package func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool { true }

    package mutating func pollOutput() -> Output<PeerEvent>? { outputs.pop() }

    package mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant) {
        guard !hasEnded, leaving == nil else { return }
        do throws(Rejection) {
            let decoded = try Datagram(decoding: datagram)
            switch decoded.header.fields {
            case .retry(let cookie, _):
                try handleAnswer(.retry(cookie: cookie), datagram, decoded, now: now)
            case .welcome(let ephemeral):
                try handleAnswer(.welcome(ephemeral: ephemeral), datagram, decoded, now: now)
            case .reject(let salt):
                try handleAnswer(.reject(salt: salt), datagram, decoded, now: now)
            case .resume(let ephemeral):
                try handleResume(datagram, decoded, serverKey: ephemeral, from: path.remote, now: now)
            case .pulse(let echo, let token):
                try handlePulse(datagram, decoded, echo: echo, token: token, now: now)
                directoryProgressed(now)
            case .snapshot:
                let snapshot = try sessions.admit(Snapshot.self, datagram, decoded)
                directoryChanged(try directory.apply(snapshot, now: now), now: now)
                directoryProgressed(now)
            case .delta:
                let delta = try sessions.admit(Delta.self, datagram, decoded)
                directoryChanged(try directory.apply(delta, now: now), now: now)
                directoryProgressed(now)
            case .goodbye:
                try handleGoodbye(datagram, decoded, now: now)
            case .message:
                try handleMessage(
                    datagram, decoded, path: path, keptUntil: now + ProtocolConstants.pairLingering, now: now)
            case .ack:
                let acknowledgment = try sessions.admitAcknowledgment(
                    datagram, decoded, from: path.remote, held: directory, now: now)
                deliveries.note(acknowledgment, now: now)
            case .hello, .confirm, .heartbeat, .leave:
                throw .misdirected
            }
        } catch {
            rejections.count(error)
        }
        noteTrust(now)
        if !outbox.isEmpty, !speakers(now).isEmpty { outbox.resume(now) }
    }

    package mutating func handleTimeout(now: Instant) {
        guard !hasEnded else { return }
        if leaving != nil { return continueLeaving(now) }
        if let deadline = nextDeadline { noteLateness(now - deadline, now: now) }
        if !sessions.hasCandidate {
            let unanswered = joining.unanswered
            for hello in joining.poll(now: now, random: &random) { outputs.push(.transmit(hello)) }
            if joining.unanswered > unanswered, unanswered > 0 { emit(.unanswered(attempts: unanswered)) }
        }
        sendHeartbeats(now)
        if drainBegan == nil, let deadline = silenceDeadline, deadline <= now {
            drainBegan = now
            outputs.push(.drain)
        }
        if let rekeyAt = sessions.current?.rekeyAt, rekeyAt <= now, !joining.isActive, !sessions.hasCandidate {
            joining.start(at: now)
        }
        if let deadline = directory.former.deadline, deadline <= now {
            directoryChanged(directory.expireFormer(now), now: now)
        }
        if isConnected, let duration = directoryWatch.report(now) { emit(.directoryStalled(for: duration)) }
        noteTrust(now)
        sessions.expire(now)
        sendAcknowledgments(now)
        acknowledger.expire(now: now)
        deliveries.expire(now: now)
        let speaker = (speakers(now).listed ?? speakers(now).former).flatMap { SessionID(rawValue: $0.from) }
        for due in deliveries.due(in: speaker, random: &random, now: now) {
            outbox.enqueue(due, now: now)
        }
        sealWaiting(now)
    }

    package mutating func handleRefusedSend(to address: SocketAddress, _ refusal: SendRefusal, now: Instant) {
        guard !hasEnded, leaving == nil, unreachable.isNews(address, now: now) else { return }
        let entry = directory.entry(at: address).flatMap { $0.identity == configuration.key.publicKey ? nil : $0 }
        emit(.unreachable(entry.map(Member.init), at: address, refusal))
    }

    /// Handles the end of a drain: all PULSEs that waited in the socket have been handled. If the first PULSE of the
    /// candidate session is still overdue, gives up that session. If a fresh PULSE of the current session is still
    /// overdue, reports that the connection is lost.
    package mutating func handleDrained(now: Instant) {
        guard let began = drainBegan else { return }
        drainBegan = nil
        guard !hasEnded, leaving == nil else { return }
        noteLateness(now - began, now: now)
        let slow = sessions.candidate.map { ($0.handshakeTime, $0.bearableRoundTrip) }
        if sessions.giveUpCandidate(now) {
            if let slow { tell(slowness.gaveUp(after: slow.0, bearable: slow.1, now: now)) }
            candidateGivenUp(now)
        }
        if isConnected, let current = sessions.current, current.staleAt <= now {
            tell(slowness.lost(current.roundTrip, bearable: current.bearableRoundTrip, now: now))
            connectionLost()
            if !sessions.hasCandidate { joinAgain(now) }
        }
    }

    /// Restarts the measurement of the server's silence if `lateness`, the delay of this peer's own timers, is too
    /// long. Silence during such a delay does not prove that the server is gone.
    private mutating func noteLateness(_ lateness: Duration, now: Instant) {
        guard let tolerated = sessions.toleratedLateness, lateness > tolerated else { return }
        sessions.restartSilence(now)
    }

    private mutating func sendHeartbeats(_ now: Instant) {
        let (version, part) = (directory.claimedVersion, directory.wantedPart)
        let due = sessions.heartbeats(version: version, of: directory.id, part: part, now: now, random: &random)
        for heartbeat in due { outputs.push(.transmit(heartbeat)) }
    }

    private mutating func joinAgain(_ now: Instant) {
        joining.start(at: now + backoff.next(random: &random, now: now))
    }

    private mutating func tell(_ event: PeerEvent?) {
        if let event { emit(event) }
    }

    private mutating func connectionLost() {
        isConnected = false
        directoryWatch.stop()
        emit(.connectionLost)
    }

    private mutating func emit(_ event: PeerEvent) {
        emit(joinedGate.pass(event))
    }

    /// - Parameter receiver: The session of this peer to which the message was sent.
    private mutating func emit(_ message: ReceivedMessage, to receiver: UInt64) {
        let trustedUntil = sessions.trustedUntil(of: receiver)
        emit(joinedGate.pass(.message(message), isOfPrevious: isPrevious(receiver), trustedUntil: trustedUntil))
    }

    /// Returns true if a session is not the current one.
    private func isPrevious(_ receiver: UInt64) -> Bool { receiver != session?.rawValue }

    private mutating func emit(_ events: [PeerEvent]) {
        for event in events { outputs.push(.event(event)) }
    }

    private mutating func noteTrust(_ now: Instant) {
        // Between two sessions, the end of trust is not reported, because `.joined` or `.connectionLost` follows.
        guard let until = sessions.trustedUntil else { return }
        let isTrusted = now < until
        guard joinedGate.isNews(trusted: isTrusted) else { return }
        emit(isTrusted ? .trustRestored : .trustEnded(age: sessions.trust))
    }

    /// Emits `.joined` if that event is pending and this peer may send messages.
    private mutating func announce(_ now: Instant) {
        guard joinedGate.isPending, isConnected, maySpeak(now), let address = sessions.current?.address else { return }
        emit(joinedGate.announce(address, now: now) { [directory] in directory.entry(of: $0).map(Member.init) })
    }
}

// MARK: joining

extension Peer {
    /// True while this peer tries to join, or waits for the time of its next attempt.
    package var seeksServer: Bool { joining.isActive && !hasEnded && leaving == nil }

    /// The address of the server in the newest session; nil if there is no session.
    package var serverAddress: SocketAddress? { (sessions.current ?? sessions.candidate)?.serverAddress }

    /// Takes the addresses to which the name of the server resolves.
    package mutating func locate(_ addresses: [SocketAddress], now: Instant) {
        guard !hasEnded, leaving == nil else { return }
        joining.setAddresses(addresses, now: now)
        tell(lookup.found(addresses))
    }

    /// Takes the reason why the lookup of the server's addresses failed. This peer continues to use the addresses that
    /// it knows.
    package mutating func lookupFailed(_ reason: String) {
        guard !hasEnded, leaving == nil else { return }
        tell(lookup.failed(reason))
    }

    private mutating func handleAnswer(
        _ answer: JoinAnswer, _ span: Span<UInt8>, _ datagram: Datagram, now: Instant
    ) throws(Rejection) {
        switch try joining.handle(answer, span, datagram, own: sessions.own, now: now, random: &random) {
        case .sendHello(let hello): outputs.push(.transmit(hello))
        case .wait: break
        case .confirm(let candidate):
            sessions.open(candidate)
            refuse(earlyMessages.takeAll())
            sendHeartbeats(now)
        case .retry(let reason, let gap): emit(.refused(reason, retryAfter: gap))
        case .excluded(let server):
            // The server may have revoked the key while this peer was a member, and the GOODBYE may have been lost.
            if sessions.current?.server == server {
                sessions.endCurrent()
                isConnected = false
                emit(.dismissed(.revoked))
            }
            exclude(.notAuthorized, by: server, now: now)
        }
    }

    /// Takes the new keys that a restarted server offers for the current session, and confirms them. Attempts to join
    /// again go on until the first fresh PULSE.
    private mutating func handleResume(
        _ span: Span<UInt8>, _ datagram: Datagram, serverKey: AgreementPublicKey, from source: SocketAddress,
        now: Instant
    ) throws(Rejection) {
        try sessions.resume(
            span, datagram, serverKey: serverKey, pinned: { [joining] in joining.server(with: $0) }, from: source,
            random: &random, now: now)
        if let current = sessions.current { _ = begin(current, now: now) }
        sendHeartbeats(now)
    }

    /// Passes the beginning of a session, or its resumption, to the directory.
    private mutating func begin(_ session: ServerSession, now: Instant) -> DirectoryChange {
        directory.begin(
            session.directory, epoch: session.epoch, server: session.server,
            returnPeriod: min(ProtocolConstants.returnPeriod, session.trust), now: now)
    }

    /// Begins a membership with the session that has just become the current one, because its first fresh PULSE has
    /// arrived.
    private mutating func promoted(_ now: Instant) {
        guard let current = sessions.current else { return }
        joining.stop()
        joining.admitted(by: current.server)
        let change = begin(current, now: now)
        outbox.endAll { [directory] in directory.lists($0) }
        acknowledger.endAll(unless: { [directory] in directory.lists($0) }, now: now)
        if directory.former.isEmpty { sessions.endFormer(now) }
        noteListing()
        isConnected = true
        backoff.connected(now)
        slowness.joined()
        joinedGate.begin()
        for event in change.events { emit(event) }
    }

    /// Handles that the candidate session was given up: joins again if the connection is lost or the keys of the
    /// current session must be renewed.
    private mutating func candidateGivenUp(_ now: Instant) {
        if isConnected, sessions.current == nil { connectionLost() }
        let isInNeed = !isConnected || (sessions.current?.rekeyAt).map { $0 <= now } ?? true
        guard isInNeed else { return joining.stop() }
        guard joining.isActive else { return joinAgain(now) }
        joining.pause(until: now + backoff.next(random: &random, now: now))
    }
}

// MARK: being a member

extension Peer {
    private mutating func handlePulse(
        _ span: Span<UInt8>, _ datagram: Datagram, echo: UInt64, token: UInt64, now: Instant
    ) throws(Rejection) {
        switch try sessions.admitPulse(span, datagram, echo: echo, token: token, now: now) {
        case .none: break
        case .promoted(let pulse):
            promoted(now)
            compareDirectory(with: pulse, now: now)
        case .fresh(let pulse):
            compareDirectory(with: pulse, now: now)
            guard !isConnected else { return }
            isConnected = true
            backoff.connected(now)
            // The attempts to join again end. A candidate session stays, because its CONFIRM may have been accepted.
            joining.stop()
            emit(.connectionRecovered)
        }
    }

    private mutating func compareDirectory(with pulse: Pulse, now: Instant) {
        let session = sessions.current
        let isRight = directory.compare(
            pulse, sentAfter: session?.echoedAt ?? now, isBeingListed: session?.isBeingListed ?? false, now: now)
        if !isRight { rejections.count(.directoryMismatch) }
        sessions.extendTrust(held: directory.provenVersion)
    }

    private mutating func directoryChanged(_ change: DirectoryChange, now: Instant) {
        joinedGate.reserve(change.events.count)
        for event in change.events { emit(event) }
        if let refusal = change.refusal { rejections.count(refusal) }
        sessions.extendTrust(held: directory.provenVersion)
        noteListing()
        for shared in change.gone {
            let entry = shared.entry
            sessions.end(entry.session, replaced: directory.lists(entry.identity) ? shared : nil, now: now)
            outbox.end(entry.session)
            acknowledger.end(entry.session, now: now)
        }
        for entry in change.ended {
            sessions.endFormer(entry.session, now: now)
            // The present directory may list a session with the same number, if a server has lied.
            guard directory[entry.session] == nil else { continue }
            outbox.end(entry.session)
            acknowledger.end(entry.session, now: now)
        }
        if !change.ended.isEmpty, directory.former.isEmpty { sessions.endFormer(now) }
    }

    /// Requests missing parts of the directory, emits `.joined` if it is due, and checks the early messages again. This
    /// method is called after each accepted PULSE, SNAPSHOT and DELTA.
    private mutating func directoryProgressed(_ now: Instant) {
        askForMore(now)
        announce(now)
        checkEarlyMessages(now)
    }

    /// If a request for missing parts of the directory is due, sends a heartbeat that asks for them.
    private mutating func askForMore(_ now: Instant) {
        let progress = directory.progress
        sessions.noteDirectory(progress, now: now)
        directoryWatch.note(progress, isComplete: progress.version >= sessions.wantedVersion, now: now)
        sendHeartbeats(now)
    }

    private mutating func noteListing() {
        guard let session, directory[session]?.identity == configuration.key.publicKey else { return }
        sessions.noteListing(at: directory.version)
    }

    private mutating func handleGoodbye(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        let goodbye = try sessions.admit(Goodbye.self, span, datagram)
        guard goodbye.session == session else { throw .unknownSession }
        let dismissal = Dismissal(goodbye.reason)
        if dismissal == .replaced, sessions.replaceCurrent(now) {
            // This peer's own CONFIRM replaced the session: the CONFIRM of the candidate, or of a candidate that was
            // given up.
            if !sessions.hasCandidate {
                connectionLost()
                joinAgain(now)
            }
            return
        }
        let server = sessions.current?.server
        isConnected = false
        directoryWatch.stop()
        if dismissal == .stopping {
            sessions.endWithServer(now)
            emit(joinedGate.stop { [directory] in directory.entry(of: $0).map(Member.init) })
        } else {
            sessions.endCurrent()
            emit(.dismissed(dismissal))
        }
        switch dismissal {
        case .revoked: if let server { exclude(.revoked, by: server, now: now) }
        case .replaced: joining.start(at: now + ProtocolConstants.replacedPause)
        case .misbehaved: joining.start(at: now + ProtocolConstants.barredPeriod)
        case .expired, .tooOld, .stopping: joinAgain(now)
        }
    }

    /// Handles that `server` does not let this peer's key join. If there is a server that this peer may still ask, at
    /// once or after a pause, this peer drops only its candidate session with `server`. Otherwise this peer ends.
    private mutating func exclude(_ exclusion: Exclusion, by server: PublicKey, now: Instant) {
        guard let pause = joining.exclude(server, random: &random, now: now) else { return finish(.ended(exclusion)) }
        sessions.dropCandidate(of: server)
        if sessions.isEmpty { outbox.removeAll() }
        let again: Duration? = if case .ends(let after) = pause { after } else { nil }
        emit(.excluded(exclusion, by: server, retryAfter: again))
    }

    private mutating func finish(_ event: PeerEvent) {
        hasEnded = true
        joining.stop()
        sessions.endAll()
        outbox.removeAll()
        isConnected = false
        emit(event)
    }

    /// Leaves the mesh. First sends the waiting broadcasts, for at most 1 s. Then sends LEAVE three times within 0.1 s,
    /// and emits `.left`. If this peer has no session, emits `.left` at once.
    package mutating func leave(now: Instant) {
        guard !hasEnded, leaving == nil else { return }
        leaving = LeaveSequence(hasSession: !sessions.isEmpty, now: now)
        continueLeaving(now)
    }

    private mutating func continueLeaving(_ now: Instant) {
        guard let flushUntil = leaving?.flushUntil else { return }
        sealWaiting(now)
        if flushUntil <= now || speakers(now).isEmpty { outbox.removeAll() }
        guard outbox.isEmpty else { return }
        switch leaving?.step(now) {
        case .send: for leave in sessions.leave() { outputs.push(.transmit(leave)) }
        case .done: finish(.left)
        case .wait, nil: break
        }
    }
}

// MARK: messages

extension Peer {
    /// Sends a message to all other members. Seals the message at once for as many members as one slice of `SealBudget`
    /// allows, and in later slices for the rest.
    ///
    /// - Parameter limit: The largest body that is accepted, in bytes.
    /// - Returns: The number of members for which the message has been sealed or waits to be sealed.
    package mutating func broadcast(_ body: [UInt8], limit: Int, now: Instant) throws(SendError) -> Int {
        try sendToAll(body, acknowledgedWithin: nil, limit: limit, now: now).receivers
    }

    /// Sends a message to all other members, in slices like `broadcast(_:limit:now:)`, and asks each member for an
    /// acknowledgment.
    ///
    /// - Parameters:
    ///   - timeout: The time for which the message is repeated and waits for acknowledgments.
    ///   - limit: The largest body that is accepted, in bytes.
    /// - Returns: The number of the message, which `delivery(of:)` takes.
    package mutating func broadcast(
        _ body: [UInt8], acknowledgedWithin timeout: Duration, limit: Int, now: Instant
    ) throws(SendError) -> UInt64 {
        try sendToAll(body, acknowledgedWithin: timeout, limit: limit, now: now).number
    }

    /// Sends a message to the member with this identity.
    ///
    /// - Parameter limit: The largest body that is accepted, in bytes.
    package mutating func send(
        _ body: [UInt8], to identity: PublicKey, limit: Int, now: Instant
    ) throws(SendError) {
        _ = try send(body, to: identity, flags: [], within: .zero, limit: limit, now: now)
    }

    /// Sends a message to the member with this identity, and asks for an acknowledgment.
    ///
    /// - Parameters:
    ///   - timeout: The time for which the message is repeated and waits for its acknowledgment.
    ///   - limit: The largest body that is accepted, in bytes.
    /// - Returns: The number of the message, which `delivery(of:)` takes.
    package mutating func send(
        _ body: [UInt8], to identity: PublicKey, acknowledgedWithin timeout: Duration, limit: Int, now: Instant
    ) throws(SendError) -> UInt64 {
        try send(body, to: identity, flags: .acknowledge, within: timeout, limit: limit, now: now)
    }

    /// Returns the result of a message that asked for acknowledgments; nil while the message waits for them.
    package func delivery(of number: UInt64) -> DeliveryResult? { deliveries.result(of: number) }

    /// Stops the repeats of a message, and forgets the message. Call this when the application does not wait any more.
    package mutating func cancelDelivery(of number: UInt64) { deliveries.cancel(number) }

    /// Forgets the result of a message. Call this when the application has taken the result.
    package mutating func forgetDelivery(of number: UInt64) { deliveries.forget(number) }

    /// Sends a probe to the member with this identity. The result of the probe's delivery contains the round trip. The
    /// receiver acknowledges the probe, but does not deliver it to a program.
    ///
    /// - Parameter timeout: The time for which the probe is repeated and waits for its ACK.
    /// - Returns: The number of the probe, which `delivery(of:)` takes.
    package mutating func probe(
        _ identity: PublicKey, within timeout: Duration, now: Instant
    ) throws(SendError) -> UInt64 {
        try send([], to: identity, flags: [.acknowledge, .probe], within: timeout, limit: 0, now: now)
    }

    private mutating func sendToAll(
        _ body: [UInt8], acknowledgedWithin timeout: Duration?, limit: Int, now: Instant
    ) throws(SendError) -> (number: UInt64, receivers: Int) {
        let speakers = try speakers(for: body, limit: limit, now: now)
        guard !outbox.isFull else { throw .queueFull }
        guard let signer = speakers.listed ?? speakers.former else { throw .notJoined }
        let others = outbox.receivers(in: directory, by: speakers)
        try checkRoom(for: body, receivers: others.count, acknowledgedWithin: timeout)
        let (message, signed) = try outbox.enqueue(
            body, flags: timeout == nil ? [] : .acknowledge, for: others, by: signer, now: now)
        if let timeout {
            deliveries.begin(
                message, signed, to: others.all.map(\.entry.identity), timeout: timeout,
                spread: Limits.acknowledgmentSpread(members: others.count), now: now)
        }
        sendHeartbeats(now)
        return (message.number, others.count - sealWaiting(now, countingFailuresOf: message.number))
    }

    /// Sends a message to one member.
    ///
    /// - Parameters:
    ///   - flags: The flags of the message.
    ///   - timeout: The time for which the message is repeated if its flags ask for an acknowledgment.
    private mutating func send(
        _ body: [UInt8], to identity: PublicKey, flags: PeerMessage.Flags, within timeout: Duration, limit: Int,
        now: Instant
    ) throws(SendError) -> UInt64 {
        guard identity != configuration.key.publicKey else { throw .unknownMember }
        guard directory.entry(of: identity) != nil else { throw lookupError(now) }
        let speakers = try speakers(for: body, limit: limit, now: now)
        guard let (shared, signer) = directory.receiver(identity, by: speakers) else {
            // A member that has not come back to a restarted server cannot be reached after the trust in the former
            // directory has ended.
            throw speakers.listed == nil ? .notJoined : .unknownMember
        }
        let entry = shared.entry
        let asks = flags.contains(.acknowledge)
        try checkRoom(for: body, receivers: 1, acknowledgedWithin: asks ? timeout : nil)
        let (earlier, message, signed, size) = try outbox.sign(body, flags: flags, for: entry, by: signer, now: now)
        // If one of these messages cannot be sealed for this member, `message` cannot be sealed either.
        for (payload, number) in earlier { _ = trySealBroadcast(payload, number, for: entry, now: now) }
        try seal(signed, for: entry)
        outbox.noteSent(earlier.count + 1, size: size, to: entry.session, now: now)
        if asks {
            deliveries.begin(message, signed, to: [identity], timeout: timeout, spread: .zero, now: now)
        }
        return message.number
    }

    /// Throws `SendError.queueFull` if the message asks for acknowledgments (`timeout` is not nil), and `deliveries`
    /// has no room for it.
    private func checkRoom(
        for body: [UInt8], receivers: Int, acknowledgedWithin timeout: Duration?
    ) throws(SendError) {
        guard timeout != nil else { return }
        guard deliveries.hasRoom(number: outbox.nextNumber, bodySize: body.count, receivers: receivers) else {
            throw .queueFull
        }
    }

    /// Returns the member with this identity, in an array. The array is empty if no member has the identity.
    package func member(with identity: PublicKey) -> [Member] {
        directory.entry(of: identity).map { [Member($0)] } ?? []
    }

    package func identity(named name: PeerName) -> PublicKey? {
        directory.entry(named: name)?.identity
    }

    /// Returns the error for a receiver that this peer does not know. While this peer may send no messages at all, it
    /// may not know all members, so the error is `.notJoined` then, and `.unknownMember` otherwise.
    package func lookupError(_ now: Instant) -> SendError {
        speakers(now).isEmpty ? .notJoined : .unknownMember
    }

    /// Returns whether this peer may send messages in its current session at `now`: trust has not ended, and every
    /// member that has the directory of the newest fresh PULSE knows this session.
    package func maySpeak(_ now: Instant) -> Bool {
        directory.version > 0 && sessions.current?.maySpeak(now) == true
    }

    /// Returns whether this peer may send messages at `now` to the members that its directory lists: in its current
    /// session or, if it has none, in the former session of the same directory.
    package func maySend(_ now: Instant) -> Bool {
        guard !hasEnded, leaving == nil else { return false }
        return maySpeak(now) || sessions.current == nil && speakers(now).listed != nil
    }

    /// Returns whether trust allows messages to and from this identity at `now`: the present or the former directory
    /// lists the identity, and trust in that directory has not ended.
    package func trusts(_ identity: PublicKey, _ now: Instant) -> Bool {
        directory.lists(identity) && sessions.isTrusted(now)
            || directory.former.lists(identity) && sessions.isFormerTrusted(now)
    }

    private func speakers(_ now: Instant) -> Speakers { sessions.speakers(held: directory, now: now) }

    /// Returns the signers with which a message can be sent now.
    ///
    /// - Throws: `SendError.tooLarge` if the body has more than `limit` bytes; `.notJoined` if this peer may not send
    ///   messages.
    private func speakers(for body: [UInt8], limit: Int, now: Instant) throws(SendError) -> Speakers {
        guard body.count <= limit else { throw .tooLarge(limit: limit) }
        let speakers = speakers(now)
        guard leaving == nil, !speakers.isEmpty else { throw .notJoined }
        return speakers
    }

    /// Seals the broadcasts that wait, until the slice of `SealBudget` is used up.
    ///
    /// - Parameter number: The number of the message whose failures are counted.
    /// - Returns: The number of receivers for which message `number` could not be sealed.
    @discardableResult
    private mutating func sealWaiting(_ now: Instant, countingFailuresOf number: UInt64 = 0) -> Int {
        guard !outbox.isEmpty else { return 0 }
        let speakers = speakers(now)
        var failures = 0
        while let next = outbox.next(in: directory, by: speakers, deliveries, now: now) {
            let isSealed = trySealBroadcast(
                next.payload, next.number, for: next.shared.entry, isRepeat: next.isRepeat, now: now)
            if !isSealed, next.number == number { failures += 1 }
        }
        return failures
    }

    /// Seals a broadcast, or a repeat of a message, for one receiver. If this is not possible for the first copy, the
    /// message does not wait for the ACK of this receiver.
    ///
    /// A false directory entry must not stop the message to the other members. The entry is counted as a refused part
    /// of the directory.
    ///
    /// - Parameters:
    ///   - number: The number of the message.
    ///   - isRepeat: True for a repeat, whose receiver may have a copy.
    /// - Returns: False if the message cannot be sealed for this receiver.
    private mutating func trySealBroadcast(
        _ payload: SignedPayload, _ number: UInt64, for entry: Entry, isRepeat: Bool = false, now: Instant
    ) -> Bool {
        do throws(SendError) {
            try seal(payload, for: entry)
        } catch {
            if error == .bindingInvalid { rejections.count(.bindingInvalid) }
            if isRepeat {
                deliveries.stopRepeating(number, for: entry.identity)
            } else {
                deliveries.drop(entry.identity, from: number, now: now)
            }
            return false
        }
        deliveries.noteSealed(number, for: entry.identity, from: payload.from)
        return true
    }

    /// Checks and receives a message. If the message is early, buffers the datagram until `keptUntil` instead.
    private mutating func handleMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, keptUntil: Instant, now: Instant
    ) throws(Rejection) {
        let admitted: AdmittedMessage
        do throws(Rejection) {
            admitted = try sessions.admitMessage(span, datagram, from: path.remote, held: directory, now: now)
        } catch {
            guard isEarly(datagram, error) else { throw error }
            refuse(earlyMessages.takeExpired(now))
            guard earlyMessages.keep(span, path: path, failed: error, until: keptUntil) else { throw error }
            return
        }
        try receive(admitted, to: datagram.header.to, now: now)
    }

    /// Returns true if a message that has failed a check may pass the same check after this peer has joined.
    private func isEarly(_ datagram: Datagram, _ failed: Rejection) -> Bool {
        switch failed {
        case .unknownSession: datagram.header.to == sessions.candidate?.id.rawValue
        case .untrusted, .unknownSender: datagram.header.to == session?.rawValue && joinedGate.isPending
        default: false
        }
    }

    /// Checks the early messages again if this peer has joined.
    private mutating func checkEarlyMessages(_ now: Instant) {
        guard !earlyMessages.isEmpty, !sessions.hasCandidate, !joinedGate.isPending else { return }
        refuse(earlyMessages.takeExpired(now))
        for early in earlyMessages.takeAll() {
            do throws(Rejection) {
                let datagram = try Datagram(decoding: early.datagram.span)
                try handleMessage(early.datagram.span, datagram, path: early.path, keptUntil: early.until, now: now)
            } catch {
                refuseEarly(error)
            }
        }
    }

    /// Refuses early messages that are not checked again.
    private mutating func refuse(_ early: [EarlyMessages.Arrival]) {
        for arrival in early { refuseEarly(arrival.failed) }
    }

    private mutating func refuseEarly(_ reason: Rejection) {
        rejections.count(reason)
        refusedEarlyMessages += 1
    }

    /// Delivers a message, and acknowledges it if its sender asks for that. If further copies of such a message arrive,
    /// each copy is acknowledged, but the message is not delivered again. A probe is acknowledged but not delivered.
    ///
    /// - Parameter receiver: The session of this peer to which the message was sent.
    private mutating func receive(
        _ admitted: AdmittedMessage, to receiver: UInt64, now: Instant
    ) throws(Rejection) {
        let message = admitted.message
        let isOfPrevious = isPrevious(receiver)
        guard admitted.wantsAcknowledgment else {
            guard joinedGate.hasRoom(for: message, isOfPrevious: isOfPrevious) else { throw .untrusted }
            return emit(message, to: receiver)
        }
        guard message.number > 0 else { throw .numberOutOfRange }
        if !admitted.isProbe {
            // An ACK means that the message is delivered, so a message that would only be buffered is refused. Its
            // sender repeats it.
            guard !joinedGate.holds(message, isOfPrevious: isOfPrevious) else { throw .untrusted }
            let end = directory.lists(admitted.session) ? nil : now + ProtocolConstants.pairLingering
            switch acknowledger.note(message.number, from: admitted.session, until: end) {
            case .first: emit(message, to: receiver)
            case .repeated: break
            case .tooOld: throw .numberStale
            }
        }
        let spread = Limits.acknowledgmentSpread(members: directory.count).wholeNanoseconds
        let delay = message.isBroadcast ? Int64(random.next() % UInt64(max(spread, 1))) : 0
        acknowledger.schedule(
            Acknowledger.Acknowledgment(
                session: admitted.session, number: message.number, at: now + .nanoseconds(delay)), now: now)
        sendAcknowledgments(now)
    }

    /// Sends the acknowledgments that are due, but only to members that know this peer's session. While `.joined` is
    /// pending, only members of the former directory get acknowledgments. Other acknowledgments that are due then are
    /// dropped. Each sender repeats its message, and this peer acknowledges the copy.
    private mutating func sendAcknowledgments(_ now: Instant) {
        let speakers = speakers(now)
        for due in acknowledger.due(now: now) {
            let listed = joinedGate.isPending ? nil : directory[due.session]
            guard let entry = listed ?? directory.former[due.session],
                let signer = listed == nil ? speakers.former : speakers.listed
            else { continue }
            let acknowledgment = Acknowledgment(audience: entry.identity, session: due.session, number: due.number)
            let signed = signer.sign(.ack, acknowledgment)
            guard let bytes = try? sessions.seal(signed, for: entry, charging: &outbox.budget) else { continue }
            outputs.push(.transmit(Transmit(path: path(to: entry), bytes: bytes, priority: .message)))
        }
    }

    /// Returns the path to a member. The datagram leaves from the address that the directory lists for this peer,
    /// because the member's firewall may accept datagrams only from that address.
    private func path(to entry: Entry) -> Path {
        Path(from: sessions.current?.address, to: entry.address)
    }

    private mutating func seal(_ signed: SignedPayload, for entry: Entry) throws(SendError) {
        let bytes: [UInt8]
        do {
            bytes = try sessions.seal(signed, for: entry, charging: &outbox.budget)
        } catch {
            throw SendError(error)
        }
        outputs.push(.transmit(Transmit(path: path(to: entry), bytes: bytes, priority: .message)))
    }
}
