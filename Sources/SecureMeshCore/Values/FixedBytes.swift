/// Thirty-two bytes: a public key, a digest, an audience.
///
/// A value without heap storage, so that tables of ten thousand of them stay flat. The words hold the
/// bytes in memory order; nothing may read them as numbers but through `littleEndian`.
package struct Bytes32: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    package static let zero = Bytes32()

    package init() {
        words = (0, 0, 0, 0)
    }

    /// The 32 bytes of `span` from `offset` on. The caller has checked the length.
    package init(_ span: Span<UInt8>, at offset: Int = 0) {
        words = (
            Self.word(span, offset), Self.word(span, offset + 8),
            Self.word(span, offset + 16), Self.word(span, offset + 24)
        )
    }

    /// The bytes of four little-endian numbers in a row.
    package init(littleEndian numbers: (UInt64, UInt64, UInt64, UInt64)) {
        words = (
            numbers.0.littleEndian, numbers.1.littleEndian, numbers.2.littleEndian, numbers.3.littleEndian
        )
    }

    package var littleEndian: (UInt64, UInt64, UInt64, UInt64) {
        (
            UInt64(littleEndian: words.0), UInt64(littleEndian: words.1), UInt64(littleEndian: words.2),
            UInt64(littleEndian: words.3)
        )
    }

    /// Nil unless `bytes` holds exactly 32.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.count else { return nil }
        self.init(bytes.span)
    }

    package var array: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.count)
        append(to: &bytes)
        return bytes
    }

    package func append(to bytes: inout [UInt8]) {
        Self.append(words.0, to: &bytes)
        Self.append(words.1, to: &bytes)
        Self.append(words.2, to: &bytes)
        Self.append(words.3, to: &bytes)
    }

    package static func == (left: Bytes32, right: Bytes32) -> Bool {
        left.words == right.words
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }

    fileprivate static func word(_ span: Span<UInt8>, _ offset: Int) -> UInt64 {
        span.littleEndian(at: offset).littleEndian
    }

    fileprivate static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt64(littleEndian: word))
    }

    package static let count = 32
}

/// Sixteen bytes: a cookie. All zero means none (PROTOCOL.md, HELLO).
package struct Bytes16: Hashable, Sendable {
    private var low: UInt64
    private var high: UInt64

    package static let zero = Bytes16()

    package init() {
        low = 0
        high = 0
    }

    package init(_ span: Span<UInt8>, at offset: Int = 0) {
        low = Bytes32.word(span, offset)
        high = Bytes32.word(span, offset + 8)
    }

    package func append(to bytes: inout [UInt8]) {
        Bytes32.append(low, to: &bytes)
        Bytes32.append(high, to: &bytes)
    }

    package static let count = 16
}
