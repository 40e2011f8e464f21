internal import SecureMeshCore

extension VectorWorld {
    /// Checks the hash tree of a directory with the entries A, B and C, and the hash tree of an empty directory. A and
    /// C are in the same bucket.
    func checkDigest(_ section: VectorSection) throws -> Sample? {
        let id = try keys.number("directory_u64")
        let (a, b) = (try entry(section, "entry_a"), try entry(section, "entry_b"))
        var c = a
        c.session = try section.session("s_c_u64")
        try section.expect("entry_c", [UInt8](appending: c.append(to:)))

        for (name, entry) in [("a", a), ("b", b), ("c", c)] { try section.expect("hash_\(name)", entry.hash.array) }
        let bucketCA = Sodium.hash(.directoryBucket, (c.hash.array + a.hash.array).span)
        let bucketB = Sodium.hash(.directoryBucket, b.hash.array.span)
        try section.expect("bucket_ca", bucketCA.array)
        try section.expect("bucket_b", bucketB.array)
        try section.expect("group_ca", group([0x1: bucketCA]))
        try section.expect("group_b", group([0xB: bucketB]))
        try section.expect("group_empty", group([:]))

        try section.expect("digest_empty", [Entry]().digest(id: id, version: 1).array)
        let version = try section.number("version_u64")
        try section.expect("digest", [b, c, a].digest(id: id, version: version).array)
        return nil
    }

    /// Returns the hash of a group of 16 buckets. Only the given buckets have entries.
    private func group(_ buckets: [Int: Bytes32]) -> [UInt8] {
        let input = (0..<16).flatMap { (buckets[$0] ?? .zero).array }
        return Sodium.hash(.directoryGroup, input.span).array
    }
}
