package import SecureMeshCore

extension OpenFields {
    /// Creates the open fields of a datagram. Computes only the values that a datagram of `kind` has, in their order.
    package init(
        _ kind: Kind, cookie: @autoclosure () -> Bytes16, ephemeral: @autoclosure () -> AgreementPublicKey,
        rotation: @autoclosure () -> UInt64, salt: @autoclosure () -> Bytes32, echo: @autoclosure () -> UInt64,
        token: @autoclosure () -> UInt64
    ) {
        self =
            switch kind {
            case .hello: .hello(cookie: cookie(), ephemeral: ephemeral())
            case .retry: .retry(cookie: cookie(), rotation: rotation())
            case .welcome: .welcome(ephemeral: ephemeral())
            case .reject: .reject(salt: salt())
            case .confirm: .confirm
            case .resume: .resume(ephemeral: ephemeral())
            case .heartbeat: .heartbeat
            case .leave: .leave
            case .pulse: .pulse(echo: echo(), token: token())
            case .snapshot: .snapshot
            case .delta: .delta
            case .goodbye: .goodbye
            case .message: .message
            case .ack: .ack
            }
    }
}
