/// ACK: confirms that its sender has received a message, if the message asked for that.
package struct Acknowledgment: Payload {
    /// The identity of the sender of the message, to whom the ACK goes. With `session` it binds the signature to this
    /// one receiver.
    package var audience: PublicKey
    /// The session of the sender of the message.
    package var session: SessionID
    /// The number of the message; not 0.
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
