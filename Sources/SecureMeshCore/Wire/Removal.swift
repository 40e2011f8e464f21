/// A session that a DELTA removes, with the reason (PROTOCOL.md, section 4.3).
package struct Removal: Hashable, Sendable {
    package var session: SessionID
    /// The reason why the server ended the session; nil if the member left.
    package var reason: Goodbye.Reason?

    package init(_ session: SessionID, _ reason: Goodbye.Reason?) {
        self.session = session
        self.reason = reason
    }

    /// Reads a removal.
    ///
    /// - Throws: `unknownReason` for a reason above 6, `invalidSessionIDs` for session 0, `payloadLengthMismatch`.
    init(decoding reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        session = try reader.sessionID(span)
        let code = try reader.uint8(span)
        guard code != Self.left else { return }
        guard let reason = Goodbye.Reason(rawValue: code) else { throw .unknownReason }
        self.reason = reason
    }

    func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        bytes.append(reason?.rawValue ?? Self.left)
    }

    private static let left: UInt8 = 0
    package static let encodedSize = 9
}
