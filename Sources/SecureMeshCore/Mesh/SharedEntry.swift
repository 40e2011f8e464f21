/// An entry that the directories of several peers in one process can hold at the same time.
package final class SharedEntry: Sendable {
    package let entry: Entry

    package init(_ entry: Entry) {
        self.entry = entry
    }
}

/// The entries of several directories, to share memory between them.
package protocol EntrySharing: Sendable {
    /// Returns the shared form of an entry.
    func shared(_ entry: Entry) -> SharedEntry
}
