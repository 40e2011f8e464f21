import MeshSimulator
import SecureMesh
import SelfTest

/// A valid datagram of each kind, made with the keys of `Fixture`. Its receiver derives the session keys from the
/// fields of the datagram.
extension Sample {
    static func all() throws -> [Sample] {
        try Kind.allCases.map { try of($0) }
    }

    static func of(_ kind: Kind) throws -> Sample {
        let (joiner, server) = try handshake()
        let entry = try Entry.sample(77)
        let heartbeat = Heartbeat(number: 2, token: 3, version: 4, part: 5)
        switch kind {
        case .hello: return try sample(joiner.attempt?.hello) { bytes throws(Rejection) in _ = try Self.server(bytes) }
        case .retry:
            return try sample(server.retry(cookie: cookie, rotation: 3)) { bytes throws(Rejection) in
                _ = try VerifiedRetry(bytes, in: Fixture.context)
            }
        case .welcome:
            return try sample(server.welcome) { bytes throws(Rejection) in
                var joiner = joiner
                try joiner.open(welcome: bytes)
            }
        case .reject:
            let reject = server.reject(Reject(reason: .full, retrySeconds: 9), salt: Fixture.digest(8))
            return try sample(reject) { bytes throws(Rejection) in _ = try joiner.open(reject: bytes) }
        case .confirm:
            return try sample(joiner.draft(.confirm, heartbeat)) { bytes throws(Rejection) in
                _ = try server.open(Heartbeat.self, bytes)
            }
        case .resume:
            var server = server
            let resume = try server.resume(start: 2, epoch: Fixture.epoch + 1, ephemeral: Fixture.secret(12))
            return try sample(resume) { bytes throws(Rejection) in
                var joiner = joiner
                try joiner.open(resume: bytes)
            }
        case .heartbeat:
            return try sample(joiner.draft(.heartbeat, heartbeat)) { bytes throws(Rejection) in
                _ = try server.open(Heartbeat.self, bytes)
            }
        case .leave:
            return try sample(joiner.draft(.leave, Leave(number: 3))) { bytes throws(Rejection) in
                _ = try server.open(Leave.self, bytes)
            }
        case .pulse:
            return try toPeer(.pulse(echo: 2, token: 5), Pulse(number: 4, version: 6))
        case .snapshot: return try toPeer(.snapshot, Snapshot(version: 6, part: 0, parts: 1, entries: [entry]))
        case .delta: return try toPeer(.delta, Delta(from: 6, removed: try sessions(5), added: [entry]))
        case .goodbye: return try toPeer(.goodbye, Goodbye(session: server.session, reason: .expired))
        case .message:
            var sender = joiner
            let body = PeerMessage(audience: Fixture.otherKey.publicKey, number: 1, body: Array("hello".utf8))
            return try toMember(sender.message(body, to: entry), PeerMessage.self, sender, entry)
        case .ack:
            var sender = joiner
            return try toMember(sender.acknowledgment(of: 1, to: entry), Acknowledgment.self, sender, entry)
        }
    }

    private static func toMember<Body: Payload>(
        _ datagram: ForgedDatagram?, _ body: Body.Type, _ sender: ScriptedPeer, _ receiver: Entry
    ) throws -> Sample {
        let key = sender.pairKey(with: receiver, isSending: true)
        return try sample(datagram) { bytes throws(Rejection) in
            guard let key else { throw .agreementFailed }
            _ = try Opened<Body>(bytes.span, Datagram(decoding: bytes.span), key: key, by: Libsodium())
                .verified(by: Fixture.peerKey.publicKey, in: Fixture.context)
        }
    }

    private static let cookie = Bytes16([UInt8](1...16).span)

    /// Returns a peer that has opened a WELCOME, and the server that sent this WELCOME.
    private static func handshake() throws -> (ScriptedPeer, ScriptedServer) {
        var joiner = ScriptedPeer(key: Fixture.peerKey, name: try Fixture.name("peer"), context: Fixture.context)
        let server = try server(
            joiner.hello(from: Fixture.address(1), ephemeral: Fixture.secret(10), cookie: cookie))
        try joiner.open(welcome: server.welcome.bytes)
        return (joiner, server)
    }

    private static func server(_ hello: [UInt8]) throws(Rejection) -> ScriptedServer {
        guard let session = SessionID(rawValue: Fixture.peerSession) else { throw .invalidSessionIDs }
        return try ScriptedServer(
            key: Fixture.serverKey, context: Fixture.context, hello: hello, from: Fixture.address(1), session: session,
            epoch: Fixture.epoch, ephemeral: Fixture.secret(11))
    }

    private static func toPeer<Body: Payload>(_ fields: OpenFields, _ body: Body) throws -> Sample {
        let (joiner, server) = try handshake()
        return try sample(server.draft(fields, body, counter: 7)) { bytes throws(Rejection) in
            _ = try joiner.open(Body.self, bytes)
        }
    }

    private static func sample(
        _ datagram: ForgedDatagram?, receive: @escaping @Sendable ([UInt8]) throws(Rejection) -> Void
    ) throws -> Sample {
        guard let datagram else { throw FixtureError(text: "no datagram") }
        return Sample(nil, datagram, receive: receive)
    }
}
