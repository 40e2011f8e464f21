import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Signed payloads")
struct SignedPayloadTests {
    private let context = Fixture.context

    @Test("the signature covers mesh, kind, sender, extra, clear fields and payload, in that order")
    func signedBytes() throws {
        let bytes = context.signedBytes(
            .welcome(ephemeral: AgreementPublicKey(bytes: Fixture.digest(0xBB))), from: 0x0102_0304_0506_0708,
            extra: .transcript(Fixture.digest(0xAA)), payload: [0xCC])
        var expected = Array("securemesh/1".utf8) + Fixture.serverKey.publicKey.bytes.array
        expected += try unhex("03 0102030405060708")
        expected += [UInt8](repeating: 0xAA, count: 32) + [UInt8](repeating: 0xBB, count: 32) + [0xCC]
        #expect(bytes == expected)
    }

    @Test("the signature of a HELLO covers 185 bytes, and not the cookie")
    func hello() throws {
        let hello = Hello(identity: Fixture.peerKey.publicKey, name: try Fixture.name("peer"))
        let key = Fixture.secret(1).agreementPublicKey
        let signed = [Bytes16.zero, Bytes16([UInt8](1...16).span)].map { cookie in
            context.signedBytes(.hello(cookie: cookie, ephemeral: key), from: 0, payload: hello.encoded)
        }
        #expect(signed[0].count == 185)
        #expect(signed[0] == signed[1])
    }

    @Test("every value that is signed changes the signature; the delivery fields do not")
    func coverage() {
        func sign(
            _ fields: OpenFields = .pulse(echo: 1, token: 1), from: UInt64 = 1, extra: SigningContext.Extra = .none,
            payload: [UInt8] = [1], context: SigningContext = Fixture.context,
            key: SigningKey = Fixture.serverKey
        ) -> Signature {
            SignedPayload(fields, from: from, extra: extra, payload: payload, context: context, key: key)
                .signature
        }
        let other = SigningContext(mesh: Fixture.otherKey.publicKey)
        let signatures = [
            sign(), sign(.leave), sign(from: 2), sign(extra: .transcript(Fixture.digest(1))),
            sign(extra: .binder(Fixture.secret(2), server: Fixture.serverKey.publicKey)),
            sign(extra: .binder(Fixture.secret(2), server: Fixture.otherKey.publicKey)),
            sign(.retry(cookie: .zero, rotation: 1)),
            sign(.retry(cookie: .zero, rotation: 2)), sign(payload: [2]),
            sign(context: other), sign(key: Fixture.peerKey),
        ]
        #expect(Set(signatures).count == signatures.count)
        #expect(sign() == sign())
        #expect(sign() == sign(.pulse(echo: 2, token: 3)))
    }

    @Test("a payload is signed once and sealed for many: each receiver opens only its own datagram, and all verify")
    func manyReceivers() throws {
        let pulse = Pulse(number: 1, version: 3)
        let signer = Signer(key: Fixture.serverKey, context: context, from: Fixture.epoch)
        let signed = signer.sign(.pulse(echo: 0, token: 0), pulse)
        let datagrams = (UInt8(1)...5).map { byte in
            signed.sealed(
                to: UInt64(byte), counter: 9, as: .pulse(echo: UInt64(byte), token: UInt64(byte)),
                with: Fixture.secret(byte))
        }
        for (index, bytes) in datagrams.enumerated() {
            let datagram = try Datagram(decoding: bytes.span)
            for byte in UInt8(1)...5 {
                let key = Fixture.secret(byte)
                guard index + 1 == Int(byte) else {
                    expectRefusal(.sealBroken) { () throws(Rejection) in
                        try Opened<Pulse>(bytes.span, datagram, key: key, by: Libsodium())
                    }
                    continue
                }
                let verified = try Opened<Pulse>(bytes.span, datagram, key: key, by: Libsodium())
                    .verified(by: Fixture.serverKey.publicKey, in: context)
                #expect(verified.body == pulse)
                #expect(verified.signature == signed.signature)
            }
        }
    }

    @Test("the signature of a HELLO binds its name, key and identity, and nothing else")
    func bindings() throws {
        let ephemeral = Fixture.secret(8).agreementPublicKey
        let name = try Fixture.name("peer")
        let hello = Signer(key: Fixture.peerKey, context: context, from: 0).sign(
            .hello(cookie: .zero, ephemeral: ephemeral), Hello(identity: Fixture.peerKey.publicKey, name: name))
        var entry = Entry(
            session: try Fixture.session(4), identity: Fixture.peerKey.publicKey, agreementKey: ephemeral,
            binding: hello.signature, address: Fixture.address(1), name: name)
        #expect(context.isBound(entry))
        #expect(!SigningContext(mesh: Fixture.otherKey.publicKey).isBound(entry))
        // The server sets the address and the session, so the binding does not cover them.
        entry.session = try Fixture.session(5)
        entry.address = Fixture.address(2)
        #expect(context.isBound(entry))

        var changed = entry
        changed.name = try Fixture.name("peer2")
        #expect(!context.isBound(changed))
        changed = entry
        changed.agreementKey = Fixture.secret(7).agreementPublicKey
        #expect(!context.isBound(changed))
        changed = entry
        changed.identity = Fixture.otherKey.publicKey
        #expect(!context.isBound(changed))
        changed = entry
        changed.binding = Signature([UInt8](repeating: 0, count: 64).span)
        #expect(!context.isBound(changed))
    }

    @Test("an identity that is not a valid key binds nothing", arguments: SignatureEdgeTests.badPoints)
    func badIdentities(_ hex: String) throws {
        let point = try unhex(hex)
        var entry = try Entry.sample(1)
        entry.identity = PublicKey(bytes: Bytes32(point.span))
        entry.binding = Signature((point + [UInt8](repeating: 0, count: 32)).span)
        #expect(!context.isBound(entry))
    }

    @Test("transcripts differ by label, server, HELLO, last value and mesh")
    func transcripts() {
        let (last, server) = (Fixture.digest(1), Fixture.serverKey.publicKey)
        let other = Fixture.otherKey.publicKey
        let transcripts = [
            context.transcript(.transcript, server: server, opening: [1, 2], last: last),
            context.transcript(.transcriptReject, server: server, opening: [1, 2], last: last),
            context.transcript(.transcript, server: other, opening: [1, 2], last: last),
            context.transcript(.transcript, server: server, opening: [1, 3], last: last),
            context.transcript(.transcript, server: server, opening: [1, 2], last: Fixture.digest(2)),
            SigningContext(mesh: other).transcript(.transcript, server: server, opening: [1, 2], last: last),
        ]
        #expect(Set(transcripts).count == transcripts.count)
    }
}
