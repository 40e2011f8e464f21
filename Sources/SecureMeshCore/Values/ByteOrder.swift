/// Numbers of eight bytes, all eight at once: room and bounds are asked for once, and what remains is a load or a store.
extension Span<UInt8> {
    @inline(__always)
    package func littleEndian(at offset: Int) -> UInt64 {
        let bytes = extracting(offset..<(offset + 8))
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[index]) << UInt64(8 * index) }
        return value
    }
}

extension [UInt8] {
    package mutating func append(littleEndian value: UInt64) {
        let start = count
        append(contentsOf: repeatElement(0, count: 8))
        var bytes = mutableSpan
        for index in 0..<8 { bytes[start &+ index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
}
