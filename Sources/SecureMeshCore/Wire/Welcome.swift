/// WELCOME: the session of a peer, and the intervals that the server sets.
package struct Welcome: Payload {
    package var session: SessionID
    /// The token that CONFIRM returns, to prove that its sender has opened WELCOME. It is independent of the tokens of
    /// PULSEs.
    package var token: UInt64
    /// The id of the directory whose versions the server counts; not 0.
    package var directory: UInt64
    package var parameters: SessionParameters
    /// The source of the HELLO, as the server saw it.
    package var address: SocketAddress

    package init(
        session: SessionID, token: UInt64, directory: UInt64, parameters: SessionParameters, address: SocketAddress
    ) {
        self.session = session
        self.token = token
        self.directory = directory
        self.parameters = parameters
        self.address = address
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        session = try reader.sessionID(span)
        token = try reader.uint64(span)
        directory = try reader.uint64(span)
        parameters = try SessionParameters(&reader, span)
        guard directory > 0, parameters.areValid else { throw .invalidParameters }
        address = try SocketAddress(&reader, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: directory)
        parameters.append(to: &bytes)
        address.append(to: &bytes)
    }
}
