/// Copies and appends fields of datagrams.
extension [UInt8] {
    /// Copies the bytes of `span`.
    package init(copying span: Span<UInt8>) {
        self.init(capacity: span.count) { bytes in
            for index in 0..<span.count { bytes.append(span[index]) }
        }
    }

    package mutating func append(bigEndian value: UInt16) {
        append(addingCapacity: 2) { $0.append(bigEndian: value) }
    }

    package mutating func append(bigEndian value: UInt64) {
        append(addingCapacity: 8) { $0.append(bigEndian: value) }
    }

    package mutating func append(zeros count: Int) {
        append(addingCapacity: count) { $0.append(repeating: 0, count: count) }
    }
}

extension OutputSpan<UInt8> {
    @inline(__always)
    package mutating func append(bigEndian value: UInt16) {
        append(UInt8(value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    @inline(__always)
    package mutating func append(bigEndian value: UInt64) {
        append(littleEndian: value.byteSwapped)
    }
}
