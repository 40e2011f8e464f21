/// The payload of a datagram: one type per kind, except RETRY, which has none (PROTOCOL.md, section 4).
///
/// Its fields are authentic only inside a `Verified`.
package protocol Payload: Hashable, Sendable {
    /// Decodes all of `span`. A payload has exactly one encoding.
    ///
    /// - Throws: The refusal of any other bytes.
    init(decoding span: Span<UInt8>) throws(Rejection)

    /// Appends the encoding.
    func append(to bytes: inout [UInt8])
}

extension Payload {
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        // Enough for all payloads but those with entries or a body, and for a signature behind them.
        bytes.reserveCapacity(128)
        append(to: &bytes)
        return bytes
    }
}

/// A payload with a number that rises from one datagram of its session to the next.
package protocol NumberedPayload: Payload {
    var number: UInt64 { get }
}
