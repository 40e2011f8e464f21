/// A secret Ed25519 key: the identity of a server or a peer. The key is stored in guarded memory, which is wiped when
/// the last reference to the object is released.
///
/// The key has no description and cannot be encoded, and no error contains a byte of it.
public final class SigningKey: Sendable {
    private let guarded: GuardedSigningKey

    /// Makes a new key from the operating system's random numbers.
    public convenience init() {
        var seed = Sodium.randomBytes(Bytes32.count)
        self.init(seed: seed.span)
        Sodium.wipe(&seed)
    }

    /// Makes the key of a 32-byte seed (RFC 8032, section 5.1.5). The caller wipes `seed`.
    package init(seed: Span<UInt8>) {
        guarded = GuardedSigningKey(seed: seed)
    }

    /// The public key, which other users list in a roster or pin as the key of the server.
    public var publicKey: PublicKey { guarded.publicKey }

    package func sign(_ message: [UInt8]) -> Signature {
        guarded.sign(message)
    }

    /// Computes the X25519 shared secret of this key, converted to Curve25519 (S_x in PROTOCOL.md), and `key`.
    ///
    /// - Returns: The shared secret; nil for a small-order `key`.
    package func agree(with key: AgreementPublicKey) -> Secret32? {
        guarded.agree(with: key)
    }

    /// Calls `body` with the key's text, `P2PSECRET1_…`, and then wipes the text.
    ///
    /// - Throws: The error of `body`.
    public func withSecretText<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var seed = guarded.copySeed()
        defer { Sodium.wipe(&seed) }
        var text = KeyText.secret.encode(seed)
        defer { Sodium.wipe(&text) }
        return try body(text.span)
    }

    /// Returns the text of the key, sealed with a passphrase: `P2PSEALED1_…`.
    ///
    /// Takes some tenths of a second and 64 MiB of memory (Argon2id).
    ///
    /// - Parameter passphrase: The passphrase that opens the text.
    /// - Throws: ``KeyTextError/outOfMemory`` if the system does not grant the memory.
    public func sealedText(passphrase: Passphrase) throws(KeyTextError) -> String {
        var seed = guarded.copySeed()
        defer { Sodium.wipe(&seed) }
        return String(decoding: KeyText.sealed.encode(try PassphraseSeal.seal(seed, passphrase)), as: UTF8.self)
    }
}
