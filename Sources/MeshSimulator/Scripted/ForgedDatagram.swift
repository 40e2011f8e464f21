package import SecureMeshCore

/// A datagram in the making, with every step of it open to harm: fields, then the signature, then the seal.
///
/// The library's own `SignedPayload` can make only what is right; this can make what an attacker can who holds keys. It
/// signs and seals with the primitives of its context.
package struct ForgedDatagram: Sendable {
    package var fields: OpenFields
    package var to: UInt64
    package var from: UInt64
    package var counter: UInt64
    package var extra = SigningContext.Extra.none
    package var payload: [UInt8]
    package var signer: SigningKey
    package var context: SigningContext
    /// Nil in RETRY, which is not sealed.
    package var key: Secret32?

    package init(
        _ fields: OpenFields, to: UInt64, from: UInt64, counter: UInt64, extra: SigningContext.Extra = .none,
        payload: [UInt8], signer: SigningKey, context: SigningContext, key: Secret32?
    ) {
        self.fields = fields
        self.to = to
        self.from = from
        self.counter = counter
        self.extra = extra
        self.payload = payload
        self.signer = signer
        self.context = context
        self.key = key
    }

    package var kind: Kind { fields.kind }

    package var signature: Signature {
        context.primitives.sign(
            context.signedBytes(fields, from: from, extra: extra, payload: payload), by: signer)
    }

    /// The datagram as it should be.
    package var bytes: [UInt8] { bytes(Tampering()).bytes }

    /// What is changed at which step, and nothing else: the steps after it are done as they should be.
    package struct Tampering: Sendable {
        /// To the payload: signed and sealed by the right keys all the same.
        package var beforeSigning: Mutation?
        /// To payload and signature: sealed all the same.
        package var beforeSealing: Mutation?
        /// To the header after the signature, before the seal.
        package var header: HeaderTampering?
        /// To the whole datagram.
        package var afterSealing: Mutation?

        package init() {}
    }

    package enum HeaderTampering: Sendable {
        case to(UInt64)
        case from(UInt64)
        /// A bit of the agreement key, the salt or the rotation.
        case clear(index: Int, mask: UInt8)
    }

    /// The bytes, and which of the harms did change something.
    package func bytes(_ harm: Tampering) -> (bytes: [UInt8], effective: Effective) {
        var draft = self
        var effective = Effective()
        harm.beforeSigning?.apply(to: &draft.payload)
        effective.beforeSigning = draft.payload != payload

        let honest = draft.plaintext
        var plaintext = honest
        harm.beforeSealing?.apply(to: &plaintext)
        effective.beforeSealing = plaintext != honest

        switch harm.header {
        case .to(let value): draft.to = value
        case .from(let value): draft.from = value
        case .clear(let index, let mask): draft.fields = Self.flip(fields, index, mask)
        case .none: break
        }
        effective.header = draft.to != to || draft.from != from || draft.fields != fields

        let sealed = draft.seal(plaintext)
        var bytes = sealed
        harm.afterSealing?.apply(to: &bytes)
        effective.afterSealing = bytes != sealed
        return (bytes, effective)
    }

    package struct Effective: Sendable {
        package var beforeSigning = false
        package var beforeSealing = false
        package var header = false
        package var afterSealing = false
    }

    /// payload ‖ signature.
    package var plaintext: [UInt8] {
        var bytes = payload
        signature.append(to: &bytes)
        return bytes
    }

    private func seal(_ plaintext: [UInt8]) -> [UInt8] {
        let header = Header(fields, to: to, from: from, counter: counter)
        guard let key else { return header.encode(size: kind.sealedOffset + plaintext.count) + plaintext }
        var bytes = header.encode(size: kind.sealedOffset + plaintext.count + Kind.tagSize)
        context.primitives.seal(plaintext, onto: &bytes, counter: counter, key: key)
        return bytes
    }

    private static func flip(_ fields: OpenFields, _ index: Int, _ mask: UInt8) -> OpenFields {
        func flipped(_ value: Bytes32) -> Bytes32 {
            var bytes = value.array
            bytes[index % Bytes32.count] ^= mask
            return Bytes32(bytes.span)
        }
        return switch fields {
        case .hello(let cookie, let key):
            .hello(cookie: cookie, ephemeral: AgreementPublicKey(bytes: flipped(key.bytes)))
        case .welcome(let key): .welcome(ephemeral: AgreementPublicKey(bytes: flipped(key.bytes)))
        case .reject(let salt): .reject(salt: flipped(salt))
        case .retry(let cookie, let rotation):
            .retry(cookie: cookie, rotation: rotation ^ UInt64(mask) << UInt64(index % 8 * 8))
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message: fields
        }
    }
}
