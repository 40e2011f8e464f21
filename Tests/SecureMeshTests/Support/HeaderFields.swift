import SecureMesh

/// Gives each open field of a header a name. A field is nil if the kind does not have it.
extension Header {
    var cookie: Bytes16? {
        switch fields {
        case .hello(let cookie, _), .retry(let cookie, _): cookie
        default: nil
        }
    }

    var ephemeral: AgreementPublicKey? {
        switch fields {
        case .hello(_, let key), .welcome(let key): key
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
    /// Handles the answer to a HELLO as `Peer` does.
    mutating func handle(
        _ answer: [UInt8], current: SessionID? = nil, now: Instant, random: inout RandomSource
    ) throws(Rejection) -> JoinAction {
        let datagram = try Datagram(decoding: answer.span)
        let kind: JoinAnswer
        switch datagram.header.fields {
        case .retry(let cookie, _): kind = .retry(cookie: cookie)
        case .welcome(let ephemeral): kind = .welcome(ephemeral: ephemeral)
        case .reject(let salt): kind = .reject(salt: salt)
        default: throw .misdirected
        }
        return try handle(kind, answer.span, datagram, current: current, now: now, random: &random)
    }
}
