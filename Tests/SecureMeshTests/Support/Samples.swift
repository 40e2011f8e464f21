import SecureMesh
import SelfTest

/// Makes a sample of each kind from the fixtures.
extension Sample {
    static func all() throws -> [Sample] {
        try Kind.allCases.map { try of($0) }
    }

    static func of(_ kind: Kind) throws -> Sample {
        switch kind {
        case .hello: try hello()
        case .retry: retry()
        case .welcome: try welcome()
        case .reject: try reject()
        case .confirm: toServer(.confirm, heartbeat, extra: .binder(Fixture.secret(9)))
        case .heartbeat: toServer(.heartbeat, heartbeat)
        case .leave: toServer(.leave, Leave(number: 3))
        case .pulse: toPeer(.pulse(echo: 2), Pulse(number: 4, token: 5, version: 6))
        case .snapshot: toPeer(.snapshot, Snapshot(version: 6, part: 0, parts: 1, entries: [try Fixture.entry(77)]))
        case .delta:
            toPeer(
                .delta, Delta(from: 6, removed: [try Fixture.session(5)], added: [try Fixture.entry(77)]))
        case .goodbye:
            toPeer(.goodbye, Goodbye(session: try Fixture.session(Fixture.peerSession), reason: .expired))
        case .message: message()
        }
    }

    private init(
        _ body: some Payload, _ header: Header, signedBy key: SigningKey, sealedWith seal: Secret32,
        extra: SigningContext.Extra = .none,
        keys: @escaping @Sendable (Header) throws(Rejection) -> (Secret32, SigningContext.Extra)
    ) {
        self.init(
            "\(header.kind)", body, header, in: Fixture.context, signedBy: key, sealedWith: seal, extra: extra,
            keys: keys)
    }

    private static let heartbeat = Heartbeat(number: 2, token: 3, version: 4, part: 5)

    private static func toServer(
        _ fields: OpenFields, _ body: some Payload, extra: SigningContext.Extra = .none
    ) -> Sample {
        let header = Header(fields, to: Fixture.epoch, from: Fixture.peerSession, counter: 7)
        let key = Fixture.secret(4)
        return Sample(body, header, signedBy: Fixture.peerKey, sealedWith: key, extra: extra) { _ in (key, extra) }
    }

    private static func toPeer(_ fields: OpenFields, _ body: some Payload) -> Sample {
        let header = Header(fields, to: Fixture.peerSession, from: Fixture.epoch, counter: 7)
        let key = Fixture.secret(5)
        return Sample(body, header, signedBy: Fixture.serverKey, sealedWith: key) { _ in (key, .none) }
    }

    private static func message() -> Sample {
        let header = Header(.message, to: Fixture.otherSession, from: Fixture.peerSession, counter: 7)
        let body = PeerMessage(audience: Fixture.otherKey.publicKey, number: 1, body: Array("hello".utf8))
        let key = Fixture.secret(6)
        return Sample(body, header, signedBy: Fixture.peerKey, sealedWith: key) { _ in (key, .none) }
    }

    private static func retry() -> Sample {
        let signed = SignedPayload(
            .retry(cookie: Bytes16([UInt8](1...16).span), rotation: 3), from: Fixture.epoch, payload: [],
            context: Fixture.context, key: Fixture.serverKey)
        return Sample("retry", retry: signed.unsealed(to: 99, as: signed.fields), in: Fixture.context)
    }
}

// The kinds of the handshake. Their receiver derives the key from the open fields that it has received.
extension Sample {
    private static let ephemeral = Fixture.secret(10)
    private static let serverEphemeral = Fixture.secret(11)

    private static func helloKey(_ header: Header) throws(Rejection) -> Secret32 {
        guard let key = header.ephemeral, let cookie = header.cookie else {
            throw .unknownKind
        }
        guard let d1 = Fixture.serverKey.agree(with: key) else { throw .agreementFailed }
        return Handshake.helloKey(d1: d1, ephemeral: key, cookie: cookie, server: Fixture.serverKey.publicKey)
    }

    private static func hello() throws -> Sample {
        let header = Header(
            .hello(cookie: Bytes16([UInt8](1...16).span), ephemeral: ephemeral.agreementPublicKey), to: 0, from: 0,
            counter: 0)
        let body = Hello(identity: Fixture.peerKey.publicKey, name: try Fixture.name("peer"))
        return Sample(body, header, signedBy: Fixture.peerKey, sealedWith: try helloKey(header)) {
            (header: Header) throws(Rejection) in (try helloKey(header), .none)
        }
    }

    private static func d1() throws(Rejection) -> Secret32 {
        guard let d1 = Fixture.serverKey.agree(with: ephemeral.agreementPublicKey) else { throw .agreementFailed }
        return d1
    }

    private static func welcomeKey(
        _ header: Header, _ hello: [UInt8]
    ) throws(Rejection) -> (Secret32, SigningContext.Extra) {
        guard let key = header.ephemeral else { throw .unknownKind }
        guard let d2 = ephemeral.agree(with: key) else { throw .agreementFailed }
        let transcript = Fixture.context.transcript(.transcript, hello: hello, last: key.bytes)
        return (Handshake.welcomeKey(d1: try d1(), d2: d2, transcript: transcript), .transcript(transcript))
    }

    private static func welcome() throws -> Sample {
        let hello = try hello().bytes
        let header = Header(
            .welcome(ephemeral: serverEphemeral.agreementPublicKey), to: Handshake.tag(of: hello), from: Fixture.epoch,
            counter: 0)
        let body = Welcome(
            session: try Fixture.session(Fixture.peerSession), token: 12,
            parameters: .init(
                heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
                trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey),
            address: Fixture.address(1))
        let (key, extra) = try welcomeKey(header, hello)
        return Sample(body, header, signedBy: Fixture.serverKey, sealedWith: key, extra: extra) {
            (header: Header) throws(Rejection) in try welcomeKey(header, hello)
        }
    }

    private static func rejectKey(
        _ header: Header, _ hello: [UInt8]
    ) throws(Rejection) -> (Secret32, SigningContext.Extra) {
        guard let salt = header.salt else { throw .unknownKind }
        let transcript = Fixture.context.transcript(.transcriptReject, hello: hello, last: salt)
        return (Handshake.rejectKey(d1: try d1(), transcript: transcript), .transcript(transcript))
    }

    private static func reject() throws -> Sample {
        let hello = try hello().bytes
        let header = Header(
            .reject(salt: Fixture.digest(8)), to: Handshake.tag(of: hello), from: Fixture.epoch, counter: 0)
        let (key, extra) = try rejectKey(header, hello)
        return Sample(
            Reject(reason: .full, retrySeconds: 9), header, signedBy: Fixture.serverKey, sealedWith: key, extra: extra
        ) { (header: Header) throws(Rejection) in try rejectKey(header, hello) }
    }
}
