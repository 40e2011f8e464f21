internal import MeshSimulator
internal import SecureMeshCore

/// A datagram of the test vectors, and the values from which `check` computes the datagram anew.
struct DatagramVector<Body: Payload> {
    let section: VectorSection
    let world: VectorWorld
    let header: Header
    let body: Body
    let signer: SigningKey
    let key: Secret32
    var extra: SigningContext.Extra = .none

    /// Computes every part of the datagram and compares it with the vector. Then decodes, opens and verifies the
    /// datagram of the vector.
    func check() throws -> Sample {
        let payload = body.encoded
        try section.expect("payload", payload)
        let signed = world.context.signedBytes(
            header.fields, from: header.from, extra: extra, payload: payload)
        try section.expect("signed", signed)
        try checkFields()

        let signedPayload = SignedPayload(
            header.fields, from: header.from, extra: extra, payload: payload, context: world.context, key: signer)
        try section.expect("signature", signedPayload.signature.array)
        try section.expect("plaintext", signedPayload.plaintext)
        try section.expect("key", key.array)
        let datagram = seal(signedPayload)
        try section.expect("datagram", datagram)
        try section.expect("aad", header.encode(size: datagram.count))
        try section.expect("nonce", [0, 0, 0, 0] + [UInt8](bigEndian: header.counter))

        try checkDecoding(section.bytes("datagram"))
        let forged = ForgedDatagram(
            header.fields, to: header.to, from: header.from, counter: header.counter, extra: extra, payload: payload,
            signer: signer, context: world.context, key: key)
        section.expect(forged.bytes == datagram, "a scripted sender makes another datagram")
        let (key, extra, signerKey, context) = (key, extra, signer.publicKey, world.context)
        return Sample(section.name, forged) { bytes throws(Rejection) in
            _ = try Opened<Body>(bytes.span, Datagram(decoding: bytes.span), key: key, by: Libsodium())
                .verified(by: signerKey, in: context, extra: extra)
        }
    }

    private func checkFields() throws {
        try section.expect("clear", [UInt8](appending: header.fields.appendClear(to:)))
        switch extra {
        case .none: try section.expect("extra", [])
        case .transcript(let digest): try section.expect("extra", digest.array)
        case .binder(let secret, let server): try section.expect("extra", secret.array + server.bytes.array)
        }
        try section.expect("delivery", [UInt8](appending: header.fields.appendDelivery(to:)))
    }

    private func checkDecoding(_ datagram: [UInt8]) throws {
        do throws(Rejection) {
            let decoded = try Datagram(decoding: datagram.span)
            section.expect(decoded.header == header, "the header is read as \(decoded.header)")
            section.expect(decoded.size == datagram.count, "it is read as one of \(decoded.size) bytes")
            let opened = try Opened<Body>(datagram.span, decoded, key: key, by: Libsodium())
            let verified = try opened.verified(by: signer.publicKey, in: world.context, extra: extra)
            section.expect(verified.body == body, "the payload is read as \(verified.body)")
            section.expect(verified.signer == signer.publicKey, "the signer is another")
            let again = SignedPayload(
                decoded.header.fields, from: decoded.header.from, extra: extra, payload: verified.body.encoded,
                context: world.context, key: signer)
            section.expect(seal(again, as: decoded.header) == datagram, "read and written again it is another")
        } catch {
            section.expect(false, "the datagram is refused: \(error)")
        }
    }

    private func seal(_ payload: SignedPayload, as header: Header? = nil) -> [UInt8] {
        let header = header ?? self.header
        return payload.sealed(to: header.to, counter: header.counter, with: key)
    }
}
