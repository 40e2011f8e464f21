package import SecureMeshCore

/// A datagram that is made in steps: fields, signature, seal. Every part can be changed before each step.
///
/// `SignedPayload` makes only what an honest program sends. This type makes whatever an attacker with keys can send. It
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
    /// The key of the seal; nil in a RETRY, which is not sealed.
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

    /// The payload and its signature.
    package var plaintext: [UInt8] {
        var bytes = payload
        signature.append(to: &bytes)
        return bytes
    }

    /// The bytes of the datagram, signed and sealed without further changes.
    package var bytes: [UInt8] { seal(plaintext) }

    /// Returns a copy of the datagram that `signer` signs; an unchanged copy if `signer` is nil.
    package func signed(by signer: SigningKey?) -> ForgedDatagram {
        var copy = self
        if let signer { copy.signer = signer }
        return copy
    }

    /// Returns the datagram with `plaintext` in place of the payload and its signature. `plaintext` may be any bytes.
    package func seal(_ plaintext: [UInt8]) -> [UInt8] {
        let header = Header(fields, to: to, from: from, counter: counter)
        guard let key else { return header.encode(size: kind.sealedOffset + plaintext.count) + plaintext }
        var bytes = header.encode(size: kind.sealedOffset + plaintext.count + Kind.tagSize)
        context.primitives.seal(plaintext, onto: &bytes, counter: counter, key: key)
        return bytes
    }
}

// MARK: changes

extension ForgedDatagram {
    /// The changes that the attacker makes to a datagram, at most one per step. The steps after a change are carried
    /// out as for a valid datagram.
    package struct Changes: Sendable {
        /// A change of the payload, which is then correctly signed and sealed.
        package var beforeSigning: Tampering?
        /// A change of the payload or its signature, which are then correctly sealed.
        package var beforeSealing: Tampering?
        /// A change of the header after the signature and before the seal.
        package var header: HeaderChange?
        /// A change to the complete datagram after it has been sealed; nil for none.
        package var afterSealing: Tampering?

        package init() {}
    }

    package enum HeaderChange: Sendable {
        case to(UInt64)
        case from(UInt64)
        /// A change of one byte of the agreement key, the salt or the rotation, whichever the datagram has.
        case clear(index: Int, mask: UInt8)
    }

    /// One flag per step of `Changes`: true if the change at that step altered the datagram.
    package struct Effects: Sendable {
        package var beforeSigning = false
        package var beforeSealing = false
        package var header = false
        package var afterSealing = false
    }

    /// Returns the bytes of the changed datagram, and one flag per change: true if the change had an effect.
    package func bytes(_ changes: Changes) -> (bytes: [UInt8], effects: Effects) {
        var draft = self
        var effects = Effects()
        changes.beforeSigning?.apply(to: &draft.payload)
        effects.beforeSigning = draft.payload != payload

        let honest = draft.plaintext
        var plaintext = honest
        changes.beforeSealing?.apply(to: &plaintext)
        effects.beforeSealing = plaintext != honest

        switch changes.header {
        case .to(let value): draft.to = value
        case .from(let value): draft.from = value
        case .clear(let index, let mask): draft.fields = Self.flip(fields, index, mask)
        case .none: break
        }
        effects.header = draft.to != to || draft.from != from || draft.fields != fields

        let sealed = draft.seal(plaintext)
        var bytes = sealed
        changes.afterSealing?.apply(to: &bytes)
        effects.afterSealing = bytes != sealed
        return (bytes, effects)
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
        case .resume(let key): .resume(ephemeral: AgreementPublicKey(bytes: flipped(key.bytes)))
        case .retry(let cookie, let rotation):
            .retry(cookie: cookie, rotation: rotation ^ UInt64(mask) << UInt64(index % 8 * 8))
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message, .ack: fields
        }
    }
}
