package import SecureMeshCore

/// One authentic datagram of a kind, and what its receiver, who holds the right keys, makes of bytes in its place.
package struct Sample: Sendable {
    package let name: String
    package let kind: Kind
    package let bytes: [UInt8]
    /// payload ‖ signature; for RETRY the signature.
    package let plaintext: [UInt8]
    /// Made with the datagram's own key, around any plaintext: what an insider could send.
    package let reseal: @Sendable (_ plaintext: [UInt8]) -> [UInt8]
    private let receive: @Sendable (Span<UInt8>, Datagram) throws(Rejection) -> Void

    /// - Parameter keys: what the receiver derives from the clear and delivery fields that it has received.
    package init<Body: Payload>(
        _ name: String, _ body: Body, _ header: Header, in context: SigningContext, signedBy signer: SigningKey,
        sealedWith seal: Secret32, extra: SigningContext.Extra = .none,
        keys: @escaping @Sendable (Header) throws(Rejection) -> (Secret32, SigningContext.Extra)
    ) {
        let signed = SignedPayload(
            header.fields, from: header.from, extra: extra, payload: body.encoded, context: context, key: signer)
        let publicKey = signer.publicKey
        self.name = name
        kind = header.kind
        bytes = signed.sealed(to: header.to, counter: header.counter, with: seal)
        plaintext = signed.plaintext
        reseal = { plaintext in
            var datagram = header.encode(size: header.kind.sealedOffset + plaintext.count + Kind.tagSize)
            Sodium.seal(plaintext, onto: &datagram, counter: header.counter, key: seal)
            return datagram
        }
        receive = { (span: Span<UInt8>, datagram: Datagram) throws(Rejection) in
            let (key, extra) = try keys(datagram.header)
            _ = try Opened<Body>(span, datagram, key: key, by: Libsodium()).verified(
                by: publicKey, in: context, extra: extra)
        }
    }

    package init(_ name: String, retry bytes: [UInt8], in context: SigningContext) {
        self.name = name
        kind = .retry
        self.bytes = bytes
        plaintext = Array(bytes.suffix(Signature.count))
        reseal = { bytes.dropLast(Signature.count) + $0 }
        receive = { (span: Span<UInt8>, datagram: Datagram) throws(Rejection) in
            guard case .retry(let cookie, _) = datagram.header.fields else { throw .misdirected }
            _ = try VerifiedRetry(span, datagram, cookie: cookie, in: context)
        }
    }

    package var payload: [UInt8] { Array(plaintext.dropLast(Signature.count)) }

    /// Decodes, opens and verifies as the receiver does; nil: accepted.
    package func refusal(of bytes: [UInt8]) -> Rejection? {
        do throws(Rejection) {
            let datagram = try Datagram(decoding: bytes.span)
            guard datagram.header.kind == kind else { return .misdirected }
            try receive(bytes.span, datagram)
            return nil
        } catch {
            return error
        }
    }

    /// RETRY's tag and cookie are not signed: to change them costs its receiver a HELLO and nothing else.
    package func mayDiffer(at index: Int) -> Bool {
        guard kind == .retry else { return false }
        return (4..<12).contains(index) || (Header.size..<Header.size + Bytes16.count).contains(index)
    }
}
