/// A peer: joins, proves that it lives, holds the directory, speaks and listens (PROTOCOL.md, sections 5 to 7).
///
/// Outside: joining, member, or ended (not authorised, revoked, left). While a member joins again (lost, or a change
/// of keys is due) its old session goes on; if that recovers, the attempt is dropped. A pure value, as `Registry`.
///
/// In: `handle`, `handleTimeout`, `broadcast`, `send`, `leave`. Out: `pollOutput`, `nextDeadline`.
package struct Peer: MeshMachine {
    package struct Configuration: Sendable {
        package var key: SigningKey
        package var name: PeerName
        /// The pinned keys: the server holds the secret half of one of them.
        package var servers: [PublicKey]
        package var server: SocketAddress
        package var messageRate = Limits.messageRate

        package init(key: SigningKey, name: PeerName, servers: [PublicKey], server: SocketAddress) {
            self.key = key
            self.name = name
            self.servers = servers
            self.server = server
        }
    }

    private let configuration: Configuration
    private let path: Path
    private var random: RandomSource
    private var joining: Joining
    /// WELCOMEd and waiting for the first PULSE.
    private var candidate: Membership?
    private var current: Membership?
    /// The session before this one: messages to it still count until the instant.
    private var previous: (membership: Membership, until: Instant)?
    private var directory = PeerDirectory()
    /// The version at which the directory first listed the current session.
    private var listedAt: UInt64?
    private var messageNumber: UInt64 = 0
    private var isConnected = false
    private var leaving: (left: Int, next: Instant)?
    private var hasEnded = false
    private var outputs = OutputQueue<PeerEvent>()
    private(set) package var rejections = RejectionCounters()

    package init(_ configuration: Configuration, random: RandomSource, now: Instant) {
        self.configuration = configuration
        self.random = random
        path = Path(remote: configuration.server)
        joining = Joining(key: configuration.key, name: configuration.name, servers: configuration.servers)
        joining.start(at: now)
    }

    /// The members other than this peer, as last told.
    package var members: [Member] {
        directory.directory.inOrder.filter { $0.identity != configuration.key.publicKey }.map(Member.init)
    }

    package var version: UInt64 { directory.version }
    package var session: SessionID? { current?.id }

    /// Whether messages may go out and be delivered now.
    package func isTrusted(_ now: Instant) -> Bool {
        current?.isTrusted(now) ?? false
    }

    package var nextDeadline: Deadline? {
        if let leaving { return Deadline(leaving.next, .leave) }
        if hasEnded { return nil }
        return .earliest([
            candidate == nil ? joining.deadline.map { Deadline($0, .hello) } : nil,
            candidate.map { Deadline(min($0.nextSend, $0.staleAt), .confirm) },
            current.map { Deadline($0.nextSend, .heartbeat) },
            isConnected ? current.map { Deadline($0.staleAt, .freshness) } : nil,
            joining.isActive || candidate != nil ? nil : current.map { Deadline($0.rekeyAt, .rekey) },
            previous.map { Deadline($0.until, .lingering) },
            current?.pairs.deadline.map { Deadline($0, .lingering) },
        ])
    }

    /// Everything that a peer hears is from its server or a member; strangers have no work to cause here.
    package func isFromMember(_ datagram: Span<UInt8>, path: Path) -> Bool { true }

    package mutating func pollOutput() -> Output<PeerEvent>? {
        outputs.pop()
    }

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
                directoryChanged(try directory.apply(admit(Snapshot.self, datagram, decoded)), now: now)
            case .delta:
                directoryChanged(try directory.apply(admit(Delta.self, datagram, decoded)), now: now)
            case .goodbye:
                try handleGoodbye(datagram, decoded, now: now)
            case .message:
                try handleMessage(datagram, decoded, now: now)
            case .hello, .confirm, .heartbeat, .leave:
                throw .misdirected
            }
        } catch {
            rejections.count(error)
        }
    }

    package mutating func handleTimeout(now: Instant) {
        if leaving != nil { return continueLeaving(now) }
        guard !hasEnded else { return }
        if let waiting = candidate, waiting.staleAt <= now { candidate = nil }
        if candidate == nil {
            let attempts = joining.attemptCount
            for hello in joining.poll(now: now, random: &random) { transmit(hello) }
            if joining.attemptCount > attempts, attempts > 0 { emit(.unanswered(attempts: attempts)) }
        }
        if let next = candidate?.nextSend, next <= now { sendHeartbeat(\.candidate, now) }
        if let next = current?.nextSend, next <= now { sendHeartbeat(\.current, now) }
        if isConnected, let current, current.staleAt <= now {
            isConnected = false
            emit(.connectionLost)
            if candidate == nil { joining.start(at: now) }
        }
        if let current, current.rekeyAt <= now, !joining.isActive, candidate == nil { joining.start(at: now) }
        if let until = previous?.until, until <= now { previous = nil }
        current?.pairs.expire(now: now)
    }

    package mutating func handleDrained(now: Instant) {}

    private mutating func sendHeartbeat(_ membership: WritableKeyPath<Peer, Membership?>, _ now: Instant) {
        let (version, part) = (directory.version, directory.wantedPart)
        if let bytes = self[keyPath: membership]?.heartbeat(version: version, part: part, now: now) { transmit(bytes) }
    }

    private mutating func transmit(_ bytes: [UInt8]) {
        outputs.push(.transmit(Transmit(path: path, bytes: bytes)))
    }

    private mutating func emit(_ event: PeerEvent) {
        outputs.push(.event(event))
    }
}

// MARK: joining

extension Peer {
    /// tag → seal → fields → signature; at most four failures a HELLO.
    private mutating func handleAnswer(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        let tag = datagram.header.to
        guard candidate == nil else { throw .unknownTag }
        let attempt = try joining.attempt(tagged: tag)
        do throws(Rejection) {
            switch datagram.header.clear {
            case .rotation:
                let retry = try VerifiedRetry(span, datagram, in: attempt.context)
                if let hello = try joining.handleRetry(retry, tagged: tag, now: now, random: &random) { transmit(hello) }
            case .agreementKey(let serverKey):
                try handleWelcome(span, datagram, attempt, serverKey, now: now)
            case .salt(let salt):
                let transcript = attempt.context.transcript(.transcriptReject, hello: attempt.hello, last: salt)
                let key = Handshake.rejectKey(d1: attempt.d1, transcript: transcript)
                let reject = try Opened<Reject>(span, datagram, key: key)
                    .verified(by: attempt.context.server, in: attempt.context, extra: .transcript(transcript))
                turnedAway(reject.body, now: now)
            case .none:
                throw .unknownKind
            }
        } catch {
            if error != .repeatedRetry { joining.countFailure(tagged: tag) }
            throw error
        }
    }

    private mutating func handleWelcome(
        _ span: Span<UInt8>, _ datagram: Datagram, _ attempt: Joining.Attempt, _ serverKey: AgreementPublicKey,
        now: Instant
    ) throws(Rejection) {
        guard let d2 = attempt.ephemeral.agree(with: serverKey) else { throw .agreementFailed }
        let transcript = attempt.context.transcript(.transcript, hello: attempt.hello, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: attempt.d1, d2: d2, transcript: transcript)
        let welcome = try Opened<Welcome>(span, datagram, key: key)
            .verified(by: attempt.context.server, in: attempt.context, extra: .transcript(transcript))
        let epoch = datagram.header.from
        guard welcome.body.session.rawValue != epoch, welcome.body.session != current?.id else {
            throw .invalidSessionIDs
        }
        let keys = Handshake.sessionKeys(
            d1: attempt.d1, d2: d2, transcript: transcript, session: welcome.body.session, epoch: epoch)
        candidate = Membership(
            welcome, epoch: epoch, keys: keys, attempt: attempt, key: configuration.key, now: now)
        joining.pause(until: now)
        sendHeartbeat(\.candidate, now)
    }

    private mutating func turnedAway(_ reject: Reject, now: Instant) {
        let refusal = JoinRefusal(reject.reason)
        guard refusal != .notAuthorised else { return finish(.ended(.notAuthorised)) }
        let pause = random.jittered(.seconds(max(Int(reject.retrySeconds), 1)))
        joining.pause(until: now + pause)
        emit(.refused(refusal, retryAfter: pause))
    }

    /// The candidate is a member: its session takes the place of the one before.
    private mutating func promote(_ membership: Membership, now: Instant) {
        if let current { previous = (current, now + ProtocolConstants.pairLingering) }
        candidate = nil
        current = membership
        joining.stop()
        directory.begin(epoch: membership.epoch)
        listedAt = nil
        noteListing()
        isConnected = true
        emit(.joined(address: membership.address))
    }
}

// MARK: being a member

extension Peer {
    /// A datagram of the current session's server.
    private mutating func admit<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram
    ) throws(Rejection) -> Body {
        guard datagram.header.to == current?.id.rawValue, let verified = try current?.admit(body, span, datagram) else {
            throw .unknownSession
        }
        return verified.body
    }

    private mutating func handlePulse(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        guard case .echo(let echo) = datagram.header.delivery else { throw .unknownKind }
        if datagram.header.to == candidate?.id.rawValue, var membership = candidate {
            let pulse = try membership.admit(Pulse.self, span, datagram)
            let held = membership.epoch == directory.epoch ? directory.version : 0
            let isFresh = membership.accept(pulse.body, echo: echo, held: held, now: now)
            candidate = membership
            if isFresh { promote(membership, now: now) }
            return
        }
        let pulse = try admit(Pulse.self, span, datagram)
        guard current?.accept(pulse, echo: echo, held: directory.version, now: now) == true else { return }
        if !isConnected {
            isConnected = true
            // The old session lives again: what was begun in its place is dropped.
            joining.stop()
            candidate = nil
            emit(.connectionRecovered)
        }
    }

    private mutating func directoryChanged(_ change: PeerDirectory.Change, now: Instant) {
        for event in change.events { emit(event) }
        current?.extendTrust(held: directory.version)
        noteListing()
        for entry in change.gone {
            let wasReplaced = directory.directory.entry(of: entry.identity) != nil
            current?.pairs.end(entry.session, wasReplaced: wasReplaced, now: now)
            previous?.membership.pairs.end(entry.session, wasReplaced: wasReplaced, now: now)
        }
    }

    private mutating func noteListing() {
        guard listedAt == nil, let id = current?.id, directory.version > 0,
            directory.directory[id]?.identity == configuration.key.publicKey
        else { return }
        listedAt = directory.version
    }

    private mutating func handleGoodbye(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        let goodbye = try admit(Goodbye.self, span, datagram)
        guard goodbye.session == current?.id else { throw .unknownSession }
        let departure = Departure(goodbye.reason)
        if departure == .replaced, candidate != nil {
            // By the session that this very peer is opening.
            previous = current.map { ($0, now + ProtocolConstants.pairLingering) }
            current = nil
            return
        }
        current = nil
        previous = nil
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
        candidate = nil
        current = nil
        previous = nil
        isConnected = false
        emit(event)
    }

    /// Says LEAVE, three times over 0.1 s, and then `.left`; at once if there is no session.
    package mutating func leave(now: Instant) {
        guard !hasEnded, leaving == nil else { return }
        leaving = (current == nil && candidate == nil ? 0 : Limits.leaveRepeats, now)
        continueLeaving(now)
    }

    private mutating func continueLeaving(_ now: Instant) {
        guard var state = leaving, state.next <= now else { return }
        guard state.left > 0 else {
            leaving = nil
            return finish(.left)
        }
        for bytes in [current?.leave(), candidate?.leave()] { if let bytes { transmit(bytes) } }
        state.left -= 1
        state.next = now + Limits.leaveGap
        leaving = state
    }
}

// MARK: messages

/// Why a message was not sent. Nothing has left this peer.
public enum SendError: Error, Hashable, Sendable {
    /// Not a member now, or not sure enough of it: the last proof is too old.
    case notJoined
    /// No member has that name or key.
    case unknownMember
    /// More bytes than `limit`.
    case tooLarge(limit: Int)
    /// The directory's entry does not carry its owner's signature: the server is lying about this member.
    case bindingInvalid
}

extension Peer {
    /// trusted → to me → from in the directory → window → seal → audience → bucket → signature → commit → deliver.
    private mutating func handleMessage(_ span: Span<UInt8>, _ datagram: Datagram, now: Instant) throws(Rejection) {
        let rate = configuration.messageRate
        let listed = directory.version > 0 ? directory.directory : Directory()
        if datagram.header.to == current?.id.rawValue, let membership = current {
            guard membership.isTrusted(now) else { throw .untrusted }
            if let message = try current?.pairs.admit(
                span, datagram, listed: { listed[$0] }, own: membership.own, rate: rate, now: now)
            {
                emit(.message(message))
            }
        } else if let (membership, until) = previous, datagram.header.to == membership.id.rawValue, now < until {
            guard membership.isTrusted(now) else { throw .untrusted }
            if let message = try previous?.membership.pairs.admit(
                span, datagram, listed: { listed[$0] }, own: membership.own, rate: rate, now: now)
            {
                emit(.message(message))
            }
        } else {
            throw .unknownSession
        }
    }

    /// To all members; gives how many it was sealed for.
    package mutating func broadcast(_ body: [UInt8], limit: Int, now: Instant) throws(SendError) -> Int {
        let others = directory.directory.inOrder.filter { $0.identity != configuration.key.publicKey }
        let signed = try sign(body, audience: nil, limit: limit, now: now)
        var reached = 0
        for entry in others {
            do throws(SendError) {
                try seal(signed, for: entry)
                reached += 1
            } catch {
                // One lie of the server's must not silence this peer towards the others.
                rejections.count(.bindingInvalid)
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
        guard let current, let listedAt, directory.version > 0 else { return false }
        return current.isTrusted(now) && current.pulsedVersion >= listedAt
    }

    private mutating func sign(
        _ body: [UInt8], audience: PublicKey?, limit: Int, now: Instant
    ) throws(SendError) -> SignedPayload {
        guard body.count <= limit else { throw .tooLarge(limit: limit) }
        guard maySpeak(now), let current else { throw .notJoined }
        messageNumber += 1
        return current.signer.sign(.message, PeerMessage(audience: audience, number: messageNumber, body: body))
    }

    private mutating func seal(_ signed: SignedPayload, for entry: Entry) throws(SendError) {
        guard let own = current?.own else { throw .notJoined }
        do {
            guard let bytes = try current?.pairs.seal(signed, for: entry, own: own) else { throw SendError.notJoined }
            outputs.push(.transmit(Transmit(path: Path(remote: entry.address), bytes: bytes)))
        } catch {
            throw .bindingInvalid
        }
    }
}
