/// The reason why a text is not the expected key. The error contains no part of the text.
@nonexhaustive
public enum KeyTextError: Error, Hashable, Sendable {
    /// The text does not begin with `p2ppub1_` (a public key), `P2PSECRET1_` (a secret key) or `P2PSEALED1_` (a secret
    /// key with a passphrase).
    case wrongPrefix
    /// The text is a secret key, but a public key is expected.
    case secretKey
    /// The text is a public key, but a secret key is expected.
    case publicKey
    /// The prefix is not followed by exactly 48 characters of base64url (RFC 4648, section 5), or by exactly 96 if the
    /// prefix is `P2PSEALED1_`.
    case malformed
    /// The checksum does not match; probably a typo.
    case wrongCheck
    /// The text is well-formed, but its bytes are not a valid Ed25519 public key.
    case invalidPoint
    /// The text is a secret key that a passphrase seals, but no passphrase is given.
    case passphraseMissing
    /// The passphrase does not open the text.
    case wrongPassphrase
    /// The sealed text states a number of Argon2id passes that is not 1 to 10, or a memory size that is not 1 to 256
    /// MiB. A hostile file might do so.
    case costNotAccepted
    /// The system does not grant the memory that Argon2id needs for the passphrase.
    case outOfMemory
}
