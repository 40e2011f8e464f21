import SecureMesh
import Testing

@Suite("Vectors: joining")
struct VectorHandshakeTests {
    @Test(
        "HELLO is the vector's, byte for byte",
        arguments: [("hello", "e_a", "peer_a"), ("hello-cookie", "e_a2", "peer_a"), ("hello-b", "e_b", "peer_b")])
    func hello(_ name: String, ephemeralName: String, owner: String) throws {
        let world = try VectorWorld()
        let section = try VectorSection.named(name)
        let key = try world.keys.signingKey("\(owner)_seed")
        #expect(try section.publicKey("identity") == key.publicKey)
        let ephemeral = try world.keys.secret(ephemeralName)
        #expect(ephemeral.agreementPublicKey == (try section.agreementKey("E_p")))
        let d1 = try world.agree(ephemeral, world.keys.agreementKey("server_x"))
        #expect(d1.array == (try section.bytes("d1")))
        #expect(world.server.agree(with: ephemeral.agreementPublicKey)?.array == d1.array)
        let cookie = try section.cookie("cookie")
        let k0 = Handshake.helloKey(
            d1: d1, ephemeral: ephemeral.agreementPublicKey, cookie: cookie, server: world.server.publicKey)
        #expect(k0.array == (try section.bytes("k0")))

        try DatagramVector(
            section: section, world: world,
            header: Header(
                .hello, to: 0, from: 0, counter: 0, delivery: .cookie(cookie),
                clear: .agreementKey(ephemeral.agreementPublicKey)),
            body: Hello(identity: key.publicKey, name: try Fixture.name(section.text("name_text"))),
            signer: key, key: k0
        ).check()
        #expect(Handshake.tag(of: try section.bytes("datagram")) == (try section.tag()))
        section.expectAllRead()
    }

    @Test("RETRY is the vector's, byte for byte, and verifies")
    func retry() throws {
        let world = try VectorWorld()
        let section = try VectorSection.named("retry")
        let rotation = try section.number("rotation_u64")
        let cookie = try section.cookie("cookie")
        let payload = SignedPayload(
            .retry, from: world.epoch, clear: .rotation(rotation), payload: [], context: world.context,
            key: world.server)
        #expect(payload.signature.array == (try section.bytes("signature")))
        #expect(
            world.context.signedBytes(.retry, from: world.epoch, clear: .rotation(rotation), payload: [])
                == (try section.bytes("signed")))
        let datagram = try section.bytes("datagram")
        #expect(payload.unsealed(to: try section.tag(), delivery: .cookie(cookie)) == datagram)

        let decoded = try Datagram(decoding: datagram.span)
        let header = Header(
            .retry, to: try section.tag(), from: world.epoch, counter: 0, delivery: .cookie(cookie),
            clear: .rotation(rotation))
        #expect(decoded.header == header)
        #expect(decoded.header.encode(size: datagram.count) == Array(datagram.prefix(decoded.sealed.lowerBound)))
        #expect(try VerifiedRetry(datagram.span, decoded, in: world.context).cookie == cookie)
        #expect(cookie.array == (try section.bytes("delivery")))
        #expect([UInt8](bigEndian: rotation) == (try section.bytes("clear")))
        section.expectAllRead()
    }

    @Test(
        "WELCOME and its keys are the vector's",
        arguments: [("welcome", "hello", "e_a", "e_s_a"), ("welcome-b", "hello-b", "e_b", "e_s_b")])
    func welcome(_ name: String, helloName: String, peerSecret: String, serverSecret: String) throws {
        let world = try VectorWorld()
        let section = try VectorSection.named(name)
        let hello = try VectorSection.named(helloName)
        let (ours, theirs) = (try world.keys.secret(peerSecret), try world.keys.secret(serverSecret))
        let serverKey = theirs.agreementPublicKey
        #expect(serverKey == (try section.agreementKey("E_s")))
        let d1 = try #require(world.server.agree(with: ours.agreementPublicKey))
        let d2 = try world.agree(theirs, ours.agreementPublicKey)
        #expect(d1.array == (try section.bytes("d1")))
        #expect(d2.array == (try section.bytes("d2")))
        #expect(ours.agree(with: serverKey)?.array == d2.array)
        let transcript = world.context.transcript(
            .transcript, hello: try hello.bytes("datagram"), last: serverKey.bytes)
        #expect(transcript == (try section.bytes32("T")))
        let k1 = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        #expect(k1.array == (try section.bytes("k1")))

        let session = try section.session("session_u64")
        try checkSessionKeys(section, world, d1, d2, transcript, session)
        var body = Welcome(
            session: session, token: try section.number("token_u64"),
            parameters: .init(heartbeat: .zero, lifetime: .zero, trust: .zero, rekey: .zero),
            address: try section.address("addr"))
        body.heartbeatMilliseconds = try section.short("heartbeat_ms_u64")
        body.lifetimeMilliseconds = try section.short("lifetime_ms_u64")
        body.trustSeconds = try section.short("trust_s_u64")
        body.rekeySeconds = try section.short("rekey_s_u64")
        try DatagramVector(
            section: section, world: world,
            header: Header(
                .welcome, to: try section.tag(), from: world.epoch, counter: 0, clear: .agreementKey(serverKey)),
            body: body, signer: world.server, key: k1, extra: .transcript(transcript)
        ).check()
        section.expectAllRead()
    }

    private func checkSessionKeys(
        _ section: VectorSection, _ world: VectorWorld, _ d1: Secret32, _ d2: Secret32, _ transcript: Bytes32,
        _ session: SessionID
    ) throws {
        let input = SecretInput()
        input.append(d2)
        input.append(d1)
        input.append(transcript)
        let master = Sodium.derive(.master, input).array
        #expect(master == (try section.bytes("master")))
        #expect(
            master + [UInt8](bigEndian: session.rawValue) + [UInt8](bigEndian: world.epoch) == (try section.bytes("J")))
        let keys = Handshake.sessionKeys(
            d1: d1, d2: d2, transcript: transcript, session: session, epoch: world.epoch)
        #expect(keys.peerToServer.array == (try section.bytes("k_p2s")))
        #expect(keys.serverToPeer.array == (try section.bytes("k_s2p")))
        #expect(keys.binder.array == (try section.bytes("binder")))
    }

    @Test("REJECT and its key are the vector's")
    func reject() throws {
        let world = try VectorWorld()
        let section = try VectorSection.named("reject")
        let hello = try VectorSection.named("hello").bytes("datagram")
        let salt = try section.bytes32("salt")
        let d1 = try world.agree(world.keys.secret("e_a"), world.keys.agreementKey("server_x"))
        #expect(d1.array == (try section.bytes("d1")))
        let transcript = world.context.transcript(.transcriptReject, hello: hello, last: salt)
        #expect(transcript == (try section.bytes32("T_r")))
        let key = Handshake.rejectKey(d1: d1, transcript: transcript)
        #expect(key.array == (try section.bytes("k_rej")))
        let reason = try #require(Reject.Reason(rawValue: UInt8(clamping: section.number("reason_u64"))))
        try DatagramVector(
            section: section, world: world,
            header: Header(.reject, to: try section.tag(), from: world.epoch, counter: 0, clear: .salt(salt)),
            body: Reject(reason: reason, retrySeconds: try section.short("retry_s_u64")),
            signer: world.server, key: key, extra: .transcript(transcript)
        ).check()
        section.expectAllRead()
    }
}
