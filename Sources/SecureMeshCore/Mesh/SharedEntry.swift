/// A directory entry that several peers in one process share, to save memory.
package final class SharedEntry: Sendable {
    package let entry: Entry
    /// The hash of the entry in the hash tree of a directory. It is computed once for all directories that share the
    /// entry.
    package let hash: Bytes32

    package init(_ entry: Entry) {
        self.entry = entry
        hash = entry.hash
    }
}

/// A pool of directory entries, with which several directories in one process share memory.
package protocol EntrySharing: Sendable {
    /// Returns the object that all directories of this pool share for an entry.
    func shared(_ entry: Entry) -> SharedEntry
}
