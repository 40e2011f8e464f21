/// LEAVE: the peer ends its session.
package struct Leave: NumberedPayload {
    package var number: UInt64

    package init(number: UInt64) {
        self.number = number
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
    }
}
