/// The cryptographic primitives that are expensive, or whose use a simulation has to observe (PROTOCOL.md, section 3).
///
/// A simulation of thousands of peers replaces or observes the primitives. All other programs use `Libsodium`, the only
/// implementation in the library. Every implementation is total: for invalid bytes it returns nil or false. Hashes and
/// derived keys are not among the primitives, because they are cheap; `Sodium` computes them directly.
package protocol Primitives: Sendable {
    func sign(_ message: [UInt8], by key: SigningKey) -> Signature
    func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool

    /// Returns true if `key` is the canonical encoding of a point of the prime-order group.
    func isValidPoint(_ key: PublicKey) -> Bool

    /// Returns the X25519 form of an Ed25519 public key; nil if the key has none.
    func agreementKey(of key: PublicKey) -> AgreementPublicKey?
    func publicKey(of secret: Secret32) -> AgreementPublicKey

    /// Computes the X25519 shared secret.
    ///
    /// - Returns: The shared secret; nil for a small-order `key`.
    func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32?

    /// Computes the X25519 shared secret of an Ed25519 identity, converted to Curve25519, and `key`.
    ///
    /// - Returns: The shared secret; nil for a small-order `key`.
    func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32?

    /// Seals `plaintext`: appends the ciphertext and a tag of 16 bytes to `datagram`. The bytes that are already in
    /// `datagram` are the additional data.
    func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32)

    /// Returns the plaintext of a datagram that `seal` made; nil if a bit of the datagram was changed, or if it was
    /// sealed with another counter or key.
    func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]?
}
