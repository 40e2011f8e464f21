/// RESUME: the offer of new keys for a session, from a server that has kept its directory across a restart
/// (PROTOCOL.md, section 5.10).
package struct Resume: Payload {
    /// The number of times that the server has started with this directory; not 0. It rises with each start.
    package var start: UInt64
    /// The token that CONFIRM returns, to prove that its sender has opened RESUME.
    package var token: UInt64
    /// The id of the directory that the server has kept; not 0.
    package var directory: UInt64
    package var parameters: SessionParameters

    package init(start: UInt64, token: UInt64, directory: UInt64, parameters: SessionParameters) {
        self.start = start
        self.token = token
        self.directory = directory
        self.parameters = parameters
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        start = try reader.uint64(span)
        token = try reader.uint64(span)
        directory = try reader.uint64(span)
        parameters = try SessionParameters(&reader, span)
        guard start > 0, directory > 0, parameters.areValid else { throw .invalidParameters }
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: start)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: directory)
        parameters.append(to: &bytes)
    }
}
