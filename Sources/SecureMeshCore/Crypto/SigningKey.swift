/// The secret half of an identity: an Ed25519 key, kept in guarded memory and wiped with its last owner.
///
/// Has no description, is `Codable` by nothing, and no error holds a byte of it.
public final class SigningKey: Sendable {
    private let guarded: GuardedSigningKey

    /// A new key from the operating system's generator.
    public convenience init() {
        var seed = Sodium.randomBytes(Bytes32.count)
        self.init(seed: seed.span)
        Sodium.wipe(&seed)
    }

    /// The key of a 32-byte seed (RFC 8032, section 5.1.5). The caller wipes what it holds.
    package init(seed: Span<UInt8>) {
        guarded = GuardedSigningKey(seed: seed)
    }

    /// The public half: what others pin or authorise.
    public var publicKey: PublicKey { guarded.publicKey }

    package func sign(_ message: [UInt8]) -> Signature {
        guarded.sign(message)
    }

    /// X25519 with this identity converted to Curve25519 (S_x in PROTOCOL.md); nil for a small-order `key`.
    package func agree(with key: AgreementPublicKey) -> Secret32? {
        guarded.agree(with: key)
    }

    /// Calls `body` with the key's text, `P2PSECRET1_…`, and wipes it after.
    public func withSecretText<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        var seed = guarded.copySeed()
        defer { Sodium.wipe(&seed) }
        var text = KeyText.secret.encode(seed)
        defer { Sodium.wipe(&text) }
        return try body(text.span)
    }
}
