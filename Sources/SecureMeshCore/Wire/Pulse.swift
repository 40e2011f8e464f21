/// PULSE: the server is alive.
package struct Pulse: NumberedPayload {
    package var number: UInt64
    /// The value that the next HEARTBEAT returns, to prove that this PULSE was received.
    package var token: UInt64
    /// The version of the server's directory.
    package var version: UInt64

    package init(number: UInt64, token: UInt64, version: UInt64) {
        self.number = number
        self.token = token
        self.version = version
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        token = try reader.uint64(span)
        version = try reader.uint64(span)
        guard version > 0 else { throw .versionOutOfRange }
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: version)
    }
}
