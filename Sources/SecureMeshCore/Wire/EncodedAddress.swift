extension SocketAddress {
    /// Reads ADDR (PROTOCOL.md, section 3.4).
    ///
    /// - Throws: `invalidAddress` if the bytes are not the address of one host with a port, or are an IPv4-mapped IPv6
    ///   address; `payloadLengthMismatch` if there are too few bytes.
    package init(_ reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        let ip: IP
        switch try reader.uint8(span) {
        case 4:
            let high = try reader.uint64(span)
            let low = try reader.uint64(span)
            guard high & 0xFFFF_FFFF == 0, low == 0 else { throw .invalidAddress }
            ip = .v4(UInt32(truncatingIfNeeded: high >> 32))
        case 6:
            let high = try reader.uint64(span)
            let low = try reader.uint64(span)
            guard high != 0 || low >> 32 != 0xFFFF else { throw .invalidAddress }
            ip = .v6(high, low)
        default:
            throw .invalidAddress
        }
        self.init(ip: ip, port: try reader.uint16(span))
        guard isUsable else { throw .invalidAddress }
    }

    /// Appends ADDR.
    package func append(to bytes: inout [UInt8]) {
        switch ip {
        case .v4(let address):
            bytes.append(4)
            bytes.append(bigEndian: UInt64(address) << 32)
            bytes.append(bigEndian: UInt64(0))
        case .v6(let high, let low):
            bytes.append(6)
            bytes.append(bigEndian: high)
            bytes.append(bigEndian: low)
        }
        bytes.append(bigEndian: port)
    }

    /// The number of bytes of ADDR.
    package static let encodedSize = 19
}
