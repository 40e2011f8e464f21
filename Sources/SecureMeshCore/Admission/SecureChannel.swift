/// One end of a session: keys, the counter it sends with, the window it receives through.
package struct SecureChannel: Sendable {
    package let receiveKey: Secret32
    package let sendKey: Secret32
    private(set) package var window = ReplayWindow()
    private var sent: UInt64
    /// The highest number among what was accepted.
    private(set) package var newestNumber: UInt64 = 0

    /// `sent` counters are used up already: none, for the keys of a new session.
    package init(receiveKey: Secret32, sendKey: Secret32, sent: UInt64 = 0) {
        self.receiveKey = receiveKey
        self.sendKey = sendKey
        self.sent = sent
    }

    /// The datagram, under the next counter; nil once 2^48 of them are used up, and then the session is dead.
    package mutating func seal(_ payload: SignedPayload, to: UInt64, delivery: Header.Delivery = .none) -> [UInt8]? {
        guard sent + 1 < ProtocolConstants.counterLimit else { return nil }
        sent += 1
        return payload.sealed(to: to, counter: sent, delivery: delivery, with: sendKey)
    }

    /// Looks at the window, opens and decodes. Changes nothing: `accept` commits, after the signature.
    package func open<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, by primitives: any Primitives = Libsodium()
    ) throws(Rejection) -> Opened<Body> {
        if let refusal = window.refusal(of: datagram.header.counter) { throw refusal }
        return try Opened(span, datagram, key: receiveKey, by: primitives)
    }

    /// Refuses a number that does not rise.
    package func checkNumber(_ number: UInt64) throws(Rejection) {
        guard number > newestNumber else { throw .numberStale }
    }

    package mutating func accept(counter: UInt64, number: UInt64? = nil) {
        window.accept(counter)
        if let number { newestNumber = max(newestNumber, number) }
    }
}
