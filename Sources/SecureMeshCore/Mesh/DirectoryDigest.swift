extension [Entry] {
    /// Returns the digest of a directory (PROTOCOL.md, section 6.5): H("directory", id ‖ version ‖ all ENTRY).
    ///
    /// The entries ascend by session. Two copies of one directory at one version have one digest.
    package func digest(id: UInt64, version: UInt64) -> Bytes32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 + count * Entry.maximumSize)
        bytes.append(bigEndian: id)
        bytes.append(bigEndian: version)
        for entry in self { entry.append(to: &bytes) }
        return Sodium.hash(.directory, bytes.span)
    }
}
