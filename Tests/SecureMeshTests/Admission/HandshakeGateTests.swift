import SecureMesh
import SelfTest
import Testing

@Suite("Handshake gate")
struct HandshakeGateTests {
    @Test("a repeated HELLO from the same address gets the same WELCOME; from another address, or 5 s later, a new one")
    func helloTwice() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        let first = world.welcome(for: hello)
        let welcome = try #require(first)
        for _ in 0..<3 { #expect(world.answer(to: hello) == welcome) }
        let elsewhere = world.welcome(for: hello, from: Path(remote: Fixture.address(2)))
        #expect(try #require(elsewhere) != welcome)
        let later = world.welcome(for: hello, now: .after(.seconds(5)))
        #expect(try #require(later) != welcome)
    }

    @Test("a HELLO that the policy refuses gets a REJECT with a new salt each time, and leaves no ticket")
    func rejected() throws {
        var world = AdmissionWorld()
        let joiner = AdmissionWorld.Joiner()
        let hello = try joiner.hello()
        let d1 = try #require(Fixture.serverKey.agree(with: joiner.ephemeral.agreementPublicKey))
        var salts: Set<Bytes32> = []
        for _ in 0..<3 {
            world.policy.reject = Reject(reason: .nameTaken, retrySeconds: 5)
            guard case .hello(.reject(let bytes, let request, .nameTaken)) = world.admit(hello) else {
                throw FixtureError(text: "no REJECT")
            }
            #expect(request.signer == Fixture.peerKey.publicKey)
            let datagram = try Datagram(decoding: bytes.span)
            guard let salt = datagram.header.salt else { throw FixtureError(text: "no salt") }
            salts.insert(salt)
            let transcript = Fixture.context.transcript(.transcriptReject, hello: hello, last: salt)
            let key = Handshake.rejectKey(d1: d1, transcript: transcript)
            let reject = try Opened<Reject>(bytes.span, datagram, key: key, by: Libsodium())
                .verified(by: Fixture.serverKey.publicKey, in: Fixture.context, extra: .transcript(transcript))
            #expect(reject.body == Reject(reason: .nameTaken, retrySeconds: 5))
        }
        #expect(salts.count == 3)
        world.policy.reject = nil
        #expect(world.welcome(for: hello) != nil)
    }

    @Test("a new session has a number that is neither the epoch's, nor pending, nor seen")
    func sessionNumbers() throws {
        var first = AdmissionWorld()
        let drawn = try first.welcomed()
        // The same random numbers, but the first session's number is taken.
        var second = AdmissionWorld()
        second.policy.isSeen = { $0.rawValue == drawn.session }
        #expect(try second.welcomed().session != drawn.session)
    }

    @Test("a member's datagram for another server, or for an earlier start of this one, is misdirected")
    func misdirected() throws {
        for kind in [Kind.confirm, .heartbeat, .leave] {
            var world = AdmissionWorld()
            #expect(world.refusal(of: try Sample.of(kind).bytes) == .misdirected, "\(kind)")
        }
    }

    @Test("a source that cannot be a peer's address is refused")
    func source() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        for address in [Fixture.address(1, port: 0), SocketAddress(ip: .v4(0x7F00_0001), port: 5)] {
            #expect(world.refusal(of: hello, from: Path(remote: address)) == .sourceNotAllowed)
        }
    }

    @Test("an ephemeral key of small order is refused")
    func smallOrder() throws {
        var world = AdmissionWorld()
        for key in try AgreementCase.smallOrder() {
            let hello = try AdmissionWorld.Joiner().hello().replacing(at: 44, with: key)
            let isCanonical = AgreementPublicKey.isCanonical(key.span, at: 0)
            let refusal = world.refusal(of: hello)
            #expect(refusal == (isCanonical ? .agreementFailed : .nonCanonicalAgreementKey), "\(key.hex)")
        }
    }

    @Test("a joiner with a key of mixed order is refused, though its signature verifies")
    func mixedOrder() throws {
        // a·B + T with a = 12345678901234567890 and T of order 8. With the nonce 7 the hash is a multiple of 8, so T
        // cancels out of the equation.
        let identity = try unhex("b15bf26424d1b69dd33b7a9e57db5de4a2aadea4a2a051efd9bfd6af74165d2b")
        let signature = try unhex(
            "b862409fb5c4c4123df2abf7462b88f041ad36dd6864ce872fd5472be363c5b1"
                + "0ee0e3a583c7141299518a4722d954f4166d9c8bfca7fe1fe6eb66cb1e713601")
        let key = PublicKey(bytes: Bytes32(identity.span))
        let ephemeral = Fixture.secret(20)
        let fields = OpenFields.hello(cookie: .zero, ephemeral: ephemeral.agreementPublicKey)
        let payload = Hello(identity: key, name: try Fixture.name("peer")).encoded
        let signed = Fixture.context.signedBytes(fields, from: 0, payload: payload)
        #expect(Sodium.verify(Signature(signature.span), of: signed, by: key))

        let d1 = try #require(Fixture.serverKey.agree(with: ephemeral.agreementPublicKey))
        let server = Fixture.serverKey.publicKey
        var hello = Header(fields, to: 0, from: 0, counter: 0)
            .encode(size: Kind.hello.minimumSize)
        Sodium.seal(
            payload + signature, onto: &hello, counter: 0,
            key: Handshake.helloKey(d1: d1, ephemeral: ephemeral.agreementPublicKey, cookie: .zero, server: server))
        var world = AdmissionWorld()
        #expect(world.refusal(of: hello) == .identityInvalid)
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

    @Test("a joiner that claims the server's key, or signs with a key other than the one it claims, is refused")
    func identities() throws {
        var world = AdmissionWorld()
        let server = AdmissionWorld.Joiner(key: Fixture.serverKey)
        #expect(world.refusal(of: try server.hello()) == .identityInvalid)
        let impostor = AdmissionWorld.Joiner(identity: Fixture.otherKey.publicKey)
        #expect(world.refusal(of: try impostor.hello()) == .signatureInvalid)
    }

    @Test("a flood gets RETRY, smaller than its HELLO; a HELLO with the cookie is served at its address, within limits")
    func flood() throws {
        var world = AdmissionWorld()
        let hello = try Sample.of(.hello).bytes.replacing(at: 28, with: [UInt8](repeating: 0, count: 16))
        var retry: [UInt8]?
        var attempts = 0
        while retry == nil, attempts < 10_000 {
            // Each comes from an address of its own, so that no prefix bucket is empty.
            let path = Path(remote: SocketAddress(ip: .v4(0x0A00_0000 + UInt32(attempts)), port: 7))
            retry = world.answer(to: hello.flipping(bit: 255 * 8), from: path)
            attempts += 1
        }
        #expect(attempts == 314)
        let joiner = AdmissionWorld.Joiner()
        let first = world.answer(to: try joiner.hello())
        let answer = try #require(first)
        #expect(answer.count < Kind.hello.minimumSize)
        let cookie = try VerifiedRetry(answer, in: Fixture.context).cookie
        var proven = AdmissionWorld.Joiner()
        proven.cookie = cookie
        proven.ephemeral = Fixture.secret(22)
        let second = try proven.hello()
        #expect(world.answer(to: second, from: Path(remote: Fixture.address(9)))?.count == Kind.retry.minimumSize)
        #expect(world.isRejected(second) == true)

        // The last tenth is kept for CONFIRMs; HELLOs with a cookie that would need it are dropped.
        while world.isRejected(second) {}
        #expect(world.refusal(of: second) == .overBudget)
    }

    @Test("an address with a cookie is limited to its rate; one without gets RETRY above its rate")
    func prefixRates() throws {
        var world = AdmissionWorld()
        let hello = try AdmissionWorld.Joiner().hello()
        // In steps of 1 ms the budget is never used up. A HELLO that is rejected leaves no WELCOME to send again.
        world.policy.reject = Reject(reason: .full, retrySeconds: 10)
        var retries: [[UInt8]] = []
        for step in 0..<2_000 {
            if let retry = world.answer(to: hello, now: .after(.milliseconds(step))) { retries.append(retry) }
        }
        #expect(retries.count >= 2_000 - Limits.barePrefixRate.burst - 2 * Limits.barePrefixRate.perSecond)
        let retry = try #require(retries.last)
        var proven = AdmissionWorld.Joiner()
        proven.cookie = try VerifiedRetry(retry, in: Fixture.context).cookie
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

    @Test("a CONFIRM that was altered, or lacks WELCOME's token, is refused and leaves the ticket valid")
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

    @Test("a CONFIRM is refused when the budget is used up, and its ticket stays valid")
    func confirmOverBudget() throws {
        var world = AdmissionWorld()
        var random = RandomSource.seeded(1)
        var address: UInt32 = 0x0A00_0000
        var waiting: [(path: Path, opened: AdmissionWorld.Opened)] = []
        while Int64(waiting.count) <= Limits.handshakeBurst / 10 / Limits.confirmCost {
            address += 1
            world.path = Path(remote: SocketAddress(ip: .v4(address), port: 7))
            let key = SigningKey(seed: random.bytes32().array.span)
            waiting.append((world.path, try world.welcomed(.init(key: key, ephemeral: random.secret()))))
        }
        // Other HELLOs use up their part of the budget, first without cookies, then with one.
        var joiner = AdmissionWorld.Joiner()
        let altered = try joiner.hello().flipping(bit: 255 * 8)
        var retry: [UInt8]?
        while retry == nil {
            address += 1
            world.path = Path(remote: SocketAddress(ip: .v4(address), port: 7))
            retry = world.answer(to: altered)
        }
        let bytes = try #require(retry)
        joiner.cookie = try VerifiedRetry(bytes, in: Fixture.context).cookie
        joiner.ephemeral = Fixture.secret(22)
        let proven = try joiner.hello()
        while world.isRejected(proven) {}
        #expect(world.refusal(of: proven) == .overBudget)

        var last: (path: Path, opened: AdmissionWorld.Opened)?
        for each in waiting where last == nil {
            if let refusal = world.refusal(of: each.opened.confirm(), from: each.path) {
                #expect(refusal == .overBudget)
                last = each
            }
        }
        let (path, opened) = try #require(last)
        guard case .confirm = world.admit(opened.confirm(), from: path, now: .after(.seconds(1))) else {
            throw FixtureError(text: "refused")
        }
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

    @Test("a CONFIRM is refused if the policy has changed since its HELLO, and its ticket is used up")
    func withdrawn() throws {
        var world = AdmissionWorld()
        let opened = try world.welcomed()
        world.policy.reject = Reject(reason: .notAuthorized, retrySeconds: 0)
        #expect(world.refusal(of: opened.confirm()) == .admissionWithdrawn)
        world.policy.reject = nil
        #expect(world.refusal(of: opened.confirm()) == .unknownTicket)
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
