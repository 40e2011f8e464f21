/// A member in the directory: ENTRY of PROTOCOL.md, 157 to 188 bytes.
///
/// `binding` is the signature of the member's HELLO. It binds `agreementKey` and `name` to `identity`, so that a server
/// cannot replace them. The signature is verified at the first use of the entry, not when the entry is decoded.
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

    /// Reads an entry.
    ///
    /// - Throws: The refusal of the first field that is invalid.
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

    /// The size of an entry without the name, in bytes.
    package static let fixedSize = 156
    package static let maximumSize = fixedSize + PeerName.maximumLength
}

extension [Entry] {
    /// Reads `count` entries whose sessions ascend strictly.
    ///
    /// - Throws: `entriesOutOfOrder`, or the refusal of an entry.
    package init(ascending count: UInt8, _ reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        self = []
        // `count` may be false, so the capacity is at most the number of entries that fit into a datagram.
        reserveCapacity(Swift.min(Int(count), ProtocolConstants.maximumDatagram / Entry.fixedSize))
        for _ in 0..<count {
            let entry = try Entry(&reader, span)
            if let last, last.session >= entry.session { throw .entriesOutOfOrder }
            append(entry)
        }
    }
}
