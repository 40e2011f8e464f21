/// The server's gates for HELLO and CONFIRM, in the order of PROTOCOL.md. They decide which strangers become members.
///
/// A `HandshakeGate` holds the state that strangers' datagrams may change: the secrets of the cookies, the budget, the
/// prefix buckets and the pending handshakes. It knows neither names nor the roster, and asks a `JoinPolicy` about
/// both. No datagram makes it trap. To refuse a datagram, it throws a `Rejection`, which the caller counts.
package struct HandshakeGate: Sendable {
    private let signer: Signer
    private let directory: UInt64
    private let parameters: SessionParameters
    private var sources: SourcePolicy
    private var pending = PendingRing()
    private var budget: HandshakeBudget
    private var cookies: CookieJar
    private var prefixes: PrefixTable
    /// The token buckets for HELLOs without a cookie, by the prefix of the source. They are separate from `prefixes`,
    /// because the source of a HELLO without a cookie may be spoofed, and a spoofer must not drain the bucket of an
    /// honest address.
    private var barePrefixes: PrefixTable

    /// - Parameters:
    ///   - signer: The server's signer, whose `from` is the epoch.
    ///   - directory: The id of the directory, which each WELCOME carries.
    ///   - bound: The address of each socket of the server. `Path.socket` is an index into this array.
    ///   - hostAddresses: The addresses of the server's host.
    ///   - parameters: The intervals that each WELCOME carries.
    package init(
        signer: Signer, directory: UInt64, bound: [SocketAddress], hostAddresses: Set<SocketAddress.IP> = [],
        parameters: SessionParameters, random: inout RandomSource, now: Instant
    ) {
        self.signer = signer
        self.directory = directory
        self.parameters = parameters
        sources = SourcePolicy(bound: bound, hostAddresses: hostAddresses)
        budget = HandshakeBudget(now: now)
        cookies = CookieJar(now: now, random: &random)
        prefixes = PrefixTable(rate: Limits.prefixRate, key: random.bytes16())
        barePrefixes = PrefixTable(rate: Limits.barePrefixRate, key: random.bytes16())
    }

    private var epoch: UInt64 { signer.from }
    private var server: PublicKey { signer.key.publicKey }
    private var context: SigningContext { signer.context }
    private var primitives: any Primitives { context.primitives }

    package var usages: [Usage] { pending.usages }

    package mutating func setHostAddresses(_ addresses: Set<SocketAddress.IP>) {
        sources.hostAddresses = addresses
    }

    /// Returns true if the handshake of `session` is pending and its HELLO came from `path`.
    package func isPending(_ session: SessionID, at path: Path) -> Bool {
        pending[session]?.path == path
    }

    /// Drops each pending handshake whose CONFIRM has not arrived within twice the lifetime of a ticket.
    package mutating func expire(now: Instant) {
        pending.expire(now: now)
    }
}

// MARK: HELLO

extension HandshakeGate {
    /// The answer to a HELLO: one datagram for its sender.
    package enum HelloAnswer: Sendable {
        /// A RETRY: the sender must first show that it receives datagrams at its source address.
        case retry([UInt8])
        /// The WELCOME that was the answer to the same HELLO before, repeated byte for byte.
        case repeatedWelcome([UInt8])
        case welcome([UInt8])
        case reject([UInt8], Verified<Hello>, Reject.Reason)

        package var bytes: [UInt8] {
            switch self {
            case .retry(let bytes), .repeatedWelcome(let bytes), .welcome(let bytes), .reject(let bytes, _, _): bytes
            }
        }
    }

    /// Passes a HELLO through these gates, in this order: source, repeated HELLO, resumption, budget, prefix bucket,
    /// X25519 agreement, seal, fields, identity, signature, policy, X25519 agreement with the server's ephemeral key. A
    /// gate that stops the HELLO either answers it or throws a refusal. A HELLO that passes all gates is answered with
    /// WELCOME.
    ///
    /// The budget is charged for the X25519 agreement before the server computes it, and for the other work only after
    /// the seal has been opened. So a sender of garbage cannot use up the budget that the verification of valid HELLOs
    /// needs.
    ///
    /// - Parameter isResumed: True if the server has just sent RESUME to the source of the HELLO, or will send it soon.
    /// - Throws: The refusal of a HELLO that gets no answer. In this case, only the cookies, the budget and the prefix
    ///   buckets may have changed.
    package mutating func admitHello(
        _ span: Span<UInt8>, _ datagram: Datagram, cookie: Bytes16, ephemeral: AgreementPublicKey, path: Path,
        isResumed: Bool = false, policy: some JoinPolicy, random: inout RandomSource, now: Instant
    ) throws(Rejection) -> HelloAnswer {
        guard sources.allows(path) else { throw .sourceNotAllowed }
        let bytes = [UInt8](copying: span)
        let tag = Handshake.tag(of: bytes)
        if let welcome = pending.welcome(tag: tag, path: path, now: now) { return .repeatedWelcome(welcome) }

        let isProven = cookie != .zero && cookies.isValid(cookie, for: path.remote, now: now, random: &random)
        if isResumed {
            if isProven { throw .resumeOutstanding }
            return .retry(retry(tag: tag, path: path, random: &random, now: now))
        }
        let tier: HandshakeBudget.Tier = isProven ? .helloWithCookie : .helloWithoutCookie
        guard budget.allows(tier, memberShare: policy.memberShare, now: now) else {
            if isProven { throw .overBudget }
            budget.chargeUnserved()
            return .retry(retry(tag: tag, path: path, random: &random, now: now))
        }
        if isProven {
            guard prefixes.accept(path.remote, now: now) else { throw .prefixOverRate }
        } else if !barePrefixes.accept(path.remote, now: now) {
            return .retry(retry(tag: tag, path: path, random: &random, now: now))
        }
        budget.charge(.helloAgreement, for: tier)

        guard let d1 = primitives.agree(signer.key, ephemeral) else { throw .agreementFailed }
        let helloKey = Handshake.helloKey(d1: d1, ephemeral: ephemeral, cookie: cookie, server: server)
        let opened = try Opened<Hello>(span, datagram, key: helloKey, by: primitives)
        budget.charge(.helloAnswer, for: tier)
        guard opened.body.identity != context.mesh, opened.body.identity != server else { throw .identityInvalid }
        let hello = try opened.verified(by: opened.body.identity, in: context)
        // A key of mixed order can sign, so a valid signature is not enough. This check comes last, so that it costs
        // nothing unless the signature is valid.
        guard primitives.isValidPoint(hello.signer) else { throw .identityInvalid }

        let request = HelloRequest(hello: hello, ephemeral: ephemeral, path: path, bytes: bytes, tag: tag, d1: d1)
        if let refusal = policy.refusal(of: hello.signer, as: hello.body.name, at: path.remote, now: now) {
            return .reject(request.reject(refusal, by: signer, random: &random), hello, refusal.reason)
        }
        let ticket = try request.welcome(by: signer, directory: directory, parameters, random: &random, now: now) {
            $0.rawValue == epoch || pending[$0] != nil || policy.hasSeen($0)
        }
        pending.insert(ticket)
        return .welcome(ticket.offer)
    }

    private mutating func retry(tag: UInt64, path: Path, random: inout RandomSource, now: Instant) -> [UInt8] {
        cookies.retry(tag: tag, for: path.remote, signer: signer, now: now, random: &random)
    }
}

// MARK: CONFIRM

extension HandshakeGate {
    /// Admits a CONFIRM if it passes these gates, in this order: epoch, ticket, age of the ticket, path, seal, fields,
    /// budget, signature, policy. The policy is the same as for HELLO.
    ///
    /// All joiners share the budget. Its gate follows the gate of the seal, so that a forged CONFIRM with the session
    /// of a ticket does not use up the budget.
    ///
    /// A CONFIRM that passes the gate of the budget uses up its ticket, even if its signature is wrong. In that case,
    /// the joiner itself made the datagram, because no other peer has the key of the seal. If the ticket stayed valid,
    /// the joiner could make the server verify any number of signatures with one ticket.
    ///
    /// - Throws: The refusal. The budget may have been charged and the ticket used up.
    package mutating func admitConfirm(
        _ span: Span<UInt8>, _ datagram: Datagram, path: Path, policy: some JoinPolicy, now: Instant
    ) throws(Rejection) -> ConfirmedTicket {
        guard datagram.header.to == epoch else { throw .misdirected }
        guard let session = SessionID(rawValue: datagram.header.from), let ticket = pending[session] else {
            throw .unknownTicket
        }
        guard now - ticket.created < Limits.pendingLifetime else { throw .ticketExpired }
        guard ticket.path == path else { throw .ticketSourceMismatch }
        let opened = try open(span, datagram, ticket, memberShare: policy.memberShare, now: now)
        pending.redeem(ticket)
        let entry = ticket.entry
        let confirm = try verified(opened, ticket)
        // A key may have been revoked since its HELLO.
        guard policy.refusal(of: entry.identity, as: entry.name, at: entry.address, now: now) == nil else {
            throw .admissionWithdrawn
        }
        return ConfirmedTicket(ticket: ticket, confirm: confirm, counter: datagram.header.counter)
    }

    /// Admits the CONFIRM of a member that the server has kept across a restart (PROTOCOL.md, section 5.10). The gates
    /// are, in this order: epoch, address, seal, fields, budget, signature.
    ///
    /// The order of the server's sockets may have changed, so the session gets the path on which the CONFIRM arrived.
    ///
    /// - Parameter ticket: The handshake that RESUME has begun.
    /// - Throws: The refusal. The budget may have been charged. After `signatureInvalid` and after a success, the
    ///   caller must not use the ticket again.
    package mutating func admitConfirm(
        _ span: Span<UInt8>, _ datagram: Datagram, resuming ticket: Ticket, path: Path, memberShare: Int64, now: Instant
    ) throws(Rejection) -> ConfirmedTicket {
        guard datagram.header.to == epoch else { throw .misdirected }
        guard ticket.path.remote == path.remote else { throw .ticketSourceMismatch }
        let opened = try open(span, datagram, ticket, memberShare: memberShare, now: now)
        return ConfirmedTicket(
            ticket: ticket.moved(to: path), confirm: try verified(opened, ticket), counter: datagram.header.counter)
    }

    /// Opens a CONFIRM, checks its fields, and charges the budget for its verification.
    private mutating func open(
        _ span: Span<UInt8>, _ datagram: Datagram, _ ticket: Ticket, memberShare: Int64, now: Instant
    ) throws(Rejection) -> Opened<Heartbeat> {
        let opened = try Opened<Heartbeat>(span, datagram, key: ticket.keys.peerToServer, by: primitives)
        let body = opened.body
        guard body.token == ticket.token, body.number > 0, body.part == 0 else { throw .tokenMismatch }
        guard budget.allows(.confirm, memberShare: memberShare, now: now) else { throw .overBudget }
        budget.charge(.confirm, for: .confirm)
        return opened
    }

    private func verified(_ opened: Opened<Heartbeat>, _ ticket: Ticket) throws(Rejection) -> Verified<Heartbeat> {
        try opened.verified(
            by: ticket.entry.identity, in: context, extra: .binder(ticket.keys.binder, server: server))
    }
}
