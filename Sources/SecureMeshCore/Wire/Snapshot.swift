/// SNAPSHOT: one part of the directory at a version. The entries of all parts together are in ascending order of their
/// sessions.
package struct Snapshot: Payload {
    package var version: UInt64
    package var part: UInt16
    package var parts: UInt16
    package var entries: [Entry]

    package init(version: UInt64, part: UInt16, parts: UInt16, entries: [Entry]) {
        self.version = version
        self.part = part
        self.parts = parts
        self.entries = entries
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        version = try reader.uint64(span)
        guard version > 0 else { throw .versionOutOfRange }
        part = try reader.uint16(span)
        parts = try reader.uint16(span)
        let count = try reader.uint8(span)
        guard part < parts, count > 0 || parts == 1 else { throw .partOutOfRange }
        entries = try [Entry](ascending: count, &reader, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: version)
        bytes.append(bigEndian: part)
        bytes.append(bigEndian: parts)
        bytes.append(UInt8(clamping: entries.count))
        for entry in entries { entry.append(to: &bytes) }
    }

    /// The largest number of bytes that the entries of one part may take together.
    package static let room = ProtocolConstants.maximumDatagram - Kind.snapshot.minimumSize
}
