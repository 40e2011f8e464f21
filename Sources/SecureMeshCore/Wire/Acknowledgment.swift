/// The payload of ACK, with which a peer confirms that it has received a message, if the message asked for that.
package struct Acknowledgment: Payload {
    /// The identity of the sender of the message. This sender receives the ACK. The signature covers `audience` and
    /// `session`, so the ACK is valid for this receiver only.
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
