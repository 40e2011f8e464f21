import SecureMesh
import SelfTest
import Testing

/// Tests Ed25519 verification as libsodium 1.0.18 does it. The equation has no cofactor, S is below L, A and R are
/// canonical, and neither has small order. The cases are the lines of `ed25519.txt`.
@Suite("Edge cases of Ed25519")
struct SignatureEdgeTests {
    @Test("libsodium accepts and refuses the 166 published cases as listed")
    func published() throws {
        let cases = try SignatureCase.all.get()
        #expect(cases.count == 166)
        for edge in cases {
            let expected: Bool? =
                switch edge.outcome {
                case .accepts: true
                case .refuses: false
                case .length: nil
                }
            #expect(edge.isAccepted == expected, "\(edge.id)")
        }
    }

    @Test("libsodium agrees with the verdict of the source, if there is one and the signature has 64 bytes")
    func verdicts() throws {
        let cases = try SignatureCase.all.get().filter { $0.verdict != "-" }
        #expect(cases.count == 151)
        for edge in cases { #expect((edge.outcome == .accepts) == (edge.verdict == "valid"), "\(edge.id)") }
        #expect(cases.count { $0.outcome == .length } == 12)
    }

    @Test("S + kL is refused for every k, and every S at or above L")
    func malleable() throws {
        let published = try SignatureCase.all.get().filter { $0.flags.contains("SignatureMalleability") }
        let above = try ["speccheck-9", "speccheck-10", "wycheproof-85"].map { try SignatureCase.named($0) }
        #expect(published.count == 8)
        for edge in published + above { #expect(edge.isAccepted == false, "\(edge.id)") }
        // Multiples of L are added to the S of a valid signature while the sum fits into 32 bytes.
        let genuine = Fixture.peerKey.sign([1])
        var scalar = Array(genuine.array.suffix(32))
        for _ in 0..<15 {
            scalar = Self.adding(Self.order, to: scalar)
            let signature = genuine.array.prefix(32) + scalar
            #expect(!Sodium.verify(Signature(Array(signature).span), of: [1], by: Fixture.peerKey.publicKey))
        }
        #expect(Sodium.verify(genuine, of: [1], by: Fixture.peerKey.publicKey))
    }

    @Test("a signature that is right with the cofactor alone is refused", arguments: ["speccheck-6", "speccheck-8"])
    func cofactored(_ id: String) throws {
        #expect(try SignatureCase.named(id).isAccepted == false)
    }

    @Test("a key of mixed order signs validly, so it is refused as a key")
    func mixedOrder() throws {
        let edge = try SignatureCase.named("speccheck-7")
        #expect(edge.isAccepted == true)
        #expect(!Sodium.isValidPoint(edge.publicKey))
        #expect(edge.key.hex == Self.mixedOrder)
    }

    @Test(
        "a key that is not the canonical encoding of a point of the prime-order group is refused", arguments: badPoints)
    func badKeys(_ hex: String) throws {
        let point = try unhex(hex)
        #expect(!Sodium.isValidPoint(PublicKey(bytes: Bytes32(point.span))))
    }

    @Test("a key of small order, or not canonical, verifies nothing", arguments: smallOrNonCanonical)
    func badKeysVerifyNothing(_ hex: String) throws {
        let point = try unhex(hex)
        let key = PublicKey(bytes: Bytes32(point.span))
        for r in Self.smallOrNonCanonical + ["f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43"] {
            for s in [zero, "01" + String(zero.dropLast(2))] {
                let signature = try unhex(r + s)
                #expect(!Sodium.verify(Signature(signature.span), of: [1], by: key))
            }
        }
    }

    @Test(
        "a signature with a small-order or non-canonical R is refused under an honest key",
        arguments: smallOrNonCanonical)
    func badR(_ hex: String) throws {
        let signature = try unhex(hex) + Fixture.peerKey.sign([1]).s.array
        #expect(!Sodium.verify(Signature(signature.span), of: [1], by: Fixture.peerKey.publicKey))
    }

    @Test("the zero signature is refused under every key", arguments: UInt8(1)...10)
    func zeroSignature(_ byte: UInt8) {
        let signature = Signature([UInt8](repeating: 0, count: 64).span)
        #expect(!Sodium.verify(signature, of: [], by: Fixture.key(byte).publicKey))
    }

    /// Keys of small order, then non-canonical keys. The keys of small order are y = 1, -1 and 0 with either sign, and
    /// the points of order 8. The non-canonical keys are p, p + 1 and 2^255 - 1, which are second encodings of small
    /// numbers.
    static let smallOrNonCanonical: [String] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]

    /// The public key in the cases speccheck-6 to speccheck-8. It is a point of mixed order.
    static let mixedOrder = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d"

    /// Keys that are not points of the prime-order group: keys of small order, non-canonical keys, keys of mixed order,
    /// and y = 2, for which the curve has no point.
    static let badPoints: [String] =
        smallOrNonCanonical + [
            mixedOrder, "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "0200000000000000000000000000000000000000000000000000000000000000",
        ]

    /// The order of the prime-order group, L = 2^252 + 27742317777372353535851937790883648493, in little-endian order.
    private static let order: [UInt8] =
        [
            0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
        ] + [UInt8](repeating: 0, count: 15) + [0x10]

    private static func adding(_ other: [UInt8], to number: [UInt8]) -> [UInt8] {
        var carry = 0
        return zip(number, other).map { left, right in
            carry += Int(left) + Int(right)
            defer { carry >>= 8 }
            return UInt8(truncatingIfNeeded: carry)
        }
    }
}

private let zero = String(repeating: "00", count: 32)
