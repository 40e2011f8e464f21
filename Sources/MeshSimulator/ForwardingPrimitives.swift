package import SecureMeshCore

/// Primitives that note each call, and forward it to other primitives.
package protocol ForwardingPrimitives: Primitives {
    var base: any Primitives { get }

    /// - Parameter bytes: The number of bytes to seal or to open; 0 for all other calls.
    func note(_ call: PrimitiveCall, bytes: Int)
}

/// A call of `Primitives`. `agreeAsIdentity` agrees with the key of an identity.
package enum PrimitiveCall: Int, CaseIterable, Hashable, Sendable {
    case sign, verify, isValidPoint, agreementKey, publicKey, agree, agreeAsIdentity, seal, open
}

extension ForwardingPrimitives {
    package func sign(_ message: [UInt8], by key: SigningKey) -> Signature {
        note(.sign, bytes: 0)
        return base.sign(message, by: key)
    }

    package func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        note(.verify, bytes: 0)
        return base.verify(signature, of: message, by: key)
    }

    package func isValidPoint(_ key: PublicKey) -> Bool {
        note(.isValidPoint, bytes: 0)
        return base.isValidPoint(key)
    }

    package func agreementKey(of key: PublicKey) -> AgreementPublicKey? {
        note(.agreementKey, bytes: 0)
        return base.agreementKey(of: key)
    }

    package func publicKey(of secret: Secret32) -> AgreementPublicKey {
        note(.publicKey, bytes: 0)
        return base.publicKey(of: secret)
    }

    package func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? {
        note(.agree, bytes: 0)
        return base.agree(secret, key)
    }

    package func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? {
        note(.agreeAsIdentity, bytes: 0)
        return base.agree(identity, key)
    }

    package func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        note(.seal, bytes: plaintext.count)
        base.seal(plaintext, onto: &datagram, counter: counter, key: key)
    }

    package func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        note(.open, bytes: sealed.count)
        return base.open(datagram, sealed: sealed, counter: counter, key: key)
    }
}
