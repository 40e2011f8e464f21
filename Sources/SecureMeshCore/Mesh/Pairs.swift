/// The keys between this peer's session and those of others (PROTOCOL.md, section 7).
///
/// No handshake: both ephemeral keys are in the directory, each bound by its owner's own HELLO signature, which is
/// verified here before first use: the server cannot swap them. A pair's state lives exactly as long as the two
/// sessions and is never made again, whatever the server lists: so no counter and no window is ever reset.
package struct Pairs: Sendable {
    private struct Inbound: Sendable {
        let entry: Entry
        var session: SecureChannel
        var bucket = RateLimiter()
        /// Set when the sender's session was replaced: what is still on its way counts until then.
        var until: Instant?
    }

    private struct Outbound: Sendable {
        var session: SecureChannel
    }

    private var inbound: [SessionID: Inbound] = [:]
    private var outbound: [SessionID: Outbound] = [:]
    /// Entries whose binding was wrong: not tried again.
    private var badBindings: Set<SessionID> = []
    /// Sessions that have ended and had keys here. A server that lists one again must not get their nonces again.
    private var retiredSessions: Set<SessionID> = []
    /// Replaced senders, in the order in which their time ends.
    private var replacedSenders: [(session: SessionID, until: Instant)] = [] {
        didSet { deadline = replacedSenders.first?.until }
    }
    private var agreements = RateLimiter()

    private let limit: Int

    /// When `expire` has something to do. Asked after every datagram: it stands ready.
    private(set) package var deadline: Instant?

    /// `limit`: how many ended sessions are remembered.
    package init(limit: Int = Limits.retiredSessions) {
        self.limit = limit
    }

    /// Those that were replaced are among the ended ones.
    package var usages: [Usage] {
        [
            Usage("ended pairs", retiredSessions.count, limit: limit),
            Usage("senders", inbound.count, limit: Limits.directoryEntries + limit),
            Usage("receivers", outbound.count, limit: Limits.directoryEntries),
            Usage("entries with a bad binding", badBindings.count, limit: Limits.directoryEntries),
            Usage("replaced senders", replacedSenders.count, limit: limit),
        ]
    }

    /// Whether no more ended sessions can be remembered: only with a new session of its own may a peer meet new ones.
    package var isExhausted: Bool { retiredSessions.count >= limit }

    /// Seals for `entry`'s session; nil if its binding is wrong.
    package mutating func seal(_ payload: SignedPayload, for entry: Entry, own: LocalIdentity) throws(Rejection)
        -> [UInt8]
    {
        if outbound[entry.session] == nil {
            let secret = try agree(entry, own)
            let key = Self.key(secret, own, entry, isSending: true)
            outbound[entry.session] = Outbound(session: SecureChannel(receiveKey: key, sendKey: key))
        }
        guard let bytes = outbound[entry.session]?.session.seal(payload, to: entry.session.rawValue) else {
            throw .counterOutOfRange
        }
        return bytes
    }

    /// from in the directory → window → key → seal → audience → bucket → signature → commit.
    package mutating func admit(
        _ span: Span<UInt8>, _ datagram: Datagram, held directory: DirectoryReplica, own: LocalIdentity, rate: Rate,
        now: Instant
    ) throws(Rejection) -> ReceivedMessage {
        guard let from = SessionID(rawValue: datagram.header.from) else { throw .unknownSender }
        if let pair = inbound[from], let until = pair.until {
            // What a replaced session said counts no longer than its peer is a member.
            if until <= now || !directory.lists(pair.entry.identity) { inbound[from] = nil }
        }
        if inbound[from] == nil {
            guard let entry = directory[from], entry.identity != own.publicKey else { throw .unknownSender }
            guard !badBindings.contains(from) else { throw .bindingInvalid }
            guard !retiredSessions.contains(from) else { throw .directoryContradiction }
            guard agreements.accept(Limits.agreementRate, now: now) else { throw .agreementOverRate }
            let key = Self.key(try agree(entry, own), own, entry, isSending: false)
            inbound[from] = Inbound(entry: entry, session: SecureChannel(receiveKey: key, sendKey: key))
        }
        guard var pair = inbound[from] else { throw .unknownSender }
        let opened = try pair.session.open(PeerMessage.self, span, datagram, by: own.context.primitives)
        let audience = opened.body.audience
        guard audience == nil || audience == own.publicKey else { throw .notAddressedToMe }
        guard pair.bucket.accept(rate, now: now) else { throw .senderOverRate }
        inbound[from]?.bucket = pair.bucket
        let verified = try opened.verified(by: pair.entry.identity, in: own.context)
        inbound[from]?.session.accept(counter: datagram.header.counter)
        return ReceivedMessage(
            sender: Member(pair.entry), number: verified.body.number, isBroadcast: audience == nil,
            body: verified.body.body)
    }

    /// The other's session has ended; if another of the same identity took its place, what is on its way still counts.
    package mutating func end(_ session: SessionID, wasReplaced: Bool, now: Instant) {
        if outbound[session] != nil || inbound[session] != nil { retiredSessions.insert(session) }
        outbound[session] = nil
        badBindings.remove(session)
        if !wasReplaced {
            inbound[session] = nil
        } else if inbound[session] != nil, inbound[session]?.until == nil {
            let until = now + ProtocolConstants.pairLingering
            inbound[session]?.until = until
            replacedSenders.append((session, until))
        }
    }

    /// Forgets replaced senders whose time is over.
    package mutating func expire(now: Instant) {
        guard let deadline, deadline <= now else { return }
        let over = replacedSenders.prefix { $0.until <= now }
        for (session, _) in over { inbound[session] = nil }
        replacedSenders.removeFirst(over.count)
    }

    private mutating func agree(_ entry: Entry, _ own: LocalIdentity) throws(Rejection) -> Secret32 {
        guard !retiredSessions.contains(entry.session) else { throw .directoryContradiction }
        guard !isExhausted else { throw .agreementOverRate }
        guard !badBindings.contains(entry.session), own.context.isBound(entry) else {
            badBindings.insert(entry.session)
            throw .bindingInvalid
        }
        guard let secret = own.context.primitives.agree(own.ephemeral, entry.agreementKey) else {
            badBindings.insert(entry.session)
            throw .agreementFailed
        }
        return secret
    }

    /// KDF("message", DH ‖ epoch ‖ s_a ‖ s_b ‖ id_a ‖ id_b ‖ E_a ‖ E_b ‖ S), a the sender and b the receiver.
    private static func key(_ secret: Secret32, _ own: LocalIdentity, _ other: Entry, isSending: Bool) -> Secret32 {
        let me = PairEnd(own.session, own.publicKey, own.agreementKey)
        let them = PairEnd(other.session, other.identity, other.agreementKey)
        let (a, b) = isSending ? (me, them) : (them, me)
        return PairEnd.key(secret, epoch: own.epoch, from: a, to: b, server: own.context.server)
    }
}

/// One end of a pair, as the key of their messages sees it.
package struct PairEnd: Sendable {
    private let session: SessionID
    private let identity: PublicKey
    private let agreementKey: AgreementPublicKey

    package init(_ session: SessionID, _ identity: PublicKey, _ agreementKey: AgreementPublicKey) {
        self.session = session
        self.identity = identity
        self.agreementKey = agreementKey
    }

    /// The key of messages from `a` to `b`.
    package static func key(
        _ secret: Secret32, epoch: UInt64, from a: PairEnd, to b: PairEnd, server: PublicKey
    ) -> Secret32 {
        let input = SecretInput()
        input.append(secret)
        input.append(epoch)
        input.append(a.session.rawValue)
        input.append(b.session.rawValue)
        input.append(a.identity.bytes)
        input.append(b.identity.bytes)
        input.append(a.agreementKey.bytes)
        input.append(b.agreementKey.bytes)
        input.append(server.bytes)
        return Sodium.derive(.message, input)
    }
}
