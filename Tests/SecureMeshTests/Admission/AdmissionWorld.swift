import SecureMesh
import SelfTest
import Testing

/// A server's gates, and a joiner who makes each of its datagrams by hand.
struct AdmissionWorld {
    var admission: ServerAdmission
    /// The joiner's.
    var path = Path(remote: Fixture.address(1))

    static let parameters = Welcome.Parameters(
        heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
        trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey)

    init(seed: UInt64 = 1) {
        admission = ServerAdmission(
            key: Fixture.serverKey, bound: [SocketAddress(ip: .v4(0), port: 3_000)], random: .seeded(seed), now: .start)
    }

    mutating func admit(
        _ bytes: [UInt8], from path: Path? = nil, now: Instant = .start
    ) -> ServerAdmission.Verdict {
        admission.admit(bytes.span, path: path ?? self.path, now: now)
    }

    /// Nil if the bytes were not refused.
    mutating func refusal(of bytes: [UInt8], from path: Path? = nil, now: Instant = .start) -> Rejection? {
        if case .refused(let rejection) = admit(bytes, from: path, now: now) { rejection } else { nil }
    }

    /// The bytes that were sent back; nil if none were.
    mutating func answer(to bytes: [UInt8], from path: Path? = nil, now: Instant = .start) -> [UInt8]? {
        if case .answer(let answer) = admit(bytes, from: path, now: now) { answer } else { nil }
    }

    /// Whether the bytes passed all gates as a HELLO.
    mutating func isServed(_ hello: [UInt8], from path: Path? = nil, now: Instant = .start) -> Bool {
        if case .hello = admit(hello, from: path, now: now) { true } else { false }
    }

    /// A HELLO and what its WELCOME gives.
    struct Joiner {
        var key = Fixture.peerKey
        var ephemeral = Fixture.secret(20)
        var cookie = Bytes16.zero
        var context = Fixture.context
        /// What the HELLO names; nil: the key it is signed with.
        var identity: PublicKey?

        func hello() throws -> [UInt8] {
            let converted = try #require(Sodium.agreementKey(of: context.server))
            let d1 = try #require(ephemeral.agree(with: converted))
            let clear = ephemeral.agreementPublicKey
            let body = Hello(identity: identity ?? key.publicKey, name: try Fixture.name("peer"))
            return Signer(key: key, context: context, from: 0).sign(.hello, body, clear: .agreementKey(clear)).sealed(
                to: 0, counter: 0, delivery: .cookie(cookie),
                with: Handshake.helloKey(d1: d1, ephemeral: clear, cookie: cookie, server: context.server))
        }
    }

    /// A session as its peer has it after WELCOME.
    struct Opened {
        let session: UInt64
        let epoch: UInt64
        let token: UInt64
        let keys: SessionKeys
        let key: SigningKey

        func seal(
            _ kind: Kind, _ body: some Payload, counter: UInt64, signedBy other: SigningKey? = nil,
            extra: SigningContext.Extra = .none
        ) -> [UInt8] {
            Signer(key: other ?? key, context: Fixture.context, from: session).sign(kind, body, extra: extra)
                .sealed(to: epoch, counter: counter, with: keys.peerToServer)
        }

        func confirm(
            _ change: (inout Heartbeat) -> Void = { _ in }, counter: UInt64 = 1, signedBy other: SigningKey? = nil
        ) -> [UInt8] {
            var body = Heartbeat(number: 1, token: token, version: 0, part: 0)
            change(&body)
            return seal(.confirm, body, counter: counter, signedBy: other, extra: .binder(keys.binder))
        }

        func heartbeat(_ number: UInt64, counter: UInt64, signedBy other: SigningKey? = nil) -> [UInt8] {
            let body = Heartbeat(number: number, token: 0, version: 1, part: 0)
            return seal(.heartbeat, body, counter: counter, signedBy: other)
        }
    }

    /// HELLO and WELCOME.
    mutating func welcomed(_ joiner: Joiner = Joiner(), now: Instant = .start) throws -> Opened {
        let hello = try joiner.hello()
        guard case .hello(let request) = admit(hello, now: now),
            let welcome = admission.welcome(request, parameters: Self.parameters, now: now, unless: { _ in false })
        else { throw FixtureError(text: "no WELCOME") }
        let datagram = try Datagram(decoding: welcome.span)
        guard case .agreementKey(let serverKey) = datagram.header.clear else { throw FixtureError(text: "no key") }
        let d1 = try #require(Fixture.serverKey.agree(with: joiner.ephemeral.agreementPublicKey))
        let d2 = try #require(joiner.ephemeral.agree(with: serverKey))
        let transcript = Fixture.context.transcript(.transcript, hello: hello, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        let body = try SecureMesh.Opened<Welcome>(welcome.span, datagram, key: key)
            .verified(by: Fixture.serverKey.publicKey, in: Fixture.context, extra: .transcript(transcript)).body
        #expect(datagram.header.to == Handshake.tag(of: hello))
        #expect(body.address == path.remote)
        return Opened(
            session: body.session.rawValue, epoch: datagram.header.from, token: body.token,
            keys: Handshake.sessionKeys(
                d1: d1, d2: d2, transcript: transcript, session: body.session, epoch: datagram.header.from),
            key: joiner.key)
    }

    /// HELLO, WELCOME and CONFIRM.
    mutating func joined() throws -> Opened {
        let opened = try welcomed()
        guard case .confirm(let confirm, let ticket, let counter) = admit(opened.confirm()) else {
            throw FixtureError(text: "no CONFIRM")
        }
        admission.begin(ticket, counter: counter, number: confirm.body.number)
        return opened
    }
}
