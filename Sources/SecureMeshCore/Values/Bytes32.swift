/// A value of 32 bytes, such as a public key or a digest.
///
/// A `Bytes32` has no heap storage, so a table of ten thousand of them is one block of memory. The words hold the bytes
/// in memory order; `littleEndian` returns the words as numbers.
package struct Bytes32: Hashable, Sendable, BitwiseCopyable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    package static let zero = Bytes32()

    package init() {
        words = (0, 0, 0, 0)
    }

    /// Reads the 32 bytes of `span` at `offset`. The caller has checked the length.
    package init(_ span: Span<UInt8>, at offset: Int = 0) {
        words = (
            span.word(at: offset), span.word(at: offset + 8), span.word(at: offset + 16), span.word(at: offset + 24)
        )
    }

    /// Makes the value from four numbers, each written in little-endian order.
    package init(littleEndian numbers: (UInt64, UInt64, UInt64, UInt64)) {
        words = (
            numbers.0.littleEndian, numbers.1.littleEndian, numbers.2.littleEndian, numbers.3.littleEndian
        )
    }

    /// The bytes as four little-endian numbers.
    package var littleEndian: (UInt64, UInt64, UInt64, UInt64) {
        (
            UInt64(littleEndian: words.0), UInt64(littleEndian: words.1), UInt64(littleEndian: words.2),
            UInt64(littleEndian: words.3)
        )
    }

    /// Copies `bytes`. Returns nil if there are not exactly 32 of them.
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
        bytes.append(addingCapacity: Self.count) { bytes in
            bytes.append(word: words.0)
            bytes.append(word: words.1)
            bytes.append(word: words.2)
            bytes.append(word: words.3)
        }
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

    package static let count = 32
}
