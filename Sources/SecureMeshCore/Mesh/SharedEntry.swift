/// An entry that the directories of several peers in one process can hold at the same time.
package final class SharedEntry: Sendable {
    package let entry: Entry
    /// The hash of the entry in the tree of a directory, which is computed once for all directories.
    package let hash: Bytes32

    package init(_ entry: Entry) {
        self.entry = entry
        hash = entry.hash
    }
}

/// The entries of several directories, to share memory between them.
package protocol EntrySharing: Sendable {
    /// Returns the shared form of an entry.
    func shared(_ entry: Entry) -> SharedEntry
}
