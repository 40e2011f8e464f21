/// REJECT: the reason why the sender of a HELLO may not join, and the time after which it may ask again.
package struct Reject: Payload {
    package enum Reason: UInt8, CaseIterable, Sendable {
        case notAuthorized = 1
        case nameTaken = 2
        case addressTaken = 3
        case full = 4
        case busy = 5
    }

    package var reason: Reason
    /// The time, in seconds, for which the peer waits before it asks again. For `notAuthorized` it is 0, and the peer
    /// chooses the pause itself.
    package var retrySeconds: UInt16

    package init(reason: Reason, retrySeconds: UInt16) {
        self.reason = reason
        self.retrySeconds = retrySeconds
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        guard let reason = Reason(rawValue: try reader.uint8(span)) else { throw .unknownReason }
        self.reason = reason
        retrySeconds = try reader.uint16(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(reason.rawValue)
        bytes.append(bigEndian: retrySeconds)
    }
}
