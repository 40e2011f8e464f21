/// One end of a session: its keys, the counter of what it sends, the replay window of what it receives.
package struct SecureChannel: Sendable {
    private let receiveKey: Secret32
    private let sendKey: Secret32
    private(set) package var window = ReplayWindow()
    /// The number of datagrams that were sealed.
    private(set) package var sent: UInt64
    /// The highest number among the accepted datagrams.
    private(set) package var newestNumber: UInt64 = 0

    /// - Parameter sent: The number of counters that are used up already: 0 for the keys of a new session.
    package init(receiveKey: Secret32, sendKey: Secret32, sent: UInt64 = 0) {
        self.receiveKey = receiveKey
        self.sendKey = sendKey
        self.sent = sent
    }

    /// Seals a datagram under the next counter. Returns nil if all 2^48 counters have been used, so that the session
    /// can send nothing more.
    ///
    /// - Parameter fields: The open fields, if their delivery fields differ from those of `payload`; nil otherwise.
    package mutating func seal(_ payload: SignedPayload, to: UInt64, as fields: OpenFields? = nil) -> [UInt8]? {
        guard sent + 1 < ProtocolConstants.counterLimit else { return nil }
        sent += 1
        return payload.sealed(to: to, counter: sent, as: fields, with: sendKey)
    }

    /// Checks the window, opens the seal and decodes. Changes nothing: `accept` commits, after the signature.
    package func open<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, by primitives: any Primitives
    ) throws(Rejection) -> Opened<Body> {
        if let refusal = window.refusal(of: datagram.header.counter) { throw refusal }
        return try Opened(span, datagram, key: receiveKey, by: primitives)
    }

    /// Refuses a number that is not above the newest.
    package func checkNumber(_ number: UInt64) throws(Rejection) {
        guard number > newestNumber else { throw .numberStale }
    }

    /// Marks the counter as used and, if the payload has a number, moves the newest number.
    package mutating func accept(counter: UInt64, number: UInt64? = nil) {
        window.accept(counter)
        if let number { newestNumber = max(newestNumber, number) }
    }
}
