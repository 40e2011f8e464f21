/// A payload whose signature has been verified. Only `Opened.verified` can make a `Verified`. A payload changes the
/// state of a server or peer only after it has been verified.
package struct Verified<Body: Payload>: Sendable {
    package let body: Body
    package let signer: PublicKey
    package let signature: Signature

    fileprivate init(body: Body, signer: PublicKey, signature: Signature) {
        self.body = body
        self.signer = signer
        self.signature = signature
    }
}

/// A well-formed payload whose seal was intact, but whose signature is not verified yet. Any holder of the seal's key
/// may have made it.
package struct Opened<Body: Payload>: Sendable {
    package let body: Body
    private let header: Header
    /// The payload, followed by the signature. The signature is verified over the bytes of the payload as they were
    /// received, never over bytes that were encoded again.
    private let plaintext: [UInt8]
    private let payloadSize: Int

    /// Opens and decodes the sealed part of `span`.
    package init(
        _ span: Span<UInt8>, _ datagram: Datagram, key: Secret32, by primitives: any Primitives
    ) throws(Rejection) {
        header = datagram.header
        guard let plaintext = primitives.open(span, sealed: datagram.sealed, counter: header.counter, key: key) else {
            throw .sealBroken
        }
        let size = plaintext.count - Signature.count
        guard size >= 0 else { throw .payloadLengthMismatch }
        body = try Body(decoding: plaintext.span.extracting(0..<size))
        self.plaintext = plaintext
        payloadSize = size
    }

    /// Verifies the signature over the payload as it was received.
    ///
    /// - Throws: `signatureInvalid`.
    package func verified(
        by key: PublicKey, in context: SigningContext, extra: SigningContext.Extra = .none
    ) throws(Rejection) -> Verified<Body> {
        let payload = plaintext.prefix(payloadSize)
        let signature = Signature(plaintext.span, at: payloadSize)
        var bytes = context.signedBytes(header.fields, from: header.from, extra: extra, payload: payload)
        // The bytes may contain the binder, which is a secret.
        defer { Sodium.wipe(&bytes) }
        guard context.primitives.verify(signature, of: bytes, by: key) else { throw .signatureInvalid }
        return Verified(body: body, signer: key, signature: signature)
    }
}
