/// The text forms of keys (PROTOCOL.md, section 8). A text is prefix ‖ base64url(bytes ‖ checksum).
///
/// The checksum is the first 4 bytes of a keyed hash of the prefix and the bytes.
enum KeyText: String {
    case publicKey = "p2ppub1_"
    case secret = "P2PSECRET1_"
    /// A secret key that a passphrase seals.
    case sealed = "P2PSEALED1_"

    /// Returns true if the text begins with the prefix of this kind of key.
    func isPrefix(of text: [UInt8]) -> Bool { text.starts(with: rawValue.utf8) }

    /// Returns the text for the bytes of a key. If the key is secret, the caller wipes the text.
    func encode(_ bytes: [UInt8]) -> [UInt8] {
        var all = withChecksum(bytes)
        defer { Sodium.wipe(&all) }
        return Sodium.base64url(all.span.extracting(rawValue.utf8.count...), after: rawValue)
    }

    /// Returns the bytes of the key in `text`. If the key is secret, the caller wipes the bytes.
    func decode(_ text: [UInt8]) throws(KeyTextError) -> [UInt8] {
        guard isPrefix(of: text) else {
            if KeyText.publicKey.isPrefix(of: text) { throw .publicKey }
            guard KeyText.secret.isPrefix(of: text) || KeyText.sealed.isPrefix(of: text) else { throw .wrongPrefix }
            throw self == .publicKey ? .secretKey : .passphraseMissing
        }
        var body = Array(text.dropFirst(rawValue.utf8.count))
        defer { Sodium.wipe(&body) }
        let count = self == .sealed ? PassphraseSeal.count : Bytes32.count
        guard body.count == ((count + Self.checksumSize) * 8 + 5) / 6,
            var all = Sodium.base64urlDecode(body, count: count + Self.checksumSize)
        else { throw .malformed }
        defer { Sodium.wipe(&all) }
        var bytes = Array(all.prefix(count))
        var expected = withChecksum(bytes)
        defer { Sodium.wipe(&expected) }
        guard expected.suffix(Self.checksumSize) == all.suffix(Self.checksumSize) else {
            Sodium.wipe(&bytes)
            throw .wrongCheck
        }
        return bytes
    }

    /// Returns prefix ‖ `bytes` ‖ checksum. If the key is secret, the caller wipes the result.
    private func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(rawValue.utf8.count + bytes.count + Self.checksumSize)
        all.append(contentsOf: rawValue.utf8)
        all.append(contentsOf: bytes)
        let hash = Sodium.hash(.keyText, all.span).littleEndian.0
        for index in 0..<Self.checksumSize { all.append(UInt8(truncatingIfNeeded: hash >> (index * 8))) }
        return all
    }

    private static let checksumSize = 4
}

extension PublicKey: CustomStringConvertible {
    /// Reads the text of a public key, `p2ppub1_…`.
    ///
    /// - Throws: ``KeyTextError``.
    public init(_ text: String) throws(KeyTextError) {
        try self.init(utf8: Array(text.utf8).span)
    }

    /// Reads the text of a public key. All copies that are made of the text are wiped, because a user may have passed a
    /// secret key by mistake.
    package init(utf8 text: Span<UInt8>) throws(KeyTextError) {
        var copy = [UInt8](copying: text)
        defer { Sodium.wipe(&copy) }
        let bytes = try KeyText.publicKey.decode(copy)
        self.init(bytes: Bytes32(bytes.span))
        guard Sodium.isValidPoint(self) else { throw .invalidPoint }
    }

    /// The key's text, `p2ppub1_…`, 56 characters.
    public var description: String { String(decoding: text, as: UTF8.self) }

    /// The UTF-8 bytes of `description`.
    package var text: [UInt8] { KeyText.publicKey.encode(bytes.array) }
}

extension SigningKey {
    /// Reads the text of a secret key: `P2PSECRET1_…`, or `P2PSEALED1_…` if a passphrase seals the key. The caller
    /// wipes the text. ``init(contentsOfFile:groupMayRead:passphrase:)`` wipes the text that it has read.
    ///
    /// Opening a sealed text takes some tenths of a second and 64 MiB of memory, because Argon2id derives the key from
    /// the passphrase. The text states the number of passes and the memory: 3 passes and 64 MiB by default, and 10
    /// passes and 256 MiB at most.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - passphrase: The passphrase that opens a sealed text; nil if there is none. It is ignored if the text is not
    ///     sealed.
    /// - Throws: ``KeyTextError``.
    public convenience init(_ text: Span<UInt8>, passphrase: Passphrase? = nil) throws(KeyTextError) {
        var copy = [UInt8](copying: text)
        defer { Sodium.wipe(&copy) }
        var seed: [UInt8]
        if let passphrase, KeyText.sealed.isPrefix(of: copy) {
            seed = try PassphraseSeal.open(KeyText.sealed.decode(copy), passphrase)
        } else {
            seed = try KeyText.secret.decode(copy)
        }
        defer { Sodium.wipe(&seed) }
        self.init(seed: seed.span)
    }
}
