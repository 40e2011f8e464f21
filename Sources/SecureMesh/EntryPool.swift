internal import NIOConcurrencyHelpers

/// The directory entries that the peers of one process hold, each once in memory.
///
/// All members of a mesh hold the same entries. 1,000 peers in one process would otherwise hold a million of them.
final class EntryPool: EntrySharing {
    private struct State {
        var entries = EntryTable<EntryBySession>()
        /// The number of entries at which the next cleanup removes those that no directory holds.
        var nextCleanup = 1_024
    }

    private let state = NIOLockedValueBox(State())

    /// The number of entries. It may include some that no directory holds.
    var count: Int { state.withLockedValue { $0.entries.count } }

    /// Returns the shared form of an entry: the pool's if it has an equal entry, else a new one.
    func shared(_ entry: Entry) -> SharedEntry {
        state.withLockedValue { state in
            if let known = state.entries[entry.session] {
                // Session numbers are random, so only a lying server lists two different entries for one.
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
