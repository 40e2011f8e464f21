import SecureMesh
import Testing

/// Facts from "Taming the many EdDSAs" (novifinancial/ed25519-speccheck) and C2SP/wycheproof, both Apache-2.0, as
/// libsodium 1.0.18 must judge them: cofactorless, S below L, no small-order and no non-canonical A or R.
@Suite("Ed25519 at its edges")
struct SignatureEdgeTests {
    struct EdgeCase: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let key: String
        let message: String
        let signature: String

        init(_ title: String, from source: String, key: String, message: String, r: String, s: String) {
            testDescription = "\(title) (\(source))"
            self.key = key
            self.message = message
            signature = r + s
        }

        func isAccepted() throws -> Bool {
            let (key, signature) = (try unhex(key), try unhex(signature))
            return Sodium.verify(
                Signature(signature.span), of: try unhex(message), by: PublicKey(bytes: Bytes32(key.span)))
        }
    }

    @Test("a signature at an edge of the scheme is refused", arguments: refused)
    func refusedSignatures(_ edge: EdgeCase) throws {
        #expect(try !edge.isAccepted())
    }

    @Test("a key of mixed order signs validly, so it is refused as a key")
    func mixedOrder() throws {
        let key = try unhex(Self.mixedOrder.key)
        #expect(try Self.mixedOrder.isAccepted())
        #expect(!Sodium.isValidPoint(PublicKey(bytes: Bytes32(key.span))))
    }

    @Test("what is no point of the prime-order group in its one encoding is refused as a key", arguments: badPoints)
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

    /// y = 1, -1, 0 with either sign, and the points of order 8, then p, p + 1 and 2^255 - 1: the last three are the
    /// second encodings of small numbers.
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

    /// Those, keys of mixed order, and y = 2, which is on no point.
    static let badPoints: [String] =
        smallOrNonCanonical + [
            mixedOrder.key,
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "0200000000000000000000000000000000000000000000000000000000000000",
        ]

    static let mixedOrder: EdgeCase = EdgeCase(
        "A and R of mixed order, right without the cofactor", from: "speccheck 7",
        key: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        message: "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        r: "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f",
        s: "87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009")

    static let refused: [EdgeCase] = [
        EdgeCase(
            "small-order A and R, S = 0: signs anything", from: "speccheck 0",
            key: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            message: "2a66241a42a9ee12994d8068dcf1bb7dfc6637b45450acd43711f637fa5080fc",
            r: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            s: "0000000000000000000000000000000000000000000000000000000000000000"),
        EdgeCase(
            "small-order A, R of mixed order", from: "speccheck 2",
            key: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            message: "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            r: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            s: "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04"),
        EdgeCase(
            "small-order R, A of mixed order", from: "speccheck 4",
            key: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            message: "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            r: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            s: "182ef1a5b928da07fec769cc8a12db6bcf70dab3f3227fa315e9d5e3e01a3405"),
        EdgeCase(
            "right with the cofactor alone", from: "speccheck 6",
            key: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            message: "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            r: "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512",
            s: "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09"),
        EdgeCase(
            "right with the cofactor alone, R of prime order", from: "speccheck 8",
            key: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            message: "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            r: "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7",
            s: "e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405"),
        EdgeCase(
            "S above L", from: "speccheck 9",
            key: "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            message: "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            r: "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e",
            s: "547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514"),
        EdgeCase(
            "S far above L", from: "speccheck 10",
            key: "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            message: "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            r: "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942",
            s: "7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22"),
        EdgeCase(
            "R not canonical", from: "speccheck 11",
            key: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            message: "fdaebc429f4a735932a160da1301080c13280eea8bc280d1b392c6b9e6ba3a5a",
            r: "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            s: "454d370c8d9fc323a41450f8d513eafeb5b0697390c1e505a0d4ddc71f566607"),
        EdgeCase(
            "R not canonical, hashed as sent", from: "speccheck 12",
            key: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            message: "84b698d39be126ff55fe45079e6c8bf64a0d7db6994560b4e96b7021eb39c1a1",
            r: "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            s: "084d5b99c2a9463d9c8bd5026916996984eeec87ddf1d3be329006ace1b37b09"),
        EdgeCase(
            "small-order A = p - 1", from: "speccheck 13",
            key: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            message: "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
            r: "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc",
            s: "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04"),
        EdgeCase(
            "S + L", from: "wycheproof 63",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "54657374",
            r: "7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0",
            s: "67654bce3832c2d76f8f6f5dafc08d9339d4eef676573336a5c51eb6f946b31d"),
        EdgeCase(
            "S + 2L", from: "wycheproof 64",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "54657374",
            r: "7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0",
            s: "5439412b5395d42f462c67008eba6ca839d4eef676573336a5c51eb6f946b32d"),
        EdgeCase(
            "S + 8L", from: "wycheproof 66",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "54657374",
            r: "7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0",
            s: "e2300459f1e742404cd934d2c595a6253ad4eef676573336a5c51eb6f946b38d"),
        EdgeCase(
            "S just above its bound", from: "wycheproof 85",
            key: "100fdf47fb94f1536a4f7c3fda27383fa03375a8f527c537e6f1703c47f94f86",
            message: "6a0bc2b0057cedfc0fa2e3f7f7d39279b30f454a69dfd1117c758d86b19d85e0",
            r: "0971f86d2c9c78582524a103cb9cf949522ae528f8054dc20107d999be673ff4",
            s: "e25ebf2f2928766b1248bec6e91697775f8446639ede46ad4df4053000000010"),
        EdgeCase(
            "S + 2^255", from: "wycheproof 69",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "54657374",
            r: "7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0",
            s: "7a9155711ecfaf7f99f277bad0c6ae7e39d4eef676573336a5c51eb6f946b38d"),
        EdgeCase(
            "S + p", from: "wycheproof 70",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "54657374",
            r: "7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0",
            s: "679155711ecfaf7f99f277bad0c6ae7e39d4eef676573336a5c51eb6f946b38d"),
        EdgeCase(
            "zero signature", from: "wycheproof 10",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "3f",
            r: "0000000000000000000000000000000000000000000000000000000000000000",
            s: "0000000000000000000000000000000000000000000000000000000000000000"),
        EdgeCase(
            "R = 0", from: "wycheproof 60",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "313233343030",
            r: "0000000000000000000000000000000000000000000000000000000000000000",
            s: "e0b8e7770d51c7a36375d006c5bffd6af43ff54aaf47e4330dc118c71d61ec02"),
        EdgeCase(
            "R all ones", from: "wycheproof 61",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "313233343030",
            r: "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            s: "463a1908382e7eb7693acef9884f7cf931a215e0791876be22c631a59881fd0e"),
        EdgeCase(
            "one bit of R", from: "wycheproof 42",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "313233343030",
            r: "647c1492402ab5ce03e2c3a7f0384d051b9cf3570f1207fc78c1bcc98c281c2b",
            s: "1d125e5538f38afbcc1c84e489521083041d24bc6240767029da063271a1ff0c"),
        EdgeCase(
            "R's sign", from: "wycheproof 59",
            key: "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", message: "313233343030",
            r: "657c1492402ab5ce03e2c3a7f0384d051b9cf3570f1207fc78c1bcc98c281cab",
            s: "227aedf259f910f0f3a759a335062665217925d019173b88917eae294f75d40f"),
        EdgeCase(
            "R = 1 with the sign bit", from: "wycheproof 151",
            key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: "313233343030",
            r: "0100000000000000000000000000000000000000000000000000000000000080",
            s: "c803ee1f2342aa96ff698a393d1ab5e66f3eda101d6d120b394c3fd32c117d0a"),
    ]
}

private let zero = String(repeating: "00", count: 32)
