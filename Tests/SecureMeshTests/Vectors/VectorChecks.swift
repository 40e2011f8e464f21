import SecureMesh
import Testing

/// The [keys] section and what every other one needs of it.
struct VectorWorld {
    let keys: VectorSection
    let server: SigningKey
    let peerA: SigningKey
    let peerB: SigningKey
    let context: SigningContext
    let epoch: UInt64

    init() throws {
        keys = try VectorSection.named("keys")
        server = try keys.signingKey("server_seed")
        peerA = try keys.signingKey("peer_a_seed")
        peerB = try keys.signingKey("peer_b_seed")
        context = SigningContext(server: server.publicKey)
        epoch = try keys.number("epoch_u64")
    }

    /// `secret` and `key` agree; both sides of the agreement are checked where a test holds both.
    func agree(_ secret: Secret32, _ key: AgreementPublicKey) throws -> Secret32 {
        try #require(secret.agree(with: key))
    }
}

/// How one datagram is made and read.
struct DatagramVector<Body: Payload> {
    let section: VectorSection
    let world: VectorWorld
    let header: Header
    let body: Body
    let signer: SigningKey
    let key: Secret32
    var extra: SigningContext.Extra = .none

    /// Builds every part, compares each with the vector, then goes the other way.
    func check() throws {
        let payload = try section.bytes("payload")
        #expect(body.encoded == payload)
        let signed = world.context.signedBytes(
            header.kind, from: header.from, extra: extra, clear: header.clear, payload: payload)
        #expect(signed == (try section.bytes("signed")))
        try checkFields()

        let signedPayload = SignedPayload(
            header.kind, from: header.from, extra: extra, clear: header.clear, payload: payload,
            context: world.context, key: signer)
        #expect(signedPayload.signature.array == (try section.bytes("signature")))
        #expect(signedPayload.plaintext == (try section.bytes("plaintext")))
        #expect(key.array == (try section.bytes("key")))
        let datagram = try section.bytes("datagram")
        #expect(header.encode(size: datagram.count) == (try section.bytes("aad")))
        #expect([0, 0, 0, 0] + [UInt8](bigEndian: header.counter) == (try section.bytes("nonce")))
        #expect(seal(signedPayload) == datagram)

        try checkDecoding(datagram)
    }

    private func checkFields() throws {
        var clear: [UInt8] = []
        header.clear.append(to: &clear)
        #expect(clear == (try section.optionalBytes("clear")))
        var expectedExtra: [UInt8] = []
        switch extra {
        case .none: break
        case .transcript(let digest): expectedExtra = digest.array
        case .binder(let secret): expectedExtra = secret.array
        }
        #expect(expectedExtra == (try section.optionalBytes("extra")))
        var delivery: [UInt8] = []
        switch header.delivery {
        case .none: break
        case .cookie(let cookie): cookie.append(to: &delivery)
        case .echo(let number): delivery.append(bigEndian: number)
        }
        #expect(delivery == (try section.optionalBytes("delivery")))
    }

    private func checkDecoding(_ datagram: [UInt8]) throws {
        let decoded = try Datagram(decoding: datagram.span)
        #expect(decoded.header == header)
        #expect(decoded.size == datagram.count)
        let opened = try Opened<Body>(datagram.span, decoded, key: key)
        let verified = try opened.verified(by: signer.publicKey, in: world.context, extra: extra)
        #expect(verified.body == body)
        #expect(verified.signer == signer.publicKey)
        let again = SignedPayload(
            decoded.header.kind, from: decoded.header.from, extra: extra, clear: decoded.header.clear,
            payload: verified.body.encoded, context: world.context, key: signer)
        #expect(seal(again, as: decoded.header) == datagram)
    }

    private func seal(_ payload: SignedPayload, as header: Header? = nil) -> [UInt8] {
        let header = header ?? self.header
        return payload.sealed(to: header.to, counter: header.counter, delivery: header.delivery, with: key)
    }
}
