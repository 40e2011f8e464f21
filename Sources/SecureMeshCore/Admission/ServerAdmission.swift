/// The server's gates, in the order of PROTOCOL.md: which bytes may touch the registry's state.
///
/// Holds what the gates need (pending handshakes, sessions, budget, cookies), knows no names and no roster: what it
/// lets through, the registry judges. Never throws, never traps; a refusal is a value.
package struct ServerAdmission: Sendable {
    package enum Verdict: Sendable {
        case refused(Rejection)
        /// RETRY, or a WELCOME again: bytes for the sender, no state.
        case answer([UInt8])
        case hello(HelloRequest)
        case confirm(Verified<Heartbeat>, Ticket, counter: UInt64)
        case heartbeat(SessionID, Verified<Heartbeat>)
        case leave(SessionID)
        /// An intact seal around a wrong signature: only the member itself can have made it.
        case misbehaved(SessionID)
    }

    package let signer: Signer
    private let sources: SourcePolicy
    private let memberRate: Rate
    private var random: RandomSource
    private var pending = PendingRing()
    private var budget: HandshakeBudget
    private var cookies: CookieJar
    private var prefixes: PrefixTable
    /// Apart from the others: a spoofer, who has no cookie, must not drain an honest address's bucket.
    private var barePrefixes: PrefixTable
    private var members: [SessionID: MemberSession] = [:]
    private var ended = RecentSessions()

    package init(
        key: SigningKey, bound: [SocketAddress], heartbeatInterval: Duration = ProtocolConstants.heartbeatInterval,
        primitives: any Primitives = Libsodium(), random: RandomSource, now: Instant
    ) {
        self.random = random
        memberRate = Limits.memberRate(heartbeatInterval: heartbeatInterval)
        signer = Signer(
            key: key, context: SigningContext(server: key.publicKey, primitives: primitives),
            from: self.random.sessionID { _ in false }.rawValue)
        sources = SourcePolicy(bound: bound)
        budget = HandshakeBudget(now: now)
        cookies = CookieJar(now: now, random: &self.random)
        prefixes = PrefixTable(rate: Limits.prefixRate, key: self.random.bytes16())
        barePrefixes = PrefixTable(rate: Limits.barePrefixRate, key: self.random.bytes16())
    }

    /// Random, chosen at start: what every datagram of a member is addressed to.
    package var epoch: UInt64 { signer.from }
    private var context: SigningContext { signer.context }
    private var primitives: any Primitives { context.primitives }

    package var usages: [Usage] {
        pending.usages + [Usage("ended sessions", ended.count, limit: Limits.removedSessions)]
    }

    /// Whether a datagram claims to be a member's or a CONFIRM that is waited for, from the address that goes with it:
    /// such ones are served before strangers'.
    package func isExpected(_ span: Span<UInt8>, path: Path) -> Bool {
        guard span.count >= Header.size, span[1] >= Kind.confirm.rawValue else { return false }
        var reader = ByteReader(at: 12)
        guard let from = try? reader.sessionID(span) else { return false }
        return members[from]?.path == path || pending[from]?.path == path
    }

    package mutating func admit(_ span: Span<UInt8>, path: Path, now: Instant) -> Verdict {
        do throws(Rejection) {
            let datagram = try Datagram(decoding: span)
            switch datagram.header.kind {
            case .hello:
                return try admitHello(span, datagram, path: path, now: now)
            case .confirm:
                return try admitConfirm(span, datagram, path: path, now: now)
            case .heartbeat:
                return try admitMember(Heartbeat.self, span, datagram, path: path, now: now) { .heartbeat($0, $1) }
            case .leave:
                return try admitMember(Leave.self, span, datagram, path: path, now: now) { session, _ in
                    .leave(session)
                }
            case .retry, .welcome, .reject, .pulse, .snapshot, .delta, .goodbye, .message:
                throw .misdirected
            }
        } catch {
            return .refused(error)
        }
    }

    /// source → this very HELLO seen → budget tier → prefix bucket → agreement → seal → fields → signature.
    private mutating func admitHello(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant
    ) throws(Rejection) -> Verdict {
        guard case .cookie(let cookie) = datagram.header.delivery,
            case .agreementKey(let ephemeral) = datagram.header.clear
        else { throw .unknownKind }
        guard sources.allows(path) else { throw .sourceNotAllowed }
        let hello = [UInt8](copying: span)
        let tag = Handshake.tag(of: hello)
        if let welcome = pending.welcome(tag: tag, path: path, now: now) { return .answer(welcome) }

        let isProven =
            cookie != .zero && cookies.isValid(cookie, for: path.remote, now: now, random: &random)
        let tier: HandshakeBudget.Tier = isProven ? .helloWithCookie : .helloWithoutCookie
        guard budget.allows(tier, now: now) else {
            if isProven { throw .overBudget }
            return .answer(retry(tag: tag, path: path, now: now))
        }
        if isProven {
            guard prefixes.accept(path.remote, now: now) else { throw .prefixOverRate }
        } else if !barePrefixes.accept(path.remote, now: now) {
            return .answer(retry(tag: tag, path: path, now: now))
        }
        budget.charge(tier)

        guard let d1 = primitives.agree(signer.key, ephemeral) else { throw .agreementFailed }
        let helloKey = Handshake.helloKey(d1: d1, ephemeral: ephemeral, cookie: cookie, server: context.server)
        let opened = try Opened<Hello>(span, datagram, key: helloKey, by: primitives)
        guard opened.body.identity != context.server else { throw .identityInvalid }
        let verified = try opened.verified(by: opened.body.identity, in: context)
        // A key of mixed order can sign; it is refused only now, so that no stranger has this checked for nothing.
        guard primitives.isValidPoint(verified.signer) else { throw .identityInvalid }
        return .hello(
            HelloRequest(hello: verified, ephemeral: ephemeral, path: path, bytes: hello, tag: tag, d1: d1))
    }

    private mutating func retry(tag: UInt64, path: Path, now: Instant) -> [UInt8] {
        cookies.retry(
            tag: tag, for: path.remote, signer: signer, now: now, random: &random)
    }

    /// ticket → age → source → seal → fields → budget → signature → used up.
    ///
    /// The budget after the seal: whoever sends garbage for a ticket must not use up what all joiners share. Under the
    /// right seal only the joiner itself can have signed wrongly: that costs it the ticket, or one ticket would do to
    /// keep everyone else out.
    private mutating func admitConfirm(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant
    ) throws(Rejection) -> Verdict {
        guard datagram.header.to == epoch else { throw .misdirected }
        guard let session = SessionID(rawValue: datagram.header.from), let ticket = pending[session] else {
            throw .unknownTicket
        }
        guard now - ticket.created < Limits.pendingLifetime else { throw .ticketExpired }
        guard ticket.path == path else { throw .ticketSourceMismatch }
        let opened = try Opened<Heartbeat>(span, datagram, key: ticket.keys.peerToServer, by: primitives)
        let body = opened.body
        guard body.token == ticket.token, body.number > 0, body.version == 0, body.part == 0 else {
            throw .tokenMismatch
        }
        guard budget.allows(.confirm, now: now) else { throw .overBudget }
        budget.charge(.confirm)
        pending.redeem(ticket)
        let verified = try opened.verified(
            by: ticket.entry.identity, in: context, extra: .binder(ticket.keys.binder))
        return .confirm(verified, ticket, counter: datagram.header.counter)
    }

    /// session → source → window → seal → fields → bucket → number rises → signature → commit.
    private mutating func admitMember<Body: NumberedPayload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, path: Path, now: Instant,
        _ verdict: (SessionID, Verified<Body>) -> Verdict
    ) throws(Rejection) -> Verdict {
        guard datagram.header.to == epoch else { throw .misdirected }
        guard let id = SessionID(rawValue: datagram.header.from) else { throw .unknownSession }
        guard let index = members.index(forKey: id) else {
            throw ended.contains(id) ? .sessionEnded : .unknownSession
        }
        guard members.values[index].path == path else { throw .sourceMismatch }
        let opened = try members.values[index].session.open(body, span, datagram, by: primitives)
        // After the seal: whoever can only spoof a member's source must not be able to use up its bucket.
        guard members.values[index].bucket.accept(memberRate, now: now) else { throw .memberOverRate }
        budget.chargeMember(now: now)
        try members.values[index].session.checkNumber(opened.body.number)
        let verified: Verified<Body>
        do {
            verified = try opened.verified(by: members.values[index].identity, in: context)
        } catch {
            return .misbehaved(id)
        }
        members.values[index].session.accept(counter: datagram.header.counter, number: opened.body.number)
        return verdict(id, verified)
    }
}

extension ServerAdmission {
    /// WELCOME for a HELLO that the registry lets in, and a ticket that waits for its CONFIRM.
    package mutating func welcome(
        _ request: HelloRequest, parameters: Welcome.Parameters, now: Instant, unless isTaken: (SessionID) -> Bool
    ) -> [UInt8]? {
        let ephemeral = random.secret()
        guard let d2 = primitives.agree(ephemeral, request.ephemeral) else { return nil }
        var random = random
        let session = random.sessionID {
            $0.rawValue == epoch || members[$0] != nil || pending[$0] != nil || isTaken($0)
        }
        self.random = random
        let token = self.random.next()
        let publicKey = primitives.publicKey(of: ephemeral)
        let transcript = context.transcript(.transcript, hello: request.bytes, last: publicKey.bytes)
        let welcome = Welcome(
            session: session, token: token, parameters: parameters, address: request.path.remote)
        let signed = signer.sign(
            .welcome, welcome, extra: .transcript(transcript), clear: .agreementKey(publicKey))
        let bytes = signed.sealed(
            to: request.tag, counter: 0,
            with: Handshake.welcomeKey(d1: request.d1, d2: d2, transcript: transcript))
        pending.insert(
            Ticket(
                entry: Entry(
                    session: session, identity: request.hello.signer, agreementKey: request.ephemeral,
                    binding: request.hello.signature, address: request.path.remote, name: request.hello.body.name),
                path: request.path, token: token,
                keys: Handshake.sessionKeys(
                    d1: request.d1, d2: d2, transcript: transcript, session: session, epoch: epoch),
                created: now, tag: request.tag, welcome: bytes))
        return bytes
    }

    /// REJECT. A fresh salt each: a key and a nonce never meet two plaintexts.
    package mutating func reject(_ request: HelloRequest, _ reject: Reject) -> [UInt8] {
        let salt = random.bytes32()
        let transcript = context.transcript(.transcriptReject, hello: request.bytes, last: salt)
        let signed = signer.sign(.reject, reject, extra: .transcript(transcript), clear: .salt(salt))
        return signed.sealed(
            to: request.tag, counter: 0, with: Handshake.rejectKey(d1: request.d1, transcript: transcript))
    }

    /// The ticket's session begins; its CONFIRM's counter and number are used up.
    package mutating func begin(_ ticket: Ticket, counter: UInt64, number: UInt64) {
        var session = SecureChannel(receiveKey: ticket.keys.peerToServer, sendKey: ticket.keys.serverToPeer)
        session.accept(counter: counter, number: number)
        members[ticket.entry.session] = MemberSession(
            session: session, path: ticket.path, identity: ticket.entry.identity)
    }

    /// Forgets handshakes that nobody has confirmed in time.
    package mutating func expire(now: Instant) {
        pending.expire(now: now)
    }

    package mutating func end(_ session: SessionID) {
        members[session] = nil
        ended.insert(session)
    }

    /// The newest number heard from a member: what PULSE echoes.
    package func newestNumber(of session: SessionID) -> UInt64 {
        members[session]?.session.newestNumber ?? 0
    }

    /// The datagram for one member, and its way.
    package mutating func seal(
        _ payload: SignedPayload, for session: SessionID, delivery: Header.Delivery = .none
    ) -> Transmit? {
        guard let index = members.index(forKey: session),
            let bytes = members.values[index].session.seal(payload, to: session.rawValue, delivery: delivery)
        else { return nil }
        return Transmit(path: members.values[index].path, bytes: bytes)
    }

    package mutating func randomToken() -> UInt64 {
        random.next()
    }
}

/// A HELLO that has passed every gate of admission; whether it may join, the registry decides.
package struct HelloRequest: Sendable {
    package let hello: Verified<Hello>
    package let ephemeral: AgreementPublicKey
    package let path: Path
    let bytes: [UInt8]
    let tag: UInt64
    let d1: Secret32
}

/// Bytes on their way out.
package struct Transmit: Hashable, Sendable {
    package let path: Path
    package let bytes: [UInt8]

    package init(path: Path, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

private struct MemberSession: Sendable {
    var session: SecureChannel
    let path: Path
    let identity: PublicKey
    var bucket = RateLimiter()
}
