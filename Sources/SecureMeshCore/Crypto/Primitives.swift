/// The primitives that cost time or whose use must be watched (PROTOCOL.md, section 3), behind one interface: a
/// simulation of thousands of peers puts others in their place, or listens.
///
/// What runs for real uses `Libsodium`, the only one in the library. Every implementation is total, as `Sodium` is:
/// bad bytes give nil or false. Hashes and derived keys are cheap and stay with `Sodium`.
package protocol Primitives: Sendable {
    func sign(_ message: [UInt8], by key: SigningKey) -> Signature
    func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool
    func isValidPoint(_ key: PublicKey) -> Bool

    /// The form of an identity in which others agree with it; nil if it has none.
    func agreementKey(of key: PublicKey) -> AgreementPublicKey?
    func publicKey(of secret: Secret32) -> AgreementPublicKey
    /// Nil for a small-order `key`, as below.
    func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32?
    func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32?

    /// Appends ciphertext and a tag of 16 bytes to `datagram`, all of which so far is the additional data.
    func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32)
    /// The plaintext of what `seal` made; nil if a bit of it, or the key, or the counter differs.
    func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]?
}

/// The real primitives.
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
