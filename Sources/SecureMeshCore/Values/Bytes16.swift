/// A value of 16 bytes: a cookie, or the key of a short hash. A HELLO without a cookie has 16 zero bytes in the field
/// of the cookie (PROTOCOL.md, HELLO).
package struct Bytes16: Hashable, Sendable, BitwiseCopyable {
    private var low: UInt64
    private var high: UInt64

    package static let zero = Bytes16()

    package init() {
        low = 0
        high = 0
    }

    /// Reads the 16 bytes of `span` at `offset`. The caller has checked the length.
    package init(_ span: Span<UInt8>, at offset: Int = 0) {
        low = span.word(at: offset)
        high = span.word(at: offset + 8)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(addingCapacity: Self.count) { bytes in
            bytes.append(word: low)
            bytes.append(word: high)
        }
    }

    package static let count = 16
}
