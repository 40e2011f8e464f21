import SecureMesh
import SelfTest
import Testing

/// Tests X25519 as libsodium 1.0.18 computes it, and the keys that the decoder refuses before an agreement. The cases
/// are the lines of `x25519.txt`. Where that file says "acceptable", this project refuses the key if the shared secret
/// is zero or if the key is not encoded canonically.
@Suite("Edge cases of X25519")
struct AgreementEdgeTests {
    @Test(
        "libsodium computes all 518 published cases but those that are zero; the decoder accepts canonical keys"
    )
    func published() throws {
        let cases = try AgreementCase.all.get()
        #expect(cases.count == 518)
        for edge in cases {
            let agreed = Secret32(Bytes32(edge.secret.span)).agree(with: edge.publicKey)
            #expect(agreed?.array == edge.shared, "\(edge.number)")
            #expect((agreed != nil) == edge.isAccepted, "\(edge.number)")
            #expect(AgreementPublicKey.isCanonical(edge.key.span, at: 0) == edge.isCanonical, "\(edge.number)")
        }
    }

    @Test("valid cases are accepted; of the acceptable ones 31 are zero, and 13 more have a second encoding")
    func verdicts() throws {
        let cases = try AgreementCase.all.get()
        #expect(cases.filter { $0.verdict == "valid" }.allSatisfy { $0.isAccepted && $0.isCanonical })
        #expect(cases.count { $0.verdict == "valid" } == 264)
        #expect(cases.count { !$0.isAccepted } == 31)
        #expect(cases.count { $0.isAccepted && !$0.isCanonical } == 13)
        #expect(cases.allSatisfy { ($0.shared == nil) == !$0.isAccepted })
    }

    @Test("the shared secret of RFC 7748, section 5.2, is the known one")
    func knownAnswer() throws {
        let secret = try unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
        let key = try unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
        let agreed = Secret32(Bytes32(secret.span)).agree(with: AgreementPublicKey(bytes: Bytes32(key.span)))
        #expect(agreed?.array.hex == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    }

    @Test("a small-order public key agrees with no secret, ephemeral or identity")
    func zeroSecret() throws {
        let keys = try AgreementCase.smallOrder()
        #expect(keys.count >= 14)
        for bytes in keys {
            let key = AgreementPublicKey(bytes: Bytes32(bytes.span))
            for byte in UInt8(1)...5 {
                #expect(Fixture.secret(byte).agree(with: key) == nil, "\(bytes.hex)")
                #expect(Fixture.key(byte).agree(with: key) == nil, "\(bytes.hex)")
            }
        }
    }

    @Test("a public key that is not canonical gets past no decoder")
    func refusedEverywhere() throws {
        let keys = try AgreementCase.nonCanonical()
        #expect(keys.count >= 16)
        for key in keys {
            #expect(AgreementPublicKey.isCanonical(key.span, at: 0) == false)
            let hello = try Sample.of(.hello).bytes.replacing(at: 44, with: key)
            #expect(refusal(ofDatagram: hello) == .nonCanonicalAgreementKey)
            let welcome = try Sample.of(.welcome).bytes.replacing(at: 28, with: key)
            #expect(refusal(ofDatagram: welcome) == .nonCanonicalAgreementKey)
            let snapshot = Array(try Sample.of(.snapshot).plaintext.dropLast(Signature.count))
            #expect(refusal(of: .snapshot, payload: snapshot.replacing(at: 53, with: key)) == .nonCanonicalAgreementKey)
        }
    }

    @Test("both ends of an agreement compute one secret, and another key leads to another", arguments: UInt8(1)...10)
    func bothEnds(_ byte: UInt8) throws {
        let (a, b) = (Fixture.secret(byte), Fixture.secret(byte + 100))
        let shared = try #require(a.agree(with: b.agreementPublicKey))
        #expect(b.agree(with: a.agreementPublicKey)?.array == shared.array)
        #expect(a.agree(with: a.agreementPublicKey)?.array != shared.array)
    }
}
