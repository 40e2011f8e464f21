/// One member, as the directory lists it (PROTOCOL.md, ENTRY): 157 to 188 bytes.
///
/// `binding` is the signature of the member's own HELLO: it ties `agreementKey` and `name` to `identity`, so that
/// a server cannot swap them. It is checked on first use, not here.
package struct Entry: Hashable, Sendable {
    package var session: SessionID
    package var identity: PublicKey
    package var agreementKey: AgreementPublicKey
    package var binding: Signature
    package var address: SocketAddress
    package var name: PeerName

    package init(
        session: SessionID, identity: PublicKey, agreementKey: AgreementPublicKey, binding: Signature,
        address: SocketAddress, name: PeerName
    ) {
        self.session = session
        self.identity = identity
        self.agreementKey = agreementKey
        self.binding = binding
        self.address = address
        self.name = name
    }

    package init(_ reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        session = try reader.sessionID(span)
        identity = PublicKey(bytes: try reader.bytes32(span))
        agreementKey = try reader.agreementKey(span)
        binding = try reader.signature(span)
        address = try SocketAddress(&reader, span)
        name = try reader.name(length: try reader.uint8(span), span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        identity.bytes.append(to: &bytes)
        agreementKey.bytes.append(to: &bytes)
        binding.append(to: &bytes)
        address.append(to: &bytes)
        bytes.append(UInt8(clamping: name.description.utf8.count))
        bytes.append(contentsOf: name.description.utf8)
    }

    package var encodedSize: Int { Self.fixedSize + name.description.utf8.count }

    package static let fixedSize = 156
    package static let maximumSize = fixedSize + PeerName.maximumLength
}

extension PeerName {
    /// NAME33: the length, the name, zeros to 33 bytes.
    package init(padded reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        let length = try reader.uint8(span)
        guard (1...Self.maximumLength).contains(Int(length)) else { throw .invalidName }
        self = try reader.name(length: length, span)
        try reader.zeros(Self.maximumLength - Int(length), span)
    }

    package func appendPadded(to bytes: inout [UInt8]) {
        let count = description.utf8.count
        bytes.append(UInt8(clamping: count))
        bytes.append(contentsOf: description.utf8)
        bytes.append(zeros: Self.maximumLength - count)
    }
}

extension SocketAddress {
    /// ADDR, 19 bytes. Refuses what is not one host's address with a port, and IPv4-mapped IPv6.
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

    /// Whether a datagram may be sent there at all.
    package var isUsable: Bool {
        port != 0 && !isUnspecified && !isMulticastOrBroadcast && !(isIPv6 && isLinkLocal)
    }

    package static let encodedSize = 19
}
