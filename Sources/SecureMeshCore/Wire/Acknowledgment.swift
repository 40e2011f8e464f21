/// ACK: a peer confirms that it has received a message. It sends an ACK only if the message asked for one.
package struct Acknowledgment: Payload {
    /// The identity of the message's sender, to which the ACK is sent. The signature covers `audience` and `session`,
    /// so no other peer accepts the ACK.
    package var audience: PublicKey
    /// The session of the sender of the message.
    package var session: SessionID
    /// The number of the message. It is not 0.
    package var number: UInt64

    package init(audience: PublicKey, session: SessionID, number: UInt64) {
        self.audience = audience
        self.session = session
        self.number = number
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        audience = PublicKey(bytes: try reader.bytes32(span))
        session = try reader.sessionID(span)
        number = try reader.uint64(span)
        guard number > 0 else { throw .numberOutOfRange }
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        audience.bytes.append(to: &bytes)
        bytes.append(bigEndian: session.rawValue)
        bytes.append(bigEndian: number)
    }
}
