/// A member's datagram that has passed all gates of PROTOCOL.md, section 6.6, or a proof that the member misbehaved.
///
/// Only `MemberReceiver.admit` makes a value of this type, after it has committed the counter and the number of the
/// datagram. For `misbehaved`, it commits nothing.
package struct AcceptedDatagram: Sendable {
    package enum Content: Sendable {
        /// - Parameter asksForPulse: True if the number of the heartbeat is more than one above the last accepted
        ///   number. Then heartbeats were lost, or the sender left out a number to ask for a PULSE.
        case heartbeat(Verified<Heartbeat>, asksForPulse: Bool)
        case leave
        /// The member sealed a payload with a wrong signature; nobody else has the key of the seal. The counter and the
        /// number of the datagram were not committed.
        case misbehaved
    }

    package let session: SessionID
    package let content: Content

    fileprivate init(session: SessionID, content: Content) {
        self.session = session
        self.content = content
    }
}

/// The part of one member's session that the gates for HEARTBEAT and LEAVE need and change.
///
/// Each session has one receiver. The registry keeps the receiver, unless it has handed the receiver to a lane.
package struct MemberReceiver: Sendable {
    private(set) var channel: ReceivingChannel
    private let identity: PublicKey
    private var bucket = RateLimiter()

    /// Makes the receiver of a new session, and marks the counter and the number of the CONFIRM as used.
    init(_ joiner: ConfirmedTicket) {
        channel = ReceivingChannel(key: joiner.ticket.keys.peerToServer)
        identity = joiner.ticket.entry.identity
        channel.accept(counter: joiner.counter, number: joiner.confirm.body.number)
    }

    /// Admits a HEARTBEAT or a LEAVE of the member if it passes all gates, and then commits its counter and its number.
    ///
    /// The gates are, in this order: source, replay window, seal, fields, token bucket, rising number, signature.
    ///
    /// - Parameters:
    ///   - datagram: A HEARTBEAT or a LEAVE whose `from` is `session`.
    ///   - home: The path of the session.
    ///   - path: The path of the datagram.
    ///   - worked: A count that is raised by one if the datagram has passed the token bucket.
    mutating func admit(
        _ span: Span<UInt8>, _ datagram: Datagram, of session: SessionID, at home: Path, path: Path, rate: Rate,
        worked: inout Int, in context: SigningContext, now: Instant
    ) throws(Rejection) -> AcceptedDatagram {
        guard home == path else { throw .sourceMismatch }
        if datagram.header.kind == .leave {
            let leave = try verify(Leave.self, span, datagram, rate: rate, worked: &worked, in: context, now: now)
            return AcceptedDatagram(session: session, content: leave == nil ? .misbehaved : .leave)
        }
        let last = channel.newestNumber
        let heartbeat = try verify(
            Heartbeat.self, span, datagram, rate: rate, worked: &worked, in: context, now: now)
        guard let heartbeat else { return AcceptedDatagram(session: session, content: .misbehaved) }
        return AcceptedDatagram(
            session: session, content: .heartbeat(heartbeat, asksForPulse: heartbeat.body.number - 1 > last))
    }

    /// - Returns: The verified payload; nil if the seal is intact but the signature is wrong.
    private mutating func verify<Body: NumberedPayload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, rate: Rate, worked: inout Int,
        in context: SigningContext, now: Instant
    ) throws(Rejection) -> Verified<Body>? {
        let opened = try channel.open(body, span, datagram, by: context.primitives)
        // The bucket comes after the seal, so that a sender that only spoofs a member's address cannot use up the
        // member's bucket.
        guard bucket.accept(rate, now: now) else { throw .memberOverRate }
        worked += 1
        try channel.checkNumber(opened.body.number)
        let verified: Verified<Body>
        do {
            verified = try opened.verified(by: identity, in: context)
        } catch {
            return nil
        }
        channel.accept(counter: datagram.header.counter, number: opened.body.number)
        return verified
    }
}
