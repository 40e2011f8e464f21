import SecureMesh
import SelfTest
import Testing

/// A server's gates without a registry, and joiners whose datagrams are made step by step.
struct AdmissionWorld {
    /// The outcome of a datagram at the gates.
    enum Verdict {
        case refused(Rejection)
        case hello(HandshakeGate.HelloAnswer)
        case confirm(ConfirmedTicket)
        case member(MemberSessions.Admitted)
    }

    /// Lets anyone in, or no one.
    struct Policy: JoinPolicy {
        var memberShare: Int64 = 0
        var reject: Reject?
        /// Returns true for the numbers that no new session may have.
        var isSeen: (SessionID) -> Bool = { _ in false }

        func refusal(of _: PublicKey, as _: PeerName, at _: SocketAddress, now _: Instant) -> Reject? { reject }
        func hasSeen(_ session: SessionID) -> Bool { isSeen(session) }
    }

    var gate: HandshakeGate
    var sessions: MemberSessions
    var policy = Policy()
    var random: RandomSource
    let signer: Signer
    /// The joiner's.
    var path = Path(remote: Fixture.address(1))

    static let parameters = Welcome.Parameters(
        heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
        trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey)

    init(seed: UInt64 = 1) {
        random = .seeded(seed)
        let epoch = random.sessionID { _ in false }
        signer = Signer(key: Fixture.serverKey, context: Fixture.context, from: epoch.rawValue)
        gate = HandshakeGate(
            signer: signer, bound: [SocketAddress(ip: .v4(0), port: 3_000)], parameters: Self.parameters,
            random: &random, now: .start)
        sessions = MemberSessions(
            signer: signer, heartbeatInterval: ProtocolConstants.heartbeatInterval,
            lifetime: ProtocolConstants.lifetime, now: .start)
    }

    mutating func admit(_ bytes: [UInt8], from path: Path? = nil, now: Instant = .start) -> Verdict {
        let path = path ?? self.path
        do throws(Rejection) {
            let datagram = try Datagram(decoding: bytes.span)
            switch datagram.header.fields {
            case .hello(let cookie, let ephemeral):
                return .hello(
                    try gate.admitHello(
                        bytes.span, datagram, cookie: cookie, ephemeral: ephemeral, path: path, policy: policy,
                        random: &random, now: now))
            case .confirm:
                return .confirm(
                    try gate.admitConfirm(bytes.span, datagram, path: path, policy: policy, now: now))
            default:
                return .member(try sessions.admit(bytes.span, datagram, path: path, now: now))
            }
        } catch {
            return .refused(error)
        }
    }

    /// Nil if the bytes were not refused.
    mutating func refusal(of bytes: [UInt8], from path: Path? = nil, now: Instant = .start) -> Rejection? {
        if case .refused(let rejection) = admit(bytes, from: path, now: now) { rejection } else { nil }
    }

    /// The RETRY that was sent back, or the WELCOME that was sent again; nil if neither was.
    mutating func answer(to bytes: [UInt8], from path: Path? = nil, now: Instant = .start) -> [UInt8]? {
        switch admit(bytes, from: path, now: now) {
        case .hello(.retry(let bytes)), .hello(.repeatedWelcome(let bytes)): bytes
        default: nil
        }
    }

    /// The WELCOME that the bytes got for the first time; nil if they got none.
    mutating func welcome(for hello: [UInt8], from path: Path? = nil, now: Instant = .start) -> [UInt8]? {
        if case .hello(.welcome(let bytes)) = admit(hello, from: path, now: now) { bytes } else { nil }
    }

    /// Passes a HELLO through all gates and has the policy reject it, so that it leaves no ticket.
    mutating func isRejected(_ hello: [UInt8], from path: Path? = nil, now: Instant = .start) -> Bool {
        policy.reject = Reject(reason: .full, retrySeconds: 10)
        defer { policy.reject = nil }
        if case .hello(.reject(_, _, .full)) = admit(hello, from: path, now: now) { return true }
        return false
    }

    /// The newest number heard from a member, as the next PULSE to it would echo it.
    mutating func newestNumber(of session: SessionID) throws -> UInt64 {
        let pulse = signer.sign(.pulse(echo: 0), Pulse(number: 1, token: 2, version: 3))
        let transmit = sessions.seal(pulse, for: session)
        let bytes = try #require(transmit).bytes
        let header = try Datagram(decoding: bytes.span).header
        guard let number = header.echo else { throw FixtureError(text: "no echo") }
        return number
    }

    /// A HELLO and what its WELCOME gives.
    struct Joiner {
        var key = Fixture.peerKey
        var ephemeral = Fixture.secret(20)
        var cookie = Bytes16.zero
        var context = Fixture.context
        /// The identity in the HELLO; nil for the key that signs it.
        var identity: PublicKey?

        func hello() throws -> [UInt8] {
            let converted = try #require(Sodium.agreementKey(of: context.server))
            let d1 = try #require(ephemeral.agree(with: converted))
            let clear = ephemeral.agreementPublicKey
            let body = Hello(identity: identity ?? key.publicKey, name: try Fixture.name("peer"))
            return Signer(key: key, context: context, from: 0).sign(.hello(cookie: cookie, ephemeral: clear), body)
                .sealed(
                    to: 0, counter: 0,
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
            _ fields: OpenFields, _ body: some Payload, counter: UInt64, signedBy other: SigningKey? = nil,
            extra: SigningContext.Extra = .none
        ) -> [UInt8] {
            Signer(key: other ?? key, context: Fixture.context, from: session).sign(fields, body, extra: extra)
                .sealed(to: epoch, counter: counter, with: keys.peerToServer)
        }

        func confirm(
            _ change: (inout Heartbeat) -> Void = { _ in }, counter: UInt64 = 1, signedBy other: SigningKey? = nil
        ) -> [UInt8] {
            var body = Heartbeat(number: 1, token: token, version: 0, part: 0)
            change(&body)
            return seal(.confirm, body, counter: counter, signedBy: other, extra: .binder(keys.binder))
        }

        func heartbeat(
            _ number: UInt64, counter: UInt64, token: UInt64 = 0, signedBy other: SigningKey? = nil
        ) -> [UInt8] {
            let body = Heartbeat(number: number, token: token, version: 1, part: 0)
            return seal(.heartbeat, body, counter: counter, signedBy: other)
        }
    }

    /// HELLO and WELCOME.
    mutating func welcomed(_ joiner: Joiner = Joiner(), now: Instant = .start) throws -> Opened {
        let hello = try joiner.hello()
        guard let welcome = welcome(for: hello, now: now) else { throw FixtureError(text: "no WELCOME") }
        let datagram = try Datagram(decoding: welcome.span)
        guard let serverKey = datagram.header.ephemeral else { throw FixtureError(text: "no key") }
        let d1 = try #require(Fixture.serverKey.agree(with: joiner.ephemeral.agreementPublicKey))
        let d2 = try #require(joiner.ephemeral.agree(with: serverKey))
        let transcript = Fixture.context.transcript(.transcript, hello: hello, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        let body = try SecureMesh.Opened<Welcome>(welcome.span, datagram, key: key, by: Libsodium())
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
    ///
    /// - Parameter token: The token of the member's first PULSE.
    mutating func joined(token: UInt64 = 42) throws -> Opened {
        let opened = try welcomed()
        guard case .confirm(let joiner) = admit(opened.confirm()) else { throw FixtureError(text: "no CONFIRM") }
        sessions.begin(joiner, token: token, now: .start)
        return opened
    }
}
