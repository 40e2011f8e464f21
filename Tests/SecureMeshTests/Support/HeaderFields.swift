import SecureMesh

/// Gives the open fields of a header as properties. A property is nil if the kind of datagram does not have the field.
extension Header {
    var cookie: Bytes16? {
        switch fields {
        case .hello(let cookie, _), .retry(let cookie, _): cookie
        default: nil
        }
    }

    var ephemeral: AgreementPublicKey? {
        switch fields {
        case .hello(_, let key), .welcome(let key), .resume(let key): key
        default: nil
        }
    }

    var salt: Bytes32? {
        if case .reject(let salt) = fields { salt } else { nil }
    }

    var echo: UInt64? {
        if case .pulse(let echo, _) = fields { echo } else { nil }
    }

    var token: UInt64? {
        if case .pulse(_, let token) = fields { token } else { nil }
    }
}

extension Joining {
    /// Handles the answer to a HELLO in the same way as `Peer` does.
    mutating func handle(
        _ answer: [UInt8], own: [SessionID] = [], now: Instant, random: inout RandomSource
    ) throws(Rejection) -> JoinAction {
        let datagram = try Datagram(decoding: answer.span)
        let kind: JoinAnswer
        switch datagram.header.fields {
        case .retry(let cookie, _): kind = .retry(cookie: cookie)
        case .welcome(let ephemeral): kind = .welcome(ephemeral: ephemeral)
        case .reject(let salt): kind = .reject(salt: salt)
        default: throw .misdirected
        }
        return try handle(kind, answer.span, datagram, own: own, now: now, random: &random)
    }
}
