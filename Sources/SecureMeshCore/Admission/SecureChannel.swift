/// One end of a session: the session's keys, the counter of the datagrams that this end sends, and the replay window
/// for the datagrams that it receives.
package struct SecureChannel: Sendable {
    private var receiving: ReceivingChannel
    private var sending: SendingChannel

    /// - Parameter sent: The number of counters that are already used up. It is 0 for the keys of a new session.
    package init(receiveKey: Secret32, sendKey: Secret32, sent: UInt64 = 0) {
        receiving = ReceivingChannel(key: receiveKey)
        sending = SendingChannel(key: sendKey, sent: sent)
    }

    package var window: ReplayWindow { receiving.window }
    /// The number of datagrams that were sealed.
    package var sent: UInt64 { sending.sent }
    /// The highest number among the accepted datagrams.
    package var newestNumber: UInt64 { receiving.newestNumber }

    /// Seals a datagram under the next counter. Returns nil if all counters below 2^48 are used up; then the session
    /// can send nothing more.
    ///
    /// - Parameter fields: The open fields of the datagram, if their delivery fields differ from those of `payload`;
    ///   nil otherwise.
    package mutating func seal(_ payload: SignedPayload, to: UInt64, as fields: OpenFields? = nil) -> [UInt8]? {
        sending.seal(payload, to: to, as: fields)
    }

    /// Checks the replay window, opens the seal, and decodes the payload. Changes nothing: `accept` is called after the
    /// signature has been verified.
    package func open<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, by primitives: any Primitives
    ) throws(Rejection) -> Opened<Body> {
        try receiving.open(body, span, datagram, by: primitives)
    }

    /// Throws `numberStale` if `number` is not above `newestNumber`.
    package func checkNumber(_ number: UInt64) throws(Rejection) {
        try receiving.checkNumber(number)
    }

    /// Marks the counter as used. If the payload has a number, raises `newestNumber` to it.
    package mutating func accept(counter: UInt64, number: UInt64? = nil) {
        receiving.accept(counter: counter, number: number)
    }
}

/// The sending direction of a session: its key, and the counter of the datagrams that it sends.
package struct SendingChannel: Sendable {
    private let key: Secret32
    /// The number of datagrams that were sealed.
    private(set) package var sent: UInt64

    package init(key: Secret32, sent: UInt64 = 0) {
        self.key = key
        self.sent = sent
    }

    /// See `SecureChannel.seal`.
    package mutating func seal(_ payload: SignedPayload, to: UInt64, as fields: OpenFields? = nil) -> [UInt8]? {
        guard sent + 1 < ProtocolConstants.counterLimit else { return nil }
        sent += 1
        return payload.sealed(to: to, counter: sent, as: fields, with: key)
    }
}

/// The receiving direction of a session: its key, the replay window, and the newest number.
package struct ReceivingChannel: Sendable {
    private let key: Secret32
    private(set) package var window = ReplayWindow()
    /// The highest number among the accepted datagrams.
    private(set) package var newestNumber: UInt64 = 0

    package init(key: Secret32) {
        self.key = key
    }

    /// See `SecureChannel.open`.
    package func open<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, by primitives: any Primitives
    ) throws(Rejection) -> Opened<Body> {
        if let refusal = window.refusal(of: datagram.header.counter) { throw refusal }
        return try Opened(span, datagram, key: key, by: primitives)
    }

    /// See `SecureChannel.checkNumber`.
    package func checkNumber(_ number: UInt64) throws(Rejection) {
        guard number > newestNumber else { throw .numberStale }
    }

    /// See `SecureChannel.accept`.
    package mutating func accept(counter: UInt64, number: UInt64? = nil) {
        window.accept(counter)
        if let number { newestNumber = max(newestNumber, number) }
    }
}
