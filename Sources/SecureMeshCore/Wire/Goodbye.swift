/// GOODBYE: the server tells a member that it has ended the member's session.
package struct Goodbye: Payload {
    package enum Reason: UInt8, CaseIterable, Sendable {
        case replaced = 1
        case expired = 2
        case revoked = 3
        case misbehaved = 4
        case tooOld = 5
        case stopping = 6
    }

    package var session: SessionID
    package var reason: Reason

    package init(session: SessionID, reason: Reason) {
        self.session = session
        self.reason = reason
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        session = try reader.sessionID(span)
        guard let reason = Reason(rawValue: try reader.uint8(span)) else { throw .unknownReason }
        self.reason = reason
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        bytes.append(reason.rawValue)
    }
}
