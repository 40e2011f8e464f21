import FuzzKit
import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Handshake gate")
final class HandshakeGateTests {
    private var gates = ServerGates()

    @Test("a repeated HELLO from the same address gets the same WELCOME; from another address, or 5 s later, a new one")
    func helloTwice() throws {
        let hello = try ScriptedPeer.joiner().helloBytes
        let first = gates.welcome(for: hello)
        let welcome = try #require(first)
        for _ in 0..<3 { #expect(gates.answer(to: hello) == welcome) }
        let elsewhere = gates.welcome(for: hello, from: Path(remote: Fixture.address(2)))
        #expect(try #require(elsewhere) != welcome)
        let later = gates.welcome(for: hello, now: .after(.seconds(5)))
        #expect(try #require(later) != welcome)
    }

    @Test("a HELLO that the policy refuses gets a REJECT with a new salt each time, and leaves no ticket")
    func rejected() throws {
        let joiner = try ScriptedPeer.joiner()
        let hello = try joiner.helloBytes
        var salts: Set<Bytes32> = []
        for _ in 0..<3 {
            gates.policy.reject = Reject(reason: .nameTaken, retrySeconds: 5)
            guard
                case .hello(.reject(let bytes, let request, .nameTaken)) = gates.admit(
                    hello, from: Fixture.path, now: .start)
            else {
                throw FixtureError(text: "no REJECT")
            }
            #expect(request.signer == Fixture.peerKey.publicKey)
            salts.insert(try #require(Datagram(decoding: bytes.span).header.salt))
            #expect(try joiner.open(reject: bytes) == Reject(reason: .nameTaken, retrySeconds: 5))
        }
        #expect(salts.count == 3)
        gates.policy.reject = nil
        #expect(gates.welcome(for: hello) != nil)
    }

    @Test("a new session has a number that is neither the epoch's, nor pending, nor seen")
    func sessionNumbers() throws {
        var first = ServerGates()
        let drawn = try first.welcomed()
        // The second server chooses the same random numbers as the first one, but the number of the first session is
        // marked as seen.
        var second = ServerGates()
        let taken = drawn.session
        second.policy.isSeen = { $0 == taken }
        #expect(try second.welcomed().session != drawn.session)
    }

    @Test("a member's datagram for another server, or for an earlier start of this one, is misdirected")
    func misdirected() throws {
        for kind in [Kind.confirm, .heartbeat, .leave] {
            var gates = ServerGates()
            #expect(gates.refusal(of: try Sample.of(kind).bytes) == .misdirected, "\(kind)")
        }
    }

    @Test("a source that cannot be a peer's address is refused")
    func source() throws {
        let hello = try ScriptedPeer.joiner().helloBytes
        for address in [Fixture.address(1, port: 0), SocketAddress(ip: .v4(0x7F00_0001), port: 5)] {
            #expect(gates.refusal(of: hello, from: Path(remote: address)) == .sourceNotAllowed)
        }
    }

    @Test("an ephemeral key of small order is refused")
    func smallOrder() throws {
        for key in try AgreementCase.smallOrder() {
            let hello = try ScriptedPeer.joiner().helloBytes.replacing(at: 44, with: key)
            let isCanonical = AgreementPublicKey.isCanonical(key.span, at: 0)
            let refusal = gates.refusal(of: hello)
            #expect(refusal == (isCanonical ? .agreementFailed : .nonCanonicalAgreementKey), "\(key.hex)")
        }
    }

    @Test("a joiner with a key of mixed order is refused, though its signature verifies")
    func mixedOrder() throws {
        // The key is a·B + T, with a = 12345678901234567890 and T of order 8. With the nonce 7, the hash is a multiple
        // of 8, so T cancels out of the equation.
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
        var hello = Header(fields, to: 0, from: 0, counter: 0).encode(size: Kind.hello.minimumSize)
        Sodium.seal(
            payload + signature, onto: &hello, counter: 0,
            key: Handshake.helloKey(d1: d1, ephemeral: ephemeral.agreementPublicKey, cookie: .zero, server: server))
        #expect(gates.refusal(of: hello) == .identityInvalid)
    }

    @Test("E_p = S_x, another's E_p, and a HELLO of another mesh do not open")
    func wrongKeys() throws {
        let hello = try ScriptedPeer.joiner().helloBytes
        let converted = try #require(Sodium.agreementKey(of: Fixture.serverKey.publicKey)).bytes.array
        #expect(gates.refusal(of: hello.replacing(at: 44, with: converted)) == .sealBroken)
        let other = Fixture.secret(21).agreementPublicKey.bytes.array
        #expect(gates.refusal(of: hello.replacing(at: 44, with: other)) == .sealBroken)
        let elsewhere = try ScriptedPeer.joiner(context: SigningContext(mesh: Fixture.otherKey.publicKey))
        #expect(gates.refusal(of: try elsewhere.helloBytes) == .sealBroken)
    }

    @Test("a joiner that claims the server's key, or signs with a key other than the one it claims, is refused")
    func identities() throws {
        let server = try ScriptedPeer.joiner(key: Fixture.serverKey)
        #expect(gates.refusal(of: try server.helloBytes) == .identityInvalid)
        var claim = try #require(ScriptedPeer.joiner().attempt).hello
        claim.payload = Hello(identity: Fixture.otherKey.publicKey, name: try Fixture.name("peer")).encoded
        #expect(gates.refusal(of: claim.bytes) == .signatureInvalid)
    }

    @Test("a flood gets RETRY, smaller than its HELLO; a HELLO with the cookie is served at its address, within limits")
    func flood() throws {
        let hello = try Sample.of(.hello).bytes.replacing(at: 28, with: [UInt8](repeating: 0, count: 16))
        var retry: [UInt8]?
        var attempts = 0
        while retry == nil, attempts < 10_000 {
            // Each HELLO comes from an address of its own, so that no prefix bucket becomes empty.
            let path = Path(remote: SocketAddress(ip: .v4(0x0A00_0000 + UInt32(attempts)), port: 7))
            retry = gates.answer(to: hello.flipping(bit: 255 * 8), from: path)
            attempts += 1
        }
        #expect(Int64(attempts) == Limits.handshakeBurst / 2 / Limits.helloAgreementCost + 1)
        let joiner = try ScriptedPeer.joiner()
        let first = gates.answer(to: try joiner.helloBytes)
        let answer = try #require(first)
        #expect(answer.count < Kind.hello.minimumSize)
        let cookie = try VerifiedRetry(answer, in: Fixture.context).cookie
        let proven = try ScriptedPeer.joiner(ephemeral: Fixture.secret(22), cookie: cookie)
        let second = try proven.helloBytes
        #expect(gates.answer(to: second, from: Path(remote: Fixture.address(9)))?.count == Kind.retry.minimumSize)
        #expect(gates.isRejected(second) == true)

        // The last tenth of the budget is reserved for CONFIRMs. A HELLO with a cookie that would need it is dropped.
        while gates.isRejected(second) {}
        #expect(gates.refusal(of: second) == .overBudget)
    }

    @Test("a true HELLO that is replayed from 10,000 addresses in half a second gets RETRY, and keeps no newcomer out")
    func replayedHellos() throws {
        let hello = try ScriptedPeer.joiner().helloBytes
        let newcomer = try ScriptedPeer.joiner(key: Fixture.otherKey, ephemeral: Fixture.secret(22))
        let path = Path(remote: Fixture.address(9))
        var welcomes = 0
        for index in 0..<10_000 {
            let source = Path(remote: SocketAddress(ip: .v4(0x0A00_0000 + UInt32(index)), port: 7))
            if gates.answer(to: hello, from: source, now: .after(.microseconds(50 * index))) == nil { welcomes += 1 }
        }
        #expect(welcomes <= 330)
        let end = Instant.after(.milliseconds(500))
        let first = gates.answer(to: try newcomer.helloBytes, from: path, now: end)
        let retry = try #require(first)
        let cookie = try VerifiedRetry(retry, in: Fixture.context).cookie
        let proven = try ScriptedPeer.joiner(key: Fixture.otherKey, ephemeral: Fixture.secret(23), cookie: cookie)
        #expect(gates.welcome(for: try proven.helloBytes, from: path, now: end) != nil)
    }

    /// Returns a valid cookie for each path. First exhausts the budget for HELLOs without a cookie, because the gates
    /// send cookies only then.
    private func cookies(for paths: [Path], at gates: inout ServerGates) throws -> [Bytes16] {
        let garbage = try ScriptedPeer.joiner().helloBytes.flipping(bit: 255 * 8)
        var source: UInt32 = 0x0B00_0000
        while gates.answer(to: garbage, from: Path(remote: SocketAddress(ip: .v4(source), port: 7))) == nil {
            source += 1
        }
        return try paths.map { path in
            let retry = gates.answer(to: garbage, from: path)
            return try VerifiedRetry(try #require(retry), in: Fixture.context).cookie
        }
    }

    @Test("garbage with a valid cookie is charged only for its key agreement, a HELLO that opens for all its work")
    func garbageBehindCookie() throws {
        let paths = (1...3).map { Path(remote: Fixture.address(UInt8($0))) }
        let room = Limits.handshakeBurst / 2 - Limits.handshakeBurst / 10
        for (isGarbage, cost) in [(true, Limits.helloAgreementCost), (false, Limits.helloCost)] {
            var gates = ServerGates()
            let hellos = try cookies(for: paths, at: &gates).map {
                try ScriptedPeer.joiner(cookie: $0).helloBytes
            }
            gates.policy.reject = Reject(reason: .full, retrySeconds: 10)
            var served: Int64 = 0
            var refusal: Rejection?
            while refusal != .overBudget, served < 10_000 {
                // The paths are used in turn, so that no prefix bucket becomes empty.
                let index = Int(served) % paths.count
                let hello = isGarbage ? hellos[index].flipping(bit: 255 * 8) : hellos[index]
                refusal = gates.refusal(of: hello, from: paths[index])
                #expect(refusal == .overBudget || refusal == (isGarbage ? .sealBroken : nil))
                served += 1
            }
            #expect((room / cost...room / cost + 2).contains(served))
        }
    }

    @Test("an address with a cookie is limited to its rate; one without gets RETRY above its rate")
    func prefixRates() throws {
        let hello = try ScriptedPeer.joiner().helloBytes
        // One HELLO per millisecond never exhausts the budget. A HELLO that is rejected leaves no WELCOME to send
        // again.
        gates.policy.reject = Reject(reason: .full, retrySeconds: 10)
        var retries: [[UInt8]] = []
        for step in 0..<2_000 {
            if let retry = gates.answer(to: hello, now: .after(.milliseconds(step))) { retries.append(retry) }
        }
        #expect(retries.count >= 2_000 - Limits.barePrefixRate.burst - 2 * Limits.barePrefixRate.perSecond)
        let retry = try #require(retries.last)
        let proven = try ScriptedPeer.joiner(cookie: try VerifiedRetry(retry, in: Fixture.context).cookie)
        let second = try proven.helloBytes
        var refused = 0
        for step in 2_000..<5_000 where gates.refusal(of: second, now: .after(.milliseconds(step))) == .prefixOverRate {
            refused += 1
        }
        #expect(refused >= 3_000 - Limits.prefixRate.burst - 3 * Limits.prefixRate.perSecond)
    }

    @Test("a CONFIRM redeems its ticket once, from its own address, within 5 s")
    func confirm() throws {
        let opened = try gates.welcomed()
        let confirm = try opened.confirmBytes()
        #expect(gates.refusal(of: confirm, from: Path(remote: Fixture.address(2))) == .ticketSourceMismatch)
        #expect(gates.refusal(of: confirm, now: .after(.seconds(5))) == .ticketExpired)
        #expect(gates.refusal(of: confirm) == nil)
        #expect(gates.refusal(of: confirm) == .unknownTicket)
    }

    @Test("a CONFIRM that was altered, or lacks WELCOME's token, is refused and leaves the ticket valid")
    func badConfirms() throws {
        let opened = try gates.welcomed()
        let table: [([UInt8], Rejection)] = [
            (try opened.confirmBytes().flipping(bit: 8 * 130), .sealBroken),
            (try opened.confirmBytes { $0.token ^= 1 }, .tokenMismatch),
            (try opened.confirmBytes { $0.number = 0 }, .tokenMismatch),
            (try opened.confirmBytes { $0.part = 1 }, .tokenMismatch),
        ]
        for (bytes, expected) in table { #expect(gates.refusal(of: bytes) == expected) }
        #expect(gates.refusal(of: try opened.confirmBytes(counter: 9)) == nil)
    }

    @Test("a CONFIRM is refused when the budget is used up, and its ticket stays valid")
    func confirmOverBudget() throws {
        var random = RandomSource.seeded(1)
        var address: UInt32 = 0x0A00_0000
        var waiting: [(path: Path, opened: ScriptedPeer)] = []
        while Int64(waiting.count) <= Limits.handshakeBurst / 10 / Limits.confirmCost {
            address += 1
            let path = Path(remote: SocketAddress(ip: .v4(address), port: 7))
            let joiner = try ScriptedPeer.joiner(key: random.signingKey(), ephemeral: random.secret())
            waiting.append((path, try gates.welcomed(joiner, from: path)))
        }
        // HELLOs from other addresses exhaust their part of the budget: first HELLOs without a cookie, then HELLOs with
        // a cookie.
        let path = Path(remote: SocketAddress(ip: .v4(address + 1), port: 7))
        let cookie = try cookies(for: [path], at: &gates)[0]
        let proven = try ScriptedPeer.joiner(ephemeral: Fixture.secret(22), cookie: cookie).helloBytes
        while gates.isRejected(proven, from: path) {}
        #expect(gates.refusal(of: proven, from: path) == .overBudget)

        var last: (path: Path, opened: ScriptedPeer)?
        for each in waiting where last == nil {
            if let refusal = gates.refusal(of: try each.opened.confirmBytes(), from: each.path) {
                #expect(refusal == .overBudget)
                last = each
            }
        }
        let refused = try #require(last)
        let confirm = try refused.opened.confirmBytes()
        #expect(gates.refusal(of: confirm, from: refused.path, now: .after(.seconds(1))) == nil)
    }

    enum SignatureFlaw: CaseIterable { case anotherKey, noBinder, anotherBinder, anotherServer }

    @Test(
        "a CONFIRM that is signed by another key, or for another handshake or server, ends its handshake",
        arguments: SignatureFlaw.allCases)
    func badlySignedConfirm(flaw: SignatureFlaw) throws {
        let opened = try gates.welcomed()
        var confirm = try #require(opened.confirm)
        let binder = try #require(opened.membership).keys.binder
        switch flaw {
        case .anotherKey: confirm.signer = Fixture.otherKey
        case .noBinder: confirm.extra = .none
        case .anotherBinder: confirm.extra = .binder(Fixture.secret(23), server: opened.server)
        case .anotherServer: confirm.extra = .binder(binder, server: Fixture.otherKey.publicKey)
        }
        #expect(gates.refusal(of: confirm.bytes) == .signatureInvalid)
        #expect(gates.refusal(of: try opened.confirmBytes(counter: 9)) == .unknownTicket)
    }

    @Test("a CONFIRM is refused if the policy has changed since its HELLO, and its ticket is used up")
    func withdrawn() throws {
        let opened = try gates.welcomed()
        gates.policy.reject = Reject(reason: .notAuthorized, retrySeconds: 0)
        #expect(gates.refusal(of: try opened.confirmBytes()) == .admissionWithdrawn)
        gates.policy.reject = nil
        #expect(gates.refusal(of: try opened.confirmBytes()) == .unknownTicket)
    }

    @Test("after a newer CONFIRM an older one of the same identity is refused")
    func olderConfirm() throws {
        let older = try gates.welcomed()
        let newer = try gates.welcomed(.joiner(ephemeral: Fixture.secret(23)))
        #expect(gates.refusal(of: try newer.confirmBytes()) == nil)
        #expect(gates.refusal(of: try older.confirmBytes()) == .unknownTicket)
    }
}
