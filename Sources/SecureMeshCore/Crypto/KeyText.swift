/// Why a text is not a key. Holds no part of the text.
public enum KeyTextError: Error, Hashable, Sendable {
    /// Does not begin with `p2ppub1_` (for a secret, `P2PSECRET1_`).
    case wrongPrefix
    /// A secret key where a public one belongs.
    case secretKey
    /// A public key where a secret one belongs.
    case publicKey
    /// Not 48 characters of base64url after the prefix.
    case malformed
    /// A slip of the pen: the check bytes do not match.
    case wrongCheck
    /// Right in form, but not a point that an honest key generation makes.
    case invalidPoint
}

/// The text of a key (PROTOCOL.md, key text): prefix ‖ base64url(32 bytes ‖ the first 4 of a keyed hash).
enum KeyText: String {
    case publicKey = "p2ppub1_"
    case secret = "P2PSECRET1_"

    func encode(_ bytes: [UInt8]) -> [UInt8] {
        var all = bytes
        all.reserveCapacity(bytes.count + Self.checkSize)
        all.append(contentsOf: check(bytes))
        defer { Sodium.wipe(&all) }
        var body = Sodium.base64url(all)
        defer { Sodium.wipe(&body) }
        var text = Array(rawValue.utf8)
        text.reserveCapacity(text.count + body.count)
        text.append(contentsOf: body)
        return text
    }

    /// The 32 bytes; the caller wipes them if they are secret.
    func decode(_ text: [UInt8]) throws(KeyTextError) -> [UInt8] {
        let other = self == .secret ? KeyText.publicKey : .secret
        guard !text.starts(with: other.rawValue.utf8) else { throw self == .secret ? .publicKey : .secretKey }
        guard text.starts(with: rawValue.utf8) else { throw .wrongPrefix }
        var body = Array(text.dropFirst(rawValue.utf8.count))
        defer { Sodium.wipe(&body) }
        guard body.count == Self.bodySize, var all = Sodium.base64urlDecode(body, count: Bytes32.count + Self.checkSize)
        else { throw .malformed }
        defer { Sodium.wipe(&all) }
        var bytes = Array(all.prefix(Bytes32.count))
        guard check(bytes) == Array(all.suffix(Self.checkSize)) else {
            Sodium.wipe(&bytes)
            throw .wrongCheck
        }
        return bytes
    }

    private func check(_ bytes: [UInt8]) -> [UInt8] {
        var input = Array(rawValue.utf8)
        input.reserveCapacity(input.count + bytes.count)
        input.append(contentsOf: bytes)
        defer { Sodium.wipe(&input) }
        return Array(Sodium.hash(.keyText, input.span).array.prefix(Self.checkSize))
    }

    private static let checkSize = 4
    private static let bodySize = 48
}

extension PublicKey: CustomStringConvertible {
    /// Reads `p2ppub1_…`.
    public init(text: String) throws(KeyTextError) {
        let bytes = try KeyText.publicKey.decode(Array(text.utf8))
        self.init(bytes: Bytes32(bytes.span))
        guard Sodium.isValidPoint(self) else { throw .invalidPoint }
    }

    /// The key's text, `p2ppub1_…`, 56 characters.
    public var description: String {
        String(decoding: KeyText.publicKey.encode(bytes.array), as: UTF8.self)
    }
}

extension SigningKey {
    /// Reads `P2PSECRET1_…`. The caller wipes `text`.
    public convenience init(secretText text: Span<UInt8>) throws(KeyTextError) {
        var copy = [UInt8](copying: text)
        defer { Sodium.wipe(&copy) }
        var seed = try KeyText.secret.decode(copy)
        defer { Sodium.wipe(&seed) }
        self.init(seed: seed.span)
    }
}
