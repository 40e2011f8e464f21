import SecureMesh
import SelfTest
import Testing

@Suite("Keys and signatures")
struct KeysTests {
    /// Pairs: an X25519 public key in little-endian order, and true if it is the canonical encoding of its u-coordinate
    /// (RFC 7748).
    static let encodings: [(String, isCanonical: Bool)] = [
        ("0000000000000000000000000000000000000000000000000000000000000000", true),
        ("0900000000000000000000000000000000000000000000000000000000000000", true),
        // These are p - 1, p, p + 1, p + 18 and 2^255 - 1.
        ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true),
        ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false),
        ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false),
        ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false),
        // These keys are below p. They differ from p in a byte other than the lowest one.
        ("edfeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true),
        ("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7f", true),
        ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7e", true),
        // In these keys, the top bit is set.
        ("0000000000000000000000000000000000000000000000000000000000000080", false),
        ("0900000000000000000000000000000000000000000000000000000000000080", false),
        ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false),
        ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false),
    ]

    @Test("an agreement key is canonical below p with the top bit clear", arguments: encodings)
    func canonical(_ key: String, isCanonical: Bool) throws {
        let bytes = try unhex(key)
        #expect(AgreementPublicKey.isCanonical(bytes.span, at: 0) == isCanonical)
        let shifted = [0xFF, 0xFF] + bytes
        #expect(AgreementPublicKey.isCanonical(shifted.span, at: 2) == isCanonical)
    }

    @Test("a signature keeps its 64 bytes in order")
    func signature() {
        let bytes = [UInt8](0..<70)
        #expect(Signature(bytes.span, at: 3).array == [UInt8](3..<67))
        #expect(Signature(bytes.span) == Signature(bytes.span, at: 0))
        #expect(Signature(bytes.span) != Signature(bytes.span, at: 1))
    }

    @Test("public keys are equal if their bytes are")
    func publicKeys() {
        #expect(PublicKey(bytes: Fixture.digest(1)) == PublicKey(bytes: Fixture.digest(1)))
        #expect(PublicKey(bytes: Fixture.digest(1)) != PublicKey(bytes: Fixture.digest(2)))
    }
}
