/// Implements the primitives with libsodium.
package struct Libsodium: Primitives {
    package init() {}

    package func sign(_ message: [UInt8], by key: SigningKey) -> Signature {
        key.sign(message)
    }

    package func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        Sodium.verify(signature, of: message, by: key)
    }

    package func isValidPoint(_ key: PublicKey) -> Bool {
        Sodium.isValidPoint(key)
    }

    package func agreementKey(of key: PublicKey) -> AgreementPublicKey? {
        Sodium.agreementKey(of: key)
    }

    package func publicKey(of secret: Secret32) -> AgreementPublicKey {
        secret.agreementPublicKey
    }

    package func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? {
        secret.agree(with: key)
    }

    package func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? {
        identity.agree(with: key)
    }

    package func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        Sodium.seal(plaintext, onto: &datagram, counter: counter, key: key)
    }

    package func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        Sodium.open(datagram, sealed: sealed, counter: counter, key: key)
    }
}
