/// A received datagram: a header that is valid in every field, and the position of the sealed part.
///
/// Nothing in a `Datagram` is authenticated yet. It does not hold the bytes, which stay in the span from which it was
/// decoded.
package struct Datagram: Hashable, Sendable {
    package let header: Header
    /// The number of bytes of the whole datagram.
    package let size: Int

    package init(header: Header, size: Int) {
        self.header = header
        self.size = size
    }

    /// Decodes the open part of a datagram (PROTOCOL.md, section 4.5).
    ///
    /// The checks are, in this order: smallest size, version, kind, length field, size for the kind, session ids,
    /// counter, open fields.
    package init(decoding span: Span<UInt8>) throws(Rejection) {
        guard span.count >= Header.size else { throw .truncatedHeader }
        guard span[0] == ProtocolConstants.version else { throw .unsupportedVersion }
        guard let kind = Kind(rawValue: span[1]) else { throw .unknownKind }
        var reader = ByteReader(at: 2)
        guard Int(try reader.uint16(span)) == span.count else { throw .lengthMismatch }
        guard (kind.minimumSize...kind.maximumSize).contains(span.count) else { throw .sizeOutOfRange }
        let to = try reader.uint64(span)
        let from = try reader.uint64(span)
        guard Self.areValid(to: to, from: from, of: kind) else { throw .invalidSessionIDs }
        let counter = try reader.uint64(span)
        guard kind.isHandshake ? counter == 0 : (1..<ProtocolConstants.counterLimit).contains(counter) else {
            throw .counterOutOfRange
        }
        let fields = try OpenFields(kind, &reader, span)
        self.init(header: Header(fields, to: to, from: from, counter: counter), size: span.count)
    }

    /// The range of the sealed part. In RETRY, which is not sealed, it is the range of the signature.
    package var sealed: Range<Int> { header.kind.sealedOffset..<size }

    private static func areValid(to: UInt64, from: UInt64, of kind: Kind) -> Bool {
        switch kind {
        case .hello: to == 0 && from == 0
        // `to` is the tag of a HELLO, which may be any number.
        case .retry, .welcome, .reject: from != 0
        case .confirm, .resume, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message, .ack:
            to != 0 && from != 0 && to != from
        }
    }
}
