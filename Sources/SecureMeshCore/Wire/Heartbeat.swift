/// HEARTBEAT and CONFIRM, which have the same fields.
package struct Heartbeat: NumberedPayload {
    package var number: UInt64
    /// The token of the newest fresh PULSE that the peer has received. In CONFIRM, it is the token of WELCOME.
    package var token: UInt64
    /// The directory version that the peer holds; 0 if it holds none.
    package var version: UInt64
    /// The number of the lowest missing part of a snapshot. It is also 0 if the peer asks for no snapshot.
    package var part: UInt16

    package init(number: UInt64, token: UInt64, version: UInt64, part: UInt16) {
        self.number = number
        self.token = token
        self.version = version
        self.part = part
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        token = try reader.uint64(span)
        version = try reader.uint64(span)
        part = try reader.uint16(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: version)
        bytes.append(bigEndian: part)
    }
}
