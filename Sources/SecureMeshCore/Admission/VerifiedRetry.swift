/// A RETRY whose signature has been verified. RETRY is the only kind of datagram that is not sealed.
package struct VerifiedRetry: Sendable {
    package let cookie: Bytes16

    /// Verifies the signature of `datagram`.
    ///
    /// - Parameters:
    ///   - cookie: The cookie in the datagram, which the signature does not cover.
    ///   - server: The server's key, by which the datagram must be signed.
    /// - Throws: `signatureInvalid`.
    package init(
        _ span: Span<UInt8>, _ datagram: Datagram, cookie: Bytes16, by server: PublicKey, in context: SigningContext
    ) throws(Rejection) {
        let signature = Signature(span, at: datagram.sealed.lowerBound)
        let bytes = context.signedBytes(datagram.header.fields, from: datagram.header.from, payload: EmptyCollection())
        guard context.primitives.verify(signature, of: bytes, by: server) else {
            throw .signatureInvalid
        }
        self.cookie = cookie
    }
}
