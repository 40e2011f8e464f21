/// Reads and writes eight bytes at once, so the bounds are checked and the space is reserved only once for all eight.
extension Span<UInt8> {
    /// Returns the little-endian number at `offset`. The caller has checked the length.
    @inline(__always)
    package func littleEndian(at offset: Int) -> UInt64 {
        let bytes = extracting(offset..<(offset + 8))
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[index]) << UInt64(8 * index) }
        return value
    }

    /// Returns the eight bytes at `offset` in memory order. The caller has checked the length.
    @inline(__always)
    package func word(at offset: Int) -> UInt64 {
        littleEndian(at: offset).littleEndian
    }
}

extension OutputSpan<UInt8> {
    /// Appends a number in little-endian order.
    @inline(__always)
    package mutating func append(littleEndian value: UInt64) {
        for index in 0..<8 { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    /// Appends eight bytes that are in memory order.
    @inline(__always)
    package mutating func append(word: UInt64) {
        append(littleEndian: UInt64(littleEndian: word))
    }
}
