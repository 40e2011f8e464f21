/// PULSE: shows a member that the server is alive. The delivery fields carry a token, which the member returns to prove
/// that it received the PULSE.
package struct Pulse: NumberedPayload {
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The server states that its directory is up to date.
        package static let current = Flags(rawValue: 1)
        /// The server asks the peer to join another server of the mesh.
        package static let seek = Flags(rawValue: 2)
        /// All flags that have a meaning.
        package static let known: Flags = [.current, .seek]
    }

    package var number: UInt64
    /// The version of the server's directory.
    package var version: UInt64
    package var flags: Flags
    /// The digest of the server's directory at `version`.
    package var digest: Bytes32

    package init(number: UInt64, version: UInt64, flags: Flags, digest: Bytes32) {
        self.number = number
        self.version = version
        self.flags = flags
        self.digest = digest
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        version = try reader.uint64(span)
        guard version > 0 else { throw .versionOutOfRange }
        flags = Flags(rawValue: try reader.uint8(span))
        guard flags.isSubset(of: .known) else { throw .unknownFlag }
        digest = try reader.bytes32(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
        bytes.append(bigEndian: version)
        bytes.append(flags.rawValue)
        digest.append(to: &bytes)
    }
}
