package import SecureMeshCore

/// Returns the decoder's refusal of a datagram; nil if the decoder accepts it.
package func refusal(ofDatagram bytes: [UInt8]) -> Rejection? {
    do throws(Rejection) {
        _ = try Datagram(decoding: bytes.span)
        return nil
    } catch {
        return error
    }
}

/// Returns the refusal of a payload by the decoder of `kind`; nil if the decoder accepts it. For RETRY, which has no
/// payload, the result is nil.
package func refusal(of kind: Kind, payload: [UInt8]) -> Rejection? {
    do throws(Rejection) {
        _ = try reencoded(kind, payload: payload)
        return nil
    } catch {
        return error
    }
}

/// Decodes a payload and encodes it again.
package func reencoded(_ kind: Kind, payload: [UInt8]) throws(Rejection) -> [UInt8] {
    let span = payload.span
    return switch kind {
    case .hello: try Hello(decoding: span).encoded
    case .retry: payload
    case .welcome: try Welcome(decoding: span).encoded
    case .reject: try Reject(decoding: span).encoded
    case .confirm, .heartbeat: try Heartbeat(decoding: span).encoded
    case .resume: try Resume(decoding: span).encoded
    case .leave: try Leave(decoding: span).encoded
    case .pulse: try Pulse(decoding: span).encoded
    case .snapshot: try Snapshot(decoding: span).encoded
    case .delta: try Delta(decoding: span).encoded
    case .goodbye: try Goodbye(decoding: span).encoded
    case .message: try PeerMessage(decoding: span).encoded
    case .ack: try Acknowledgment(decoding: span).encoded
    }
}

/// Checks that the header of a datagram, decoded and encoded again, has the same bytes. Returns a description of the
/// flaw; nil if there is none, or if the decoder refuses the datagram.
package func flaw(ofDatagram bytes: [UInt8]) -> String? {
    guard let datagram = try? Datagram(decoding: bytes.span) else { return nil }
    let head = datagram.header.encode(size: datagram.size)
    guard head == Array(bytes.prefix(datagram.sealed.lowerBound)), datagram.sealed.upperBound == bytes.count else {
        return "the header of \(bytes.hex) is written again as \(head.hex)"
    }
    return nil
}

/// Checks that a payload, decoded and encoded again, has the same bytes. Returns a description of the flaw; nil if
/// there is none, or if the decoder refuses the payload.
package func flaw(of kind: Kind, payload: [UInt8]) -> String? {
    guard let again = try? reencoded(kind, payload: payload), again != payload else { return nil }
    return "\(kind): \(payload.hex) is written again as \(again.hex)"
}
