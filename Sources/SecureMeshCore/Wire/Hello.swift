/// HELLO: the identity and the name of a peer that wants to join.
package struct Hello: Payload {
    package var identity: PublicKey
    package var name: PeerName

    package init(identity: PublicKey, name: PeerName) {
        self.identity = identity
        self.name = name
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        identity = PublicKey(bytes: try reader.bytes32(span))
        name = try PeerName(padded: &reader, span)
        try reader.zeros(Self.padding, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        identity.bytes.append(to: &bytes)
        name.appendPadded(to: &bytes)
        bytes.append(zeros: Self.padding)
    }

    /// The number of zero bytes at the end of the payload. They make a HELLO larger than any answer to it.
    private static let padding = 35
}
