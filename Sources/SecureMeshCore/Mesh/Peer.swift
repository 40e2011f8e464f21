/// A peer: joins, proves that it lives, holds the directory, speaks and listens (PROTOCOL.md, sections 5 to 7).
///
/// Outside: joining, member, or ended (not authorised, revoked, left). While a member joins again (lost, or a change
/// of keys is due) its old session goes on; if that recovers, the attempt is dropped. A pure value, as `Registry`.
///
/// In: `handle`, `handleTimeout`, `broadcast`, `send`, `leave`. Out: `pollOutput`, `nextDeadline`.
package struct Peer: MeshMachine {
    private let configuration: Configuration
    private let path: Path
    private var random: RandomSource
    private var joining: Joining
    private var sessions = SessionRotation()
    private var directory: DirectoryReplica
    private var messageNumber: UInt64 = 0
    private var isConnected = false
    private var announcement = JoinedGate()
    private var leaving: LeaveSequence?
    private var hasEnded = false
    private var outputs = OutputQueue<PeerEvent>()
    private(set) package var rejections = RejectionCounters()

    package init(_ configuration: Configuration, random: RandomSource, now: Instant) {
        self.configuration = configuration
        self.random = random
        path = Path(remote: configuration.server)
        joining = Joining(configuration)
        directory = DirectoryReplica(of: configuration.key.publicKey)
        joining.start(at: now)
    }

    /// The members other than this peer, as last told.
    package var members: [Member] { directory.others.map(Member.init) }
    /// All of them, this peer included once it is listed.
    package var memberCount: Int { directory.directory.count }

    package var usages: [Usage] { directory.usages + joining.usages + sessions.usages }

    /// The directory's, and the version held of it.
    package var epoch: UInt64 { directory.epoch }
    package var version: UInt64 { directory.version }
    package var session: SessionID? { sessions.current?.id }

    /// Whether messages may go out and be delivered now.
    package func isTrusted(_ now: Instant) -> Bool { sessions.isTrusted(now) }

    package var nextDeadline: Instant? {
        if hasEnded { return nil }
        if let leaving { return leaving.next }
        let isOpening = sessions.candidate != nil
        return Instant.earliest([
            sessions.deadline,
            isOpening ? nil : joining.deadline,
            isConnected ? sessions.current?.staleAt : nil,
            isOpening || joining.isActive ? nil : sessions.current?.rekeyAt,
        ])
    }

    /// Everything that a peer hears is from its server or a member; strangers have no work to cause here.
    package func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool { true }

    package mutating func pollOutput() -> Output<PeerEvent>? { outputs.pop() }

    package mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant) {
        guard !hasEnded, leaving == nil else { return }
        do throws(Rejection) {
            let decoded = try Datagram(decoding: datagram)
            switch decoded.header.kind {
            case .retry, .welcome, .reject:
                try handleAnswer(datagram, decoded, now: now)
            case .pulse:
                try handlePulse(datagram, decoded, now: now)
            case .snapshot:
                directoryChanged(try directory.apply(sessions.admit(Snapshot.self, datagram, decoded)), now: now)
            case .delta:
                directoryChanged(try directory.apply(sessions.admit(Delta.self, datagram, decoded)), now: now)
            case .goodbye:
                try handleGoodbye(datagram, decoded, now: now)
            case .message:
                let rate = configuration.messageRate
                emit(.message(try sessions.admitMessage(datagram, decoded, held: directory, rate: rate, now: now)))
            case .hello, .confirm, .heartbeat, .leave:
                throw .misdirected
            }
        } catch {
            rejections.count(error)
        }
        announce(now)
    }

    package mutating func handleTimeout(now: Instant) {
        guard !hasEnded else { return }
        if leaving != nil { return continueLeaving(now) }
        if sessions.giveUpCandidate(now) { candidateGivenUp(now) }
        if sessions.candidate == nil {
            let unanswered = joining.unanswered
            for hello in joining.poll(now: now, random: &random) { transmit(hello) }
            if joining.unanswered > unanswered, unanswered > 0 { emit(.unanswered(attempts: unanswered)) }
        }
        sendHeartbeats(now)
        if isConnected, let staleAt = sessions.current?.staleAt, staleAt <= now {
            connectionLost()
            if sessions.candidate == nil { joining.start(at: now) }
        }
        if let rekeyAt = sessions.current?.rekeyAt, rekeyAt <= now, !joining.isActive, sessions.candidate == nil {
            joining.start(at: now)
        }
        sessions.expire(now)
    }

    package mutating func handleDrained(now: Instant) {}

    private mutating func sendHeartbeats(_ now: Instant) {
        let (version, part) = (directory.version, directory.wantedPart)
        for bytes in sessions.heartbeats(version: version, part: part, now: now) { transmit(bytes) }
    }

    private mutating func connectionLost() {
        isConnected = false
        emit(.connectionLost)
    }

    private mutating func transmit(_ bytes: [UInt8]) {
        outputs.push(.transmit(Transmit(path: path, bytes: bytes)))
    }

    private mutating func emit(_ event: PeerEvent) {
        guard announcement.isPending else { return outputs.push(.event(event)) }
        for event in announcement.pass(event) { outputs.push(.event(event)) }
    }

    private mutating func announce(_ now: Instant) {
        guard announcement.isPending, isConnected, maySpeak(now), let address = sessions.current?.address else {
            return
        }
        for event in announcement.announce(address, isMember: directory.lists) { outputs.push(.event(event)) }
    }
}

// MARK: joining

extension Peer {
    /// tag → seal → fields → signature; at most four failures a HELLO.
    private mutating func handleAnswer(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        let tag = datagram.header.to
        guard sessions.candidate == nil else { throw .unknownTag }
        let attempt = try joining.attempt(tagged: tag)
        do throws(Rejection) {
            switch datagram.header.clear {
            case .rotation:
                guard !attempt.wasRetried else { throw .repeatedRetry }
                let retry = try VerifiedRetry(span, datagram, in: attempt.context)
                if let hello = try joining.handleRetry(retry, tagged: tag, now: now, random: &random) {
                    transmit(hello)
                }
            case .agreementKey(let serverKey):
                try handleWelcome(attempt.openWelcome(span, datagram, serverKey: serverKey), attempt, now: now)
            case .salt(let salt):
                turnedAway(try attempt.openReject(span, datagram, salt: salt), now: now)
            case .none:
                throw .unknownKind
            }
        } catch {
            if error != .repeatedRetry { joining.countFailure(tagged: tag) }
            throw error
        }
    }

    private mutating func handleWelcome(
        _ opened: Joining.OpenedWelcome, _ attempt: Joining.Attempt, now: Instant
    ) throws(Rejection) {
        guard opened.welcome.body.session != session else { throw .invalidSessionIDs }
        sessions.open(
            ServerSession(opened, attempt: attempt, key: configuration.key, random: &random, now: now))
        joining.pause(until: now)
        sendHeartbeats(now)
    }

    private mutating func turnedAway(_ reject: Reject, now: Instant) {
        let refusal = JoinRefusal(reject.reason)
        guard refusal != .notAuthorised else { return finish(.ended(.notAuthorised)) }
        let pause = random.jittered(.seconds(max(Int(reject.retrySeconds), 1)))
        joining.pause(until: now + pause)
        emit(.refused(refusal, retryAfter: pause))
    }

    /// The candidate's session took the place of the one before.
    private mutating func promoted() {
        guard let current = sessions.current else { return }
        joining.stop()
        directory.begin(epoch: current.epoch)
        noteListing()
        isConnected = true
        announcement.begin()
    }

    /// Nobody needs to join while the old session goes on; without one, the next attempt is due.
    private mutating func candidateGivenUp(_ now: Instant) {
        if isConnected, sessions.current == nil { connectionLost() }
        let isInNeed = !isConnected || (sessions.current?.rekeyAt).map { $0 <= now } ?? true
        if !isInNeed { joining.stop() } else if !joining.isActive { joining.start(at: now) }
    }
}

// MARK: being a member

extension Peer {
    private mutating func handlePulse(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        switch try sessions.admitPulse(span, datagram, held: directory, now: now) {
        case .none: break
        case .promoted: promoted()
        case .fresh:
            guard !isConnected else { return }
            isConnected = true
            // What was begun in its place is dropped, but for a CONFIRM, which cannot be taken back.
            joining.stop()
            emit(.connectionRecovered)
        }
    }

    private mutating func directoryChanged(_ change: DirectoryReplica.Change, now: Instant) {
        for event in change.events { emit(event) }
        if let refusal = change.refusal { rejections.count(refusal) }
        sessions.extendTrust(held: directory.version)
        noteListing()
        for entry in change.gone {
            let wasReplaced = directory.directory.entry(of: entry.identity) != nil
            sessions.end(entry.session, wasReplaced: wasReplaced, now: now)
        }
    }

    private mutating func noteListing() {
        guard let session, directory[session]?.identity == configuration.key.publicKey else { return }
        sessions.noteListing(at: directory.version)
    }

    private mutating func handleGoodbye(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        let goodbye = try sessions.admit(Goodbye.self, span, datagram)
        guard goodbye.session == session else { throw .unknownSession }
        let departure = Departure(goodbye.reason)
        if departure == .replaced, sessions.replaceCurrent(now) {
            // By the session that this very peer is opening, or had given up.
            if sessions.candidate == nil {
                connectionLost()
                joining.start(at: now)
            }
            return
        }
        sessions.endCurrent()
        isConnected = false
        emit(.dismissed(departure))
        switch departure {
        case .revoked: finish(.ended(.notAuthorised))
        case .replaced: joining.start(at: now + ProtocolConstants.replacedPause)
        case .misbehaved: joining.start(at: now + ProtocolConstants.barredPeriod)
        case .expired, .tooOld, .stopping, .left: joining.start(at: now)
        }
    }

    private mutating func finish(_ event: PeerEvent) {
        hasEnded = true
        joining.stop()
        sessions.endAll()
        isConnected = false
        emit(event)
    }

    /// Says LEAVE, three times over 0.1 s, and then `.left`; at once if there is no session.
    package mutating func leave(now: Instant) {
        guard !hasEnded, leaving == nil else { return }
        leaving = LeaveSequence(isHeard: !sessions.areNone, now: now)
        continueLeaving(now)
    }

    private mutating func continueLeaving(_ now: Instant) {
        switch leaving?.step(now) {
        case .say: for bytes in sessions.leave() { transmit(bytes) }
        case .done: finish(.left)
        case .wait, nil: break
        }
    }
}

// MARK: messages

extension Peer {
    /// To all members; gives how many it was sealed for.
    package mutating func broadcast(_ body: [UInt8], limit: Int, now: Instant) throws(SendError) -> Int {
        let signed = try sign(body, audience: nil, limit: limit, now: now)
        var reached = 0
        for entry in directory.others {
            do throws(SendError) {
                try seal(signed, for: entry)
                reached += 1
            } catch {
                // One lie of the server's must not silence this peer towards the others.
                if error == .bindingInvalid { rejections.count(.bindingInvalid) }
            }
        }
        return reached
    }

    package mutating func send(
        _ body: [UInt8], to identity: PublicKey, limit: Int, now: Instant
    ) throws(SendError) {
        guard identity != configuration.key.publicKey, let entry = directory.directory.entry(of: identity) else {
            throw .unknownMember
        }
        let signed = try sign(body, audience: identity, limit: limit, now: now)
        try seal(signed, for: entry)
    }

    package func identity(named name: PeerName) -> PublicKey? {
        directory.directory.entry(named: name)?.identity
    }

    /// Whether every member that has heard the PULSE just heard knows of this session.
    package func maySpeak(_ now: Instant) -> Bool {
        directory.version > 0 && sessions.current?.maySpeak(now) == true
    }

    private mutating func sign(
        _ body: [UInt8], audience: PublicKey?, limit: Int, now: Instant
    ) throws(SendError) -> SignedPayload {
        guard body.count <= limit else { throw .tooLarge(limit: limit) }
        guard leaving == nil, maySpeak(now), let current = sessions.current else { throw .notJoined }
        messageNumber += 1
        return current.signer.sign(.message, PeerMessage(audience: audience, number: messageNumber, body: body))
    }

    private mutating func seal(_ signed: SignedPayload, for entry: Entry) throws(SendError) {
        let bytes: [UInt8]?
        do {
            bytes = try sessions.seal(signed, for: entry)
        } catch {
            // Over rate: too many pairs have ended, the session for new ones is on its way.
            throw error == .agreementOverRate ? .notJoined : .bindingInvalid
        }
        guard let bytes else { throw .notJoined }
        outputs.push(.transmit(Transmit(path: Path(remote: entry.address), bytes: bytes)))
    }
}
