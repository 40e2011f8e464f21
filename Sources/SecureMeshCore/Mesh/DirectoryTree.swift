/// The hash tree of a directory, whose root is the digest (PROTOCOL.md, section 6.5).
///
/// The hashes of buckets and groups are kept, which takes 8.7 KB per tree. After a change of one entry, the next digest
/// hashes only the entry's bucket, the bucket's group and the root. So the cost of this digest hardly depends on the
/// number of members.
package struct DirectoryTree: Sendable {
    /// The hashes of the buckets, followed by the hashes of the groups. Empty until a digest is computed.
    private var hashes: [Bytes32] = []
    /// The buckets that have changed since they were hashed: one number per group, with one bit per bucket of the
    /// group. A bit is 1 if its bucket has changed. The array is empty as long as `hashes` is empty.
    private var changed: [UInt16] = []

    package init() {}

    /// Returns the index of a session's bucket, which is the first byte of the session.
    package static func bucket(of session: SessionID) -> Int { Int(session.rawValue >> 56) }

    /// Notes that the bucket of `session` has changed.
    package mutating func change(_ session: SessionID) {
        // Without hashes, the next digest hashes every bucket.
        guard !changed.isEmpty else { return }
        let bucket = Self.bucket(of: session)
        changed[bucket / Self.fanOut] |= 1 << UInt16(bucket % Self.fanOut)
    }

    /// Hashes the buckets that have changed, and returns the digest.
    ///
    /// - Parameters:
    ///   - id: The directory id.
    ///   - appendHashes: Appends the hashes of the entries in a bucket, in ascending order of their sessions.
    package mutating func digest(
        id: UInt64, version: UInt64, appendHashes: (_ bucket: Int, _ bytes: inout [UInt8]) -> Void
    ) -> Bytes32 {
        if hashes.isEmpty {
            hashes = Array(repeating: .zero, count: Self.buckets + Self.fanOut)
            changed = Array(repeating: .max, count: Self.fanOut)
        }
        var input: [UInt8] = []
        input.reserveCapacity(16 + Self.fanOut * Bytes32.count)
        for group in 0..<Self.fanOut where changed[group] != 0 {
            let buckets = group * Self.fanOut..<(group + 1) * Self.fanOut
            for bucket in buckets where changed[group] >> UInt16(bucket % Self.fanOut) & 1 != 0 {
                input.removeAll(keepingCapacity: true)
                appendHashes(bucket, &input)
                hashes[bucket] = input.isEmpty ? .zero : Sodium.hash(.directoryBucket, input.span)
            }
            changed[group] = 0
            input.removeAll(keepingCapacity: true)
            for bucket in buckets { hashes[bucket].append(to: &input) }
            hashes[Self.buckets + group] = Sodium.hash(.directoryGroup, input.span)
        }
        input.removeAll(keepingCapacity: true)
        input.append(bigEndian: id)
        input.append(bigEndian: version)
        for group in 0..<Self.fanOut { hashes[Self.buckets + group].append(to: &input) }
        return Sodium.hash(.directory, input.span)
    }

    /// The number of groups, and also the number of buckets per group.
    private static let fanOut = 16
    private static let buckets = fanOut * fanOut
}

extension Entry {
    /// The hash of this entry in the hash tree of a directory.
    package var hash: Bytes32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.maximumSize)
        append(to: &bytes)
        return Sodium.hash(.directoryEntry, bytes.span)
    }
}

extension [Entry] {
    /// Returns the digest of a directory with these entries. The entries must be in ascending order of their sessions.
    package func digest(id: UInt64, version: UInt64) -> Bytes32 {
        let buckets = Dictionary(grouping: self) { DirectoryTree.bucket(of: $0.session) }
        var tree = DirectoryTree()
        return tree.digest(id: id, version: version) { bucket, bytes in
            for entry in buckets[bucket] ?? [] { entry.hash.append(to: &bytes) }
        }
    }
}
