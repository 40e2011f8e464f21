/// Seals the seed of a secret key with a passphrase (PROTOCOL.md, section 8.1).
///
/// The key of ChaCha20-Poly1305 is the Argon2id hash of the passphrase. Each call of `seal` uses a new random salt, so
/// no key is used twice and the nonce may be zero.
enum PassphraseSeal {
    /// The size of a sealed seed, in bytes. A sealed seed consists of the number of passes, the memory size, the salt,
    /// the ciphertext and the tag.
    static let count = headerSize + Bytes32.count + Kind.tagSize

    private static let saltSize = 16
    private static let headerSize = 2 + 2 + saltSize

    /// Seals a seed.
    ///
    /// - Parameters:
    ///   - passes: The number of Argon2id passes.
    ///   - memory: The memory that Argon2id uses, in MiB.
    ///   - salt: 16 random bytes.
    /// - Throws: ``KeyTextError/outOfMemory``.
    static func seal(
        _ seed: [UInt8], _ passphrase: Passphrase, passes: UInt16 = UInt16(Limits.argonPasses),
        memory: UInt16 = UInt16(Limits.argonMemory), salt: [UInt8] = Sodium.randomBytes(saltSize)
    ) throws(KeyTextError) -> [UInt8] {
        var text = Array(KeyText.sealed.rawValue.utf8)
        let prefix = text.count
        text.append(bigEndian: passes)
        text.append(bigEndian: memory)
        text.append(contentsOf: salt)
        guard let key = passphrase.stretched(salt: salt, passes: passes, memory: memory) else { throw .outOfMemory }
        Sodium.seal(seed, onto: &text, counter: 0, key: key)
        return Array(text.dropFirst(prefix))
    }

    /// Opens the bytes that `seal` returned. Returns the seed, which the caller wipes.
    static func open(_ bytes: [UInt8], _ passphrase: Passphrase) throws(KeyTextError) -> [UInt8] {
        func number(at start: Int) -> UInt16 { bytes[start..<start + 2].reduce(0) { $0 << 8 | UInt16($1) } }
        let (passes, memory) = (number(at: 0), number(at: 2))
        guard (1...Limits.mostArgonPasses).contains(Int(passes)), (1...Limits.mostArgonMemory).contains(Int(memory))
        else { throw .costNotAccepted }
        let salt = Array(bytes[4..<headerSize])
        guard let key = passphrase.stretched(salt: salt, passes: passes, memory: memory) else { throw .outOfMemory }
        let prefix = Array(KeyText.sealed.rawValue.utf8)
        let text = prefix + bytes
        guard let seed = Sodium.open(text.span, sealed: prefix.count + headerSize..<text.count, counter: 0, key: key)
        else { throw .wrongPassphrase }
        return seed
    }
}
