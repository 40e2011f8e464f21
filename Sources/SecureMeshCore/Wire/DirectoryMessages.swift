/// SNAPSHOT: one part of the whole directory at a version, entries ascending by session over all parts.
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

    /// Bytes of entries that one part holds.
    package static let room = ProtocolConstants.maximumDatagram - Kind.snapshot.minimumSize
}

/// DELTA: one step of the directory's version: first who goes, then who comes.
package struct Delta: Payload {
    /// The version it applies to; the version after it is one more.
    package var from: UInt64
    package var removed: [SessionID]
    package var added: [Entry]

    package init(from: UInt64, removed: [SessionID], added: [Entry]) {
        self.from = from
        self.removed = removed
        self.added = added
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        from = try reader.uint64(span)
        let to = try reader.uint64(span)
        guard from > 0, from < to, to - from == 1 else { throw .versionOutOfRange }
        let removedCount = try reader.uint8(span)
        let addedCount = try reader.uint8(span)
        guard removedCount > 0 || addedCount > 0 else { throw .emptyDelta }
        removed = []
        removed.reserveCapacity(Int(removedCount))
        for _ in 0..<removedCount {
            let session = try reader.sessionID(span)
            if let last = removed.last, last >= session { throw .entriesOutOfOrder }
            removed.append(session)
        }
        added = try [Entry](ascending: addedCount, &reader, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: from)
        bytes.append(bigEndian: from + 1)
        bytes.append(UInt8(clamping: removed.count))
        bytes.append(UInt8(clamping: added.count))
        for session in removed { bytes.append(bigEndian: session.rawValue) }
        for entry in added { entry.append(to: &bytes) }
    }

    /// Bytes of ids and entries that one DELTA holds.
    package static let room = ProtocolConstants.maximumDatagram - Kind.delta.minimumSize
}

extension [Entry] {
    /// `count` entries whose sessions ascend strictly.
    fileprivate init(ascending count: UInt8, _ reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        self = []
        // At most what a datagram holds: the count itself is not to be trusted with a reservation.
        reserveCapacity(Swift.min(Int(count), ProtocolConstants.maximumDatagram / Entry.fixedSize))
        for _ in 0..<count {
            let entry = try Entry(&reader, span)
            if let last, last.session >= entry.session { throw .entriesOutOfOrder }
            append(entry)
        }
    }
}
