import SecureMesh
import Testing

/// What the decoder says of a whole datagram; nil: it accepts.
func refusal(ofDatagram bytes: [UInt8]) -> Rejection? {
    do throws(Rejection) {
        _ = try Datagram(decoding: bytes.span)
        return nil
    } catch {
        return error
    }
}

/// What the payload decoder of a kind says; nil: it accepts. RETRY has no payload.
func refusal(of kind: Kind, payload: [UInt8]) -> Rejection? {
    do throws(Rejection) {
        _ = try reencoded(kind, payload: payload)
        return nil
    } catch {
        return error
    }
}

/// The payload decoded and encoded again.
func reencoded(_ kind: Kind, payload: [UInt8]) throws(Rejection) -> [UInt8] {
    let span = payload.span
    return switch kind {
    case .hello: try Hello(decoding: span).encoded
    case .retry: payload
    case .welcome: try Welcome(decoding: span).encoded
    case .reject: try Reject(decoding: span).encoded
    case .confirm, .heartbeat: try Heartbeat(decoding: span).encoded
    case .leave: try Leave(decoding: span).encoded
    case .pulse: try Pulse(decoding: span).encoded
    case .snapshot: try Snapshot(decoding: span).encoded
    case .delta: try Delta(decoding: span).encoded
    case .goodbye: try Goodbye(decoding: span).encoded
    case .message: try PeerMessage(decoding: span).encoded
    }
}

/// Expects `body` to refuse with exactly `expected`.
func expectRefusal<Value>(
    _ expected: Rejection, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws(Rejection) -> Value
) {
    do throws(Rejection) {
        _ = try body()
        Issue.record("was accepted, not refused as \(expected)", sourceLocation: sourceLocation)
    } catch {
        #expect(error == expected, comment, sourceLocation: sourceLocation)
    }
}
