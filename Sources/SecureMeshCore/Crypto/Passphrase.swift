/// The passphrase of a secret key. A `Passphrase` is stored in guarded memory, which is wiped when the last reference
/// to the object is released.
///
/// A passphrase has no description and cannot be encoded.
public final class Passphrase: Sendable {
    private let guarded: GuardedPassphrase

    /// Copies a passphrase of 1 to 1,023 bytes without ASCII control characters. The caller wipes `text`.
    ///
    /// Two passphrases are the same if their bytes are equal. Programs that encode accented letters in different ways
    /// produce different bytes for the same word.
    ///
    /// - Parameter text: The bytes of the passphrase, usually UTF-8.
    /// - Throws: ``PassphraseError``.
    public init(_ text: Span<UInt8>) throws(PassphraseError) {
        guard text.count > 0 else { throw .empty }
        guard text.count <= Limits.passphrase else { throw .tooLong }
        for index in 0..<text.count where text[index] < 0x20 || text[index] == 0x7F { throw .controlCharacter }
        guarded = GuardedPassphrase(text)
    }

    /// Returns true if the other passphrase has the same bytes. The time that this takes depends only on the number of
    /// bytes.
    package func isSame(as other: Passphrase) -> Bool {
        guarded.isSame(as: other.guarded)
    }

    /// Returns the Argon2id hash of the passphrase; nil if the system does not grant the memory.
    ///
    /// - Parameter memory: The memory that Argon2id uses, in MiB.
    func stretched(salt: [UInt8], passes: UInt16, memory: UInt16) -> Secret32? {
        guarded.stretched(salt: salt, passes: passes, memory: memory)
    }
}

/// The reason why bytes are not a passphrase. The error contains none of the bytes.
@nonexhaustive
public enum PassphraseError: Error, Hashable, Sendable {
    /// There are no bytes.
    case empty
    /// There are more than 1,023 bytes.
    case tooLong
    /// A byte is an ASCII control character (below 0x20, or 0x7F), such as a line break.
    case controlCharacter
}
