/// DELTA: the change of the directory from one version to a later one. A receiver first removes members and then adds
/// members.
package struct Delta: Payload {
    /// The version to which the DELTA applies.
    package var from: UInt64
    /// The version that results from the change. It is above `from`.
    package var to: UInt64
    package var removed: [Removal]
    package var added: [Entry]

    package init(from: UInt64, to: UInt64, removed: [Removal], added: [Entry]) {
        self.from = from
        self.to = to
        self.removed = removed
        self.added = added
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        from = try reader.uint64(span)
        to = try reader.uint64(span)
        guard from > 0, from < to else { throw .versionOutOfRange }
        let removedCount = try reader.uint8(span)
        let addedCount = try reader.uint8(span)
        guard removedCount > 0 || addedCount > 0 else { throw .emptyDelta }
        removed = []
        removed.reserveCapacity(Int(removedCount))
        for _ in 0..<removedCount {
            let removal = try Removal(decoding: &reader, span)
            if let last = removed.last, last.session >= removal.session { throw .entriesOutOfOrder }
            removed.append(removal)
        }
        added = try [Entry](ascending: addedCount, &reader, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: from)
        bytes.append(bigEndian: to)
        bytes.append(UInt8(clamping: removed.count))
        bytes.append(UInt8(clamping: added.count))
        for removal in removed { removal.append(to: &bytes) }
        for entry in added { entry.append(to: &bytes) }
    }

    /// The largest number of bytes that the removals and entries of one DELTA may take together.
    package static let room = ProtocolConstants.maximumDatagram - Kind.delta.minimumSize
    /// The number of entries that fit into one DELTA even if all have the longest names.
    package static let mostAdditions = room / Entry.maximumSize
    /// The largest number of removals that one DELTA may have.
    package static let mostRemovals = min(room / Removal.encodedSize, Int(UInt8.max))
}
