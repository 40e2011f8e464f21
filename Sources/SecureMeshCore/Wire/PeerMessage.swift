/// MESSAGE: a message from one peer to another, or to all members.
package struct PeerMessage: Payload {
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The sender asks for an ACK.
        package static let acknowledge = Flags(rawValue: 1)
        /// The message only measures the round-trip time, and the receiver's program does not get it.
        package static let probe = Flags(rawValue: 2)
        /// All flags that have a meaning.
        package static let known: Flags = [.acknowledge, .probe]

        /// True if all flags are known, and `probe` is set only together with `acknowledge`.
        package var isValid: Bool { isSubset(of: .known) && (contains(.acknowledge) || !contains(.probe)) }
    }

    /// The identity of the receiver, or nil if all members are receivers. Nil is encoded as 32 zero bytes.
    package var audience: PublicKey?
    package var number: UInt64
    package var flags: Flags
    package var body: [UInt8]

    package init(audience: PublicKey?, number: UInt64, flags: Flags = [], body: [UInt8]) {
        self.audience = audience
        self.number = number
        self.flags = flags
        self.body = body
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        let audience = try reader.bytes32(span)
        self.audience = audience == .zero ? nil : PublicKey(bytes: audience)
        number = try reader.uint64(span)
        flags = Flags(rawValue: try reader.uint8(span))
        guard flags.isValid else { throw .unknownFlag }
        body = []
        body.reserveCapacity(span.count - reader.offset)
        for index in reader.offset..<span.count { body.append(span[index]) }
    }

    package func append(to bytes: inout [UInt8]) {
        // The capacity includes the signature, so `SignedPayload` appends it without moving the bytes.
        bytes.reserveCapacity(bytes.count + Kind.message.payloadSize + body.count + Signature.count)
        (audience?.bytes ?? .zero).append(to: &bytes)
        bytes.append(bigEndian: number)
        bytes.append(flags.rawValue)
        bytes.append(contentsOf: body)
    }

    /// The largest body, in bytes, of a MESSAGE of at most `ProtocolConstants.maximumDatagram` bytes.
    package static let ordinaryBody = ProtocolConstants.maximumDatagram - Kind.message.minimumSize
    /// The largest body, in bytes, of a MESSAGE that UDP over IPv4 can carry.
    package static let largestBody = ProtocolConstants.maximumUDPPayload - Kind.message.minimumSize
}
