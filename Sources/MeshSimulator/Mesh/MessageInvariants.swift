package import SecureMeshCore

/// The invariants of messages.
extension Invariants {
    /// Returns the body of a message that `sender` is about to send. The body begins with a number by which the
    /// invariants recognize the message.
    ///
    /// - Parameters:
    ///   - audience: The identity of the receiver; nil for all members.
    ///   - size: The number of bytes after the first 8.
    ///   - isRepeated: True if the sender asks for acknowledgments, and therefore may send the message several times.
    package mutating func body(
        from sender: Int, as name: PeerName, to audience: Int?, size: Int, isRepeated: Bool = false, now: Instant
    ) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(8 + size)
        body.append(bigEndian: UInt64(messages.count))
        body.append(zeros: size)
        messages.append(
            Message(sender: sender, name: name, audience: audience, size: size, isRepeated: isRepeated, sentAt: now))
        return body
    }

    /// Forgets the newest message, which the peer refused to send.
    mutating func withdrawLast() { messages.removeLast() }

    /// Checks a message that a peer has delivered.
    ///
    /// - Parameters:
    ///   - sender: The identity of the message's sender, or nil if the sender is unknown.
    ///   - startedAt: The time at which the receiver's process started.
    ///   - isDeceived: True if the receiver follows a lying server, and may therefore never learn of revocations.
    /// - Returns: The time from the sending of the message to its delivery.
    @discardableResult
    package mutating func delivered(
        _ message: ReceivedMessage, from sender: Int?, to receiver: Int, startedAt: Instant,
        isDeceived: Bool = false, now: Instant
    ) -> Duration {
        var reader = ByteReader()
        guard let id = try? reader.uint64(message.body.span), id < messages.count, let sender else {
            fail("delivered a message that nobody sent", peers: [receiver], now: now)
            return .zero
        }
        let index = Int(id)
        let sent = messages[index]
        let involved = [receiver, sent.sender]
        let hasBody = message.body.count == 8 + sent.size && message.body.dropFirst(8).allSatisfy { $0 == 0 }
        let isMeant = message.isBroadcast == (sent.audience == nil) && sent.audience ?? receiver == receiver
        let fault: String? =
            switch message {
            case _ where message.sender.name != sent.name: "was delivered under another name"
            case _ where !hasBody: "was delivered with another body"
            case _ where sent.sender != sender: "was delivered as another's"
            case _ where !isMeant: "was delivered to one it was not for"
            case _ where sent.number ?? message.number != message.number: "has two numbers"
            // A process that started between two copies does not know the first one.
            case _ where sent.receivers.has(receiver) && (!sent.isRepeated || startedAt < sent.sentAt):
                "was delivered twice"
            default: nil
            }
        if let fault { fail("message \(id) \(fault)", peers: involved, now: now) }
        messages[index].number = message.number
        messages[index].receivers.insert(receiver)
        if !isDeceived, isBeyondTrust(sender, diedAt: nil, now: now), let revoked = revokedAt[sender] {
            fail("message \(id) was delivered \(now - revoked) after its sender was revoked", peers: involved, now: now)
        }
        return now - sent.sentAt
    }

    /// Returns true if an identity was revoked, or died at `diedAt`, so long ago that no peer may trust it any more.
    func isBeyondTrust(_ identity: Int, diedAt: Instant?, now: Instant) -> Bool {
        if let revoked = revokedAt[identity] { return now - revoked > stretched(trust) }
        guard let diedAt else { return false }
        return now - max(diedAt, serverSteadySince) > patience + stretched(trust)
    }

    /// Checks the result of a message that asked for acknowledgments. No more members may have acknowledged it than
    /// have delivered it.
    mutating func reported(_ delivery: DeliveryResult, of index: Int, now: Instant) {
        let sent = messages[index]
        let delivered = sent.receivers.reduce(0) { $0 + $1.nonzeroBitCount }
        if delivery.acknowledged > delivered {
            fail(
                "message \(index) was acknowledged \(delivery.acknowledged) times and delivered \(delivered) times",
                peers: [sent.sender], now: now)
        }
    }

    func hasReached(_ receiver: Int, message index: Int) -> Bool { messages[index].receivers.has(receiver) }

    var lastMessage: Int { messages.count - 1 }
}
