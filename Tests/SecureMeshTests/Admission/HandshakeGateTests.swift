import SecureMesh
import Testing

@Suite("Gates: HELLO and CONFIRM")
struct HandshakeGateTests {
    @Test("a HELLO passes once for each address, and again only as the WELCOME it got")
    func helloTwice() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        guard case .hello(let request) = world.admit(hello) else { throw FixtureError(text: "refused") }
        let welcome = world.admission.welcome(
            request, parameters: AdmissionWorld.parameters, now: .start, unless: { _ in false })
        for _ in 0..<3 { #expect(world.answer(to: hello) == welcome) }
        // From elsewhere it is a new one; after 5 s its ticket is void.
        #expect(world.isServed(hello, from: Path(remote: Fixture.address(2))) == true)
        #expect(world.isServed(hello, now: .after(.seconds(5))) == true)
    }

    @Test("kinds that a server never receives are misdirected")
    func misdirected() throws {
        for kind in [Kind.retry, .welcome, .reject, .pulse, .snapshot, .delta, .goodbye, .message] {
            var world = AdmissionWorld()
            #expect(world.refusal(of: try Sample.of(kind).bytes) == .misdirected, "\(kind)")
        }
        // A member's kinds, for another server or an earlier start of this one.
        for kind in [Kind.confirm, .heartbeat, .leave] {
            var world = AdmissionWorld()
            #expect(world.refusal(of: try Sample.of(kind).bytes) == .misdirected, "\(kind)")
        }
    }

    @Test("a source that is no host's is refused before anything else")
    func source() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        for address in [Fixture.address(1, port: 0), SocketAddress(ip: .v4(0x7F00_0001), port: 5)] {
            #expect(world.refusal(of: hello, from: Path(remote: address)) == .sourceNotAllowed)
        }
    }

    @Test("an ephemeral key of small order is refused", arguments: AgreementEdgeTests.smallOrder)
    func smallOrder(_ hex: String) throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello().replacing(at: 44, with: try unhex(hex))
        let expected: [Rejection] = [.agreementFailed, .nonCanonicalAgreementKey]
        let refusal = world.refusal(of: hello)
        #expect(expected.map(Optional.some).contains(refusal))
    }

    @Test("E_p = S_x, another's E_p, and a HELLO of another mesh do not open")
    func wrongKeys() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        let converted = try #require(Sodium.agreementKey(of: Fixture.serverKey.publicKey)).bytes.array
        #expect(world.refusal(of: hello.replacing(at: 44, with: converted)) == .sealBroken)
        let other = Fixture.secret(21).agreementPublicKey.bytes.array
        #expect(world.refusal(of: hello.replacing(at: 44, with: other)) == .sealBroken)
        let elsewhere = AdmissionWorld.Joiner(context: SigningContext(server: Fixture.otherKey.publicKey))
        #expect(world.refusal(of: try elsewhere.hello()) == .sealBroken)
    }

    @Test("a joiner that claims the server's key, or signs with another than it claims, is refused")
    func identities() throws {
        var world = AdmissionWorld()
        let server = AdmissionWorld.Joiner(key: Fixture.serverKey)
        #expect(world.refusal(of: try server.hello()) == .identityInvalid)
        let impostor = AdmissionWorld.Joiner(identity: Fixture.otherKey.publicKey)
        #expect(world.refusal(of: try impostor.hello()) == .signatureInvalid)
    }

    @Test("a flood gets RETRY, smaller than its HELLO; the cookie is served at its own address until its own limit")
    func flood() throws {
        var world = AdmissionWorld()
        let hello = try Sample.of(.hello).bytes.replacing(at: 28, with: [UInt8](repeating: 0, count: 16))
        var retry: [UInt8]?
        var attempts = 0
        while retry == nil, attempts < 10_000 {
            // Each from an address of its own: no prefix is over its rate.
            let path = Path(remote: SocketAddress(ip: .v4(0x0A00_0000 + UInt32(attempts)), port: 7))
            retry = world.answer(to: hello.flipping(bit: 255 * 8), from: path)
            attempts += 1
        }
        #expect(attempts == 314)
        let joiner = AdmissionWorld.Joiner()
        let first = world.answer(to: try joiner.hello())
        let answer = try #require(first)
        #expect(answer.count < Kind.hello.minimumSize)
        let cookie = try VerifiedRetry(answer.span, Datagram(decoding: answer.span), in: Fixture.context).cookie
        var proven = AdmissionWorld.Joiner()
        proven.cookie = cookie
        proven.ephemeral = Fixture.secret(22)
        let second = try proven.hello()
        #expect(world.answer(to: second, from: Path(remote: Fixture.address(9)))?.count == Kind.retry.minimumSize)
        #expect(world.isServed(second) == true)

        // A tenth is kept from those with cookies, and what they are over is dropped.
        var refusal: Rejection?
        for _ in 0..<1_000 where refusal == nil { refusal = world.refusal(of: second) }
        #expect(refusal == .overBudget)
    }

    @Test("one address with a cookie is held to its rate, one without gets RETRY")
    func prefixRates() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        // In steps of 1 ms the budget is never short.
        var retries: [[UInt8]] = []
        for step in 0..<2_000 {
            if let retry = world.answer(to: hello, now: .after(.milliseconds(step))) { retries.append(retry) }
        }
        #expect(retries.count >= 2_000 - Limits.barePrefixRate.burst - 2 * Limits.barePrefixRate.perSecond)
        let retry = try #require(retries.last)
        var proven = AdmissionWorld.Joiner()
        proven.cookie = try VerifiedRetry(retry.span, Datagram(decoding: retry.span), in: Fixture.context).cookie
        let second = try proven.hello()
        var refused = 0
        for step in 2_000..<5_000 where world.refusal(of: second, now: .after(.milliseconds(step))) == .prefixOverRate {
            refused += 1
        }
        #expect(refused >= 3_000 - Limits.prefixRate.burst - 3 * Limits.prefixRate.perSecond)
    }

    @Test("a CONFIRM redeems its ticket once, from its own address, within 5 s")
    func confirm() throws {
        var world = AdmissionWorld()
        let opened = try world.welcomed()
        let confirm = opened.confirm()
        #expect(world.refusal(of: confirm, from: Path(remote: Fixture.address(2))) == .ticketSourceMismatch)
        #expect(world.refusal(of: confirm, now: .after(.seconds(5))) == .ticketExpired)
        guard case .confirm = world.admit(confirm) else { throw FixtureError(text: "refused") }
        #expect(world.refusal(of: confirm) == .unknownTicket)
    }

    @Test("a CONFIRM that is altered or without WELCOME's token is refused and redeems nothing")
    func badConfirms() throws {
        var world = AdmissionWorld()
        let opened = try world.welcomed()
        let table: [([UInt8], Rejection)] = [
            (opened.confirm().flipping(bit: 8 * 130), .sealBroken),
            (opened.confirm { $0.token ^= 1 }, .tokenMismatch), (opened.confirm { $0.number = 0 }, .tokenMismatch),
            (opened.confirm { $0.version = 1 }, .tokenMismatch), (opened.confirm { $0.part = 1 }, .tokenMismatch),
        ]
        for (bytes, expected) in table { #expect(world.refusal(of: bytes) == expected) }
        guard case .confirm = world.admit(opened.confirm(counter: 9)) else { throw FixtureError(text: "refused") }
    }

    @Test("a CONFIRM with a wrong signature under a right seal ends its handshake", arguments: [true, false])
    func badlySignedConfirm(isByAnotherKey: Bool) throws {
        var world = AdmissionWorld()
        let opened = try world.welcomed()
        let heartbeat = Heartbeat(number: 1, token: opened.token, version: 0, part: 0)
        let bytes =
            isByAnotherKey
            ? opened.confirm(signedBy: Fixture.otherKey) : opened.seal(.confirm, heartbeat, counter: 1)
        #expect(world.refusal(of: bytes) == .signatureInvalid)
        #expect(world.refusal(of: opened.confirm(counter: 9)) == .unknownTicket)
    }

    @Test("after a newer CONFIRM an older one of the same identity is refused")
    func olderConfirm() throws {
        var world = AdmissionWorld()
        let older = try world.welcomed()
        let newer = try world.welcomed(AdmissionWorld.Joiner(ephemeral: Fixture.secret(23)))
        guard case .confirm = world.admit(newer.confirm()) else { throw FixtureError(text: "refused") }
        #expect(world.refusal(of: older.confirm()) == .unknownTicket)
    }
}
