/// The messages from one member's session to one of this peer's.
struct InboundPair: Sendable {
    let entry: Entry
    private var channel: SecureChannel
    private var bucket = RateLimiter()
    /// The end of the time in which late messages are accepted, once the sender's session has been replaced.
    var until: Instant?

    init(entry: Entry, key: Secret32) {
        self.entry = entry
        channel = SecureChannel(receiveKey: key, sendKey: key)
    }

    /// Returns whether the sender's session has ended for good. A replaced session is heard only while its peer is
    /// still a member.
    func isOver(_ directory: DirectoryReplica, now: Instant) -> Bool {
        guard let until else { return false }
        return until <= now || !directory.lists(entry.identity)
    }

    /// Gates: window → seal → fields → audience → bucket → signature → commit.
    mutating func admit(
        _ span: Span<UInt8>, _ datagram: Datagram, as identity: LocalIdentity, rate: Rate, now: Instant
    ) throws(Rejection) -> ReceivedMessage {
        let opened = try channel.open(PeerMessage.self, span, datagram, by: identity.context.primitives)
        let audience = opened.body.audience
        guard audience == nil || audience == identity.publicKey else { throw .notAddressedToMe }
        guard bucket.accept(rate, now: now) else { throw .senderOverRate }
        let message = try opened.verified(by: entry.identity, in: identity.context).body
        channel.accept(counter: datagram.header.counter)
        return ReceivedMessage(
            sender: Member(entry), number: message.number, isBroadcast: audience == nil, body: message.body)
    }
}
