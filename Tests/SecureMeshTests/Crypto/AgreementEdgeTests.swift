import SecureMesh
import Testing

/// Facts from C2SP/wycheproof (Apache-2.0), X25519. What is "acceptable" there is refused here.
@Suite("X25519 at its edges")
struct AgreementEdgeTests {
    /// Secret, public key, shared secret: wycheproof 1 to 3, the latter two on the twist; then RFC 7748, section 5.2.
    static let known = [
        (
            "c8a9d5a91091ad851c668b0736c1c9a02936c0d3ad62670858088047ba057475",
            "504a36999f489cd2fdbc08baff3d88fa00569ba986cba22548ffde80f9806829",
            "436a2c040cf45fea9b29a0cb81b1f41458f863d0d61b453d0a982720d6d61320"
        ),
        (
            "d85d8c061a50804ac488ad774ac716c3f5ba714b2712e048491379a500211958",
            "63aa40c6e38346c5caf23a6df0a5e6c80889a08647e551b3563449befcfc9733",
            "279df67a7c4611db4708a0e8282b195e5ac0ed6f4b2f292c6fbd0acac30d1332"
        ),
        (
            "c8b45bfd32e55325d9fd648cb302848039000b390e44d521e58aab3b29a6964b",
            "0f83c36fded9d32fadf4efa3ae93a90bb5cfa66893bc412c43fa7287dbb99779",
            "4bc7e01e7d83d6cf67632bf90033487a5fc29eba5328890ea7b1026d23b9a45f"
        ),
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
        ),
    ]

    @Test("shared secrets are the known ones", arguments: known)
    func knownAnswers(secret: String, publicKey: String, shared: String) throws {
        let (secret, publicKey) = (try unhex(secret), try unhex(publicKey))
        let agreed = Secret32(Bytes32(secret.span)).agree(with: AgreementPublicKey(bytes: Bytes32(publicKey.span)))
        #expect(agreed?.array.hex == shared)
    }

    /// Every public key of wycheproof whose shared secret is zero, whatever the secret.
    static let smallOrder = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]

    @Test("a small-order public key agrees with no secret, ephemeral or identity", arguments: smallOrder)
    func zeroSecret(_ hex: String) throws {
        let bytes = try unhex(hex)
        let key = AgreementPublicKey(bytes: Bytes32(bytes.span))
        for byte in UInt8(1)...5 {
            #expect(Fixture.secret(byte).agree(with: key) == nil)
            #expect(Fixture.key(byte).agree(with: key) == nil)
        }
    }

    /// wycheproof 84 to 99: u at or above p, or with the top bit set.
    static let nonCanonical = [
        "0000000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000080",
        "0300000000000000000000000000000000000000000000000000000000000080",
        "0400000000000000000000000000000000000000000000000000000000000080",
        "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "dcffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eaffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]

    @Test("a public key that is not canonical gets past no decoder", arguments: nonCanonical)
    func refusedEverywhere(_ hex: String) throws {
        let key = try unhex(hex)
        #expect(AgreementPublicKey.isCanonical(key.span, at: 0) == false)
        let hello = try Sample.of(.hello).bytes.replacing(at: 44, with: key)
        #expect(refusal(ofDatagram: hello) == .nonCanonicalAgreementKey)
        let welcome = try Sample.of(.welcome).bytes.replacing(at: 28, with: key)
        #expect(refusal(ofDatagram: welcome) == .nonCanonicalAgreementKey)
        let snapshot = Array(try Sample.of(.snapshot).plaintext.dropLast(Signature.count))
        #expect(refusal(of: .snapshot, payload: snapshot.replacing(at: 53, with: key)) == .nonCanonicalAgreementKey)
    }

    @Test("both ends of an agreement have one secret, and another key another", arguments: UInt8(1)...10)
    func bothEnds(_ byte: UInt8) throws {
        let (a, b) = (Fixture.secret(byte), Fixture.secret(byte + 100))
        let shared = try #require(a.agree(with: b.agreementPublicKey))
        #expect(b.agree(with: a.agreementPublicKey)?.array == shared.array)
        #expect(a.agree(with: a.agreementPublicKey)?.array != shared.array)
    }
}
