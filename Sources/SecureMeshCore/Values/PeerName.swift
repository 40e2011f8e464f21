/// The name of a peer: 1 to 32 characters of `A-Z a-z 0-9 . _ -` (PROTOCOL.md, NAME33).
///
/// Whatever holds a `PeerName` may print it: no control character, no space, no look-alike gets in.
public struct PeerName: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// Nil unless `text` is a name.
    public init?(_ text: String) {
        self.init(utf8: Array(text.utf8))
    }

    package init?(utf8 bytes: [UInt8]) {
        guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
        description = String(decoding: bytes, as: UTF8.self)
    }

    package static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }

    public static let maximumLength = 32
}
