extension PeerName {
    /// Reads NAME33: the length, the name, and zeros up to 33 bytes (PROTOCOL.md, section 3.5).
    ///
    /// - Throws: `invalidName`, `nonZeroPadding` or `payloadLengthMismatch`.
    package init(padded reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        let length = try reader.uint8(span)
        guard (1...Self.maximumLength).contains(Int(length)) else { throw .invalidName }
        self = try reader.name(length: length, span)
        try reader.zeros(Self.maximumLength - Int(length), span)
    }

    /// Appends NAME33.
    package func appendPadded(to bytes: inout [UInt8]) {
        let count = description.utf8.count
        bytes.append(UInt8(clamping: count))
        bytes.append(contentsOf: description.utf8)
        bytes.append(zeros: Self.maximumLength - count)
    }
}
