import SecureMesh
import SelfTest
import Testing

@Suite("Signing keys")
struct SigningKeyTests {
    /// The vectors of RFC 8032, section 7.1. Each has a seed, a public key, a message and a signature.
    static let rfc8032 = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]

    @Test("signatures are those of RFC 8032", arguments: rfc8032)
    func knownAnswers(seed: String, publicKey: String, message: String, signature: String) throws {
        let seed = try unhex(seed)
        let message = try unhex(message)
        let key = SigningKey(seed: seed.span)
        #expect(key.publicKey.bytes.array.hex == publicKey)
        #expect(key.sign(message).array.hex == signature)
        #expect(Sodium.verify(key.sign(message), of: message, by: key.publicKey))
        #expect(!Sodium.verify(key.sign(message), of: message + [0], by: key.publicKey))
    }

    @Test("new keys differ, and are points of the prime-order group")
    func newKeys() {
        let keys = (0..<20).map { _ in SigningKey() }
        #expect(Set(keys.map(\.publicKey)).count == keys.count)
        for key in keys { #expect(Sodium.isValidPoint(key.publicKey)) }
    }

    @Test("a signature verifies only with its key and its message")
    func wrongKeyOrBytes() {
        let message = Array("message".utf8)
        let signature = Fixture.peerKey.sign(message)
        #expect(Sodium.verify(signature, of: message, by: Fixture.peerKey.publicKey))
        #expect(!Sodium.verify(signature, of: message, by: Fixture.otherKey.publicKey))
        for bit in 0..<(message.count * 8) {
            #expect(!Sodium.verify(signature, of: message.flipping(bit: bit), by: Fixture.peerKey.publicKey))
        }
        for bit in 0..<512 {
            let flipped = signature.array.flipping(bit: bit)
            #expect(!Sodium.verify(Signature(flipped.span), of: message, by: Fixture.peerKey.publicKey))
        }
    }

    @Test("an identity agrees on the same secret as its public key in X25519 form")
    func agreement() throws {
        let ephemeral = Fixture.secret(9)
        let converted = try #require(Sodium.agreementKey(of: Fixture.serverKey.publicKey))
        let ours = try #require(ephemeral.agree(with: converted))
        let theirs = try #require(Fixture.serverKey.agree(with: ephemeral.agreementPublicKey))
        #expect(ours.array == theirs.array)
        #expect(Fixture.peerKey.agree(with: ephemeral.agreementPublicKey)?.array != ours.array)
    }

    @Test("the X25519 form of every valid key is canonical", arguments: UInt8(1)...20)
    func convertedKeys(_ byte: UInt8) throws {
        let converted = try #require(Sodium.agreementKey(of: Fixture.key(byte).publicKey)).bytes.array
        #expect(AgreementPublicKey.isCanonical(converted.span, at: 0) == true)
    }
}
