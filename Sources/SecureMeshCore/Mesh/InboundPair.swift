/// The receiving side of a pair: messages and acknowledgments from a session of another member to a session of this
/// peer.
struct InboundPair: Sendable {
    let entry: Entry
    private var channel: SecureChannel
    private var messages = MessageBucket()
    private var acknowledgments = RateLimiter()
    /// True once a datagram of the sender has been opened, which shows that the sender has the key.
    private(set) var hasOpened = false
    /// The instant until which late messages are accepted; nil as long as the sender's session has not been replaced.
    var until: Instant?

    init(entry: Entry, key: Secret32, until: Instant?) {
        self.entry = entry
        self.until = until
        channel = SecureChannel(receiveKey: key, sendKey: key)
    }

    /// Returns true if messages of the sender's session are not accepted any more. This is so if the session was
    /// replaced, and either `until` has passed or the directory does not list the sender any more.
    func isOver(_ directory: some MemberLookup, now: Instant) -> Bool {
        guard let until else { return false }
        return until <= now || !directory.lists(entry.identity)
    }

    /// Admits a MESSAGE if it passes these checks, in this order: the replay window, the seal, the fields, the
    /// audience, the rate limits, and the signature. Its counter is marked in the replay window only after all checks.
    ///
    /// - Parameter totalBytes: The bucket that all senders share. It is checked after the sender's own buckets, so
    ///   messages above the sender's own limits take no tokens from it.
    mutating func admitMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, as identity: LocalIdentity, limits: MessageLimits,
        total totalBytes: inout RateLimiter, now: Instant
    ) throws(Rejection) -> AdmittedMessage {
        let opened = try channel.open(PeerMessage.self, span, datagram, by: identity.context.primitives)
        hasOpened = true
        let audience = opened.body.audience
        guard audience == nil || audience == identity.publicKey else { throw .notAddressedToMe }
        guard messages.admit(limits, size: span.count, now: now) == .zero else { throw .senderOverRate }
        guard totalBytes.accept(limits.totalBytes, count: span.count, now: now) else { throw .messagesOverRate }
        let message = try opened.verified(by: entry.identity, in: identity.context).body
        channel.accept(counter: datagram.header.counter)
        let received = ReceivedMessage(
            sender: Member(entry), number: message.number, isBroadcast: audience == nil, body: message.body)
        return AdmittedMessage(
            message: received, session: entry.session, wantsAcknowledgment: message.flags.contains(.acknowledge),
            isProbe: message.flags.contains(.probe))
    }

    /// Admits an ACK if it passes these checks, in this order: the replay window, the seal, the fields, the audience
    /// and the session, the rate limit, and the signature. Its counter is marked in the replay window only after all
    /// checks.
    mutating func admitAcknowledgment(
        _ span: Span<UInt8>, _ datagram: Datagram, as identity: LocalIdentity, rate: Rate, now: Instant
    ) throws(Rejection) -> AdmittedAcknowledgment {
        let opened = try channel.open(Acknowledgment.self, span, datagram, by: identity.context.primitives)
        hasOpened = true
        guard opened.body.audience == identity.publicKey, opened.body.session == identity.session else {
            throw .notAddressedToMe
        }
        guard acknowledgments.accept(rate, now: now) else { throw .senderOverRate }
        let acknowledgment = try opened.verified(by: entry.identity, in: identity.context).body
        channel.accept(counter: datagram.header.counter)
        return AdmittedAcknowledgment(receiver: entry.identity, number: acknowledgment.number)
    }
}
