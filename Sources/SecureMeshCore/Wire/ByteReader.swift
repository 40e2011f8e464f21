/// Reads big-endian fields from a span. It stores the offset of the next field, and checks the length before each read.
///
/// A read that goes beyond the end throws `payloadLengthMismatch` and does not move the offset.
package struct ByteReader {
    package private(set) var offset: Int

    package init(at offset: Int = 0) {
        self.offset = offset
    }

    /// Moves the offset by `count` bytes and returns the previous offset.
    package mutating func take(_ count: Int, of span: Span<UInt8>) throws(Rejection) -> Int {
        guard count <= span.count - offset else { throw .payloadLengthMismatch }
        defer { offset += count }
        return offset
    }

    package mutating func uint8(_ span: Span<UInt8>) throws(Rejection) -> UInt8 {
        span[try take(1, of: span)]
    }

    package mutating func uint16(_ span: Span<UInt8>) throws(Rejection) -> UInt16 {
        let start = try take(2, of: span)
        return UInt16(span[start]) << 8 | UInt16(span[start + 1])
    }

    package mutating func uint64(_ span: Span<UInt8>) throws(Rejection) -> UInt64 {
        let start = try take(8, of: span)
        return span.littleEndian(at: start).byteSwapped
    }

    package mutating func bytes16(_ span: Span<UInt8>) throws(Rejection) -> Bytes16 {
        Bytes16(span, at: try take(Bytes16.count, of: span))
    }

    package mutating func bytes32(_ span: Span<UInt8>) throws(Rejection) -> Bytes32 {
        Bytes32(span, at: try take(Bytes32.count, of: span))
    }

    /// - Throws: `nonCanonicalAgreementKey` if the key is not the canonical encoding of a u coordinate.
    package mutating func agreementKey(_ span: Span<UInt8>) throws(Rejection) -> AgreementPublicKey {
        let start = try take(Bytes32.count, of: span)
        guard AgreementPublicKey.isCanonical(span, at: start) else { throw .nonCanonicalAgreementKey }
        return AgreementPublicKey(bytes: Bytes32(span, at: start))
    }

    package mutating func signature(_ span: Span<UInt8>) throws(Rejection) -> Signature {
        Signature(span, at: try take(Signature.count, of: span))
    }

    /// - Throws: `invalidSessionIDs` if the session id is 0.
    package mutating func sessionID(_ span: Span<UInt8>) throws(Rejection) -> SessionID {
        guard let session = SessionID(rawValue: try uint64(span)) else { throw .invalidSessionIDs }
        return session
    }

    /// Reads `count` bytes of padding.
    ///
    /// - Throws: `nonZeroPadding` if one of the bytes is not zero.
    package mutating func zeros(_ count: Int, _ span: Span<UInt8>) throws(Rejection) {
        let start = try take(count, of: span)
        for index in start..<(start + count) where span[index] != 0 { throw .nonZeroPadding }
    }

    /// - Throws: `invalidName` if the bytes are not a valid name.
    package mutating func name(length: UInt8, _ span: Span<UInt8>) throws(Rejection) -> PeerName {
        let start = try take(Int(length), of: span)
        let text = [UInt8](copying: span.extracting(start..<(start + Int(length))))
        guard let name = PeerName(utf8: text) else { throw .invalidName }
        return name
    }

    /// Throws `payloadLengthMismatch` if bytes are left after the last field that was read.
    package func finish(_ span: Span<UInt8>) throws(Rejection) {
        guard offset == span.count else { throw .payloadLengthMismatch }
    }
}
