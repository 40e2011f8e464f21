import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Opened and verified")
struct VerifiedTests {
    private static let key = Fixture.secret(4)

    /// Returns a datagram with the header of a LEAVE and an arbitrary plaintext. No decoder checks the size of the
    /// plaintext.
    private static func sealed(_ plaintext: [UInt8]) throws -> ([UInt8], Datagram) {
        let header = Header(.leave, to: 1, from: 2, counter: 3)
        var bytes = header.encode(size: Header.size + plaintext.count + Kind.tagSize)
        Sodium.seal(plaintext, onto: &bytes, counter: 3, key: key)
        return (bytes, Datagram(header: header, size: bytes.count))
    }

    @Test("a plaintext too short for a signature is refused", arguments: [0, 1, 63])
    func shortPlaintext(_ size: Int) throws {
        let (bytes, datagram) = try Self.sealed([UInt8](repeating: 0, count: size))
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in
            try Opened<Leave>(bytes.span, datagram, key: Self.key, by: Libsodium())
        }
    }

    @Test("signatures of 63 and 65 bytes are refused")
    func wrongSignatureSizes() throws {
        let signer = Signer(key: Fixture.peerKey, context: Fixture.context, from: 2)
        let plaintext = signer.sign(.leave, Leave(number: 9)).plaintext
        for wrong in [plaintext.dropLast(), plaintext + [0]] {
            let (bytes, datagram) = try Self.sealed(Array(wrong))
            expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in
                try Opened<Leave>(bytes.span, datagram, key: Self.key, by: Libsodium())
            }
        }
        let (bytes, datagram) = try Self.sealed(plaintext)
        _ = try Opened<Leave>(bytes.span, datagram, key: Self.key, by: Libsodium())
            .verified(by: Fixture.peerKey.publicKey, in: Fixture.context)
    }

    @Test("a signature by another key, or for another mesh, server or handshake, is not verified")
    func wrongSigner() throws {
        let (peer, binder) = (
            Fixture.peerKey.publicKey,
            SigningContext.Extra.binder(Fixture.secret(9), server: Fixture.serverKey.publicKey)
        )
        let bytes = ForgedDatagram(
            .confirm, to: 1, from: 2, counter: 1, extra: binder,
            payload: Heartbeat(number: 1, token: 2, version: 0, part: 0).encoded, signer: Fixture.peerKey,
            context: Fixture.context, key: Self.key
        ).bytes
        let opened = try Opened<Heartbeat>(
            bytes.span, Datagram(decoding: bytes.span), key: Self.key, by: Libsodium())
        let other = SigningContext(mesh: Fixture.otherKey.publicKey)
        _ = try opened.verified(by: peer, in: Fixture.context, extra: binder)
        expectRefusal(.signatureInvalid) { () throws(Rejection) in
            try opened.verified(by: Fixture.otherKey.publicKey, in: Fixture.context, extra: binder)
        }
        expectRefusal(.signatureInvalid) { () throws(Rejection) in
            try opened.verified(by: peer, in: other, extra: binder)
        }
        expectRefusal(.signatureInvalid) { () throws(Rejection) in try opened.verified(by: peer, in: Fixture.context) }
        expectRefusal(.signatureInvalid) { () throws(Rejection) in
            try opened.verified(
                by: peer, in: Fixture.context, extra: .binder(Fixture.secret(8), server: Fixture.serverKey.publicKey))
        }
        // The signature is not valid for a second server of the same mesh.
        expectRefusal(.signatureInvalid) { () throws(Rejection) in
            try opened.verified(
                by: peer, in: Fixture.context, extra: .binder(Fixture.secret(9), server: Fixture.otherKey.publicKey))
        }
    }

    @Test("a RETRY of another server is not verified")
    func retries() throws {
        let retry = try Sample.of(.retry).bytes
        let other = SigningContext(mesh: Fixture.otherKey.publicKey)
        expectRefusal(.signatureInvalid) { () throws(Rejection) in try VerifiedRetry(retry, in: other) }
    }
}
