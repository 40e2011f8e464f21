/// The reason why a text is not that of a key. It contains no part of the text.
@nonexhaustive
public enum KeyTextError: Error, Hashable, Sendable {
    /// The text does not begin with `p2ppub1_` (a public key), `P2PSECRET1_` (a secret key) or `P2PSEALED1_` (a secret
    /// key with a passphrase).
    case wrongPrefix
    /// The text is that of a secret key, and a public one is expected.
    case secretKey
    /// The text is that of a public key, and a secret one is expected.
    case publicKey
    /// The prefix is not followed by exactly 48 characters of base64url (RFC 4648, section 5), or 96 with a passphrase.
    case malformed
    /// The checksum does not match; probably a typo.
    case wrongCheck
    /// The text is well-formed, but its bytes are not a valid Ed25519 public key.
    case invalidPoint
    /// The text is that of a secret key with a passphrase, and none is given.
    case passphraseMissing
    /// The passphrase is another one.
    case wrongPassphrase
    /// The text asks for more than 10 passes or 256 MiB of memory, which a hostile file could do, or for none.
    case costNotAccepted
    /// The system does not grant the memory that the passphrase needs.
    case outOfMemory
}
