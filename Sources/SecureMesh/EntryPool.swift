internal import NIOConcurrencyHelpers

/// The directory entries of all peers of one process. Equal entries are stored once.
///
/// All members of a mesh hold the same entries. Without the pool, 1,000 peers in one process would store a million of
/// them.
final class EntryPool: EntrySharing {
    private struct State {
        var entries = EntryTable<EntryBySession>()
        /// The number of entries at which the pool next removes the entries that no directory holds.
        var nextCleanup = 1_024
    }

    private let state = NIOLockedValueBox(State())

    /// The number of entries in the pool. Some of them may be in no directory anymore.
    var count: Int { state.withLockedValue { $0.entries.count } }

    /// Returns the pool's copy of an entry if the pool contains an equal entry; otherwise a new copy.
    func shared(_ entry: Entry) -> SharedEntry {
        state.withLockedValue { state in
            if let known = state.entries[entry.session] {
                // Session numbers are random, so only a lying server lists two different entries for one session.
                return known.entry == entry ? known : SharedEntry(entry)
            }
            let new = SharedEntry(entry)
            if state.entries.count >= state.nextCleanup {
                state.entries.removeUnshared()
                state.nextCleanup = max(state.entries.count * 2, 1_024)
            }
            state.entries.insert(new)
            return new
        }
    }
}
