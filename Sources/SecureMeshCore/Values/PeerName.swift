/// The name of a peer: 1 to 32 characters of `A-Z a-z 0-9 . _ -` (PROTOCOL.md, NAME33).
///
/// A name can be printed as it is, because it has no control characters and no spaces. Two names can look alike, as `l`
/// and `I` or `O` and `0` do in some fonts. So in an open mesh, a name alone does not tell who a peer is.
public struct PeerName: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// Reads a name.
    ///
    /// - Throws: ``PeerNameError``.
    public init(_ text: String) throws(PeerNameError) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.allSatisfy(Self.isAllowed) else { throw .invalidCharacter }
        guard bytes.count <= Self.maximumLength else { throw .tooLong }
        description = text
    }

    /// Reads a name. Returns nil if the bytes are not a valid name.
    package init?(utf8 bytes: [UInt8]) {
        guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
        description = String(decoding: bytes, as: UTF8.self)
    }

    /// Returns true if a name may contain this byte.
    package static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }

    /// The largest number of characters in a name.
    public static let maximumLength = 32
}
