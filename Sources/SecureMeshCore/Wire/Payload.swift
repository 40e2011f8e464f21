/// The payload of a datagram: one type per kind, except RETRY, which has none (PROTOCOL.md, section 4).
///
/// The fields of a payload are authenticated only if the payload is inside a `Verified`.
package protocol Payload: Hashable, Sendable {
    /// Decodes all of `span`. A payload has exactly one encoding.
    ///
    /// - Throws: The reason why `span` is not the encoding of a payload of this type.
    init(decoding span: Span<UInt8>) throws(Rejection)

    /// Appends the encoding.
    func append(to bytes: inout [UInt8])
}

extension Payload {
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        // Enough for a payload and the signature that follows it, except in HELLO and in kinds with entries or a body.
        bytes.reserveCapacity(128)
        append(to: &bytes)
        return bytes
    }
}

/// A payload with a number: CONFIRM, HEARTBEAT, LEAVE and PULSE. The number rises with each payload that the sender
/// signs (PROTOCOL.md, section 3.2).
package protocol NumberedPayload: Payload {
    var number: UInt64 { get }
}
