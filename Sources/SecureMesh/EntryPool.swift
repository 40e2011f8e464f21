internal import NIOConcurrencyHelpers

/// The entries of the peers of one process, each once in memory.
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

    /// Returns the shared form of an entry, which is a new one unless the pool has an equal entry.
    func shared(_ entry: Entry) -> SharedEntry {
        state.withLockedValue { state in
            if let known = state.entries[entry.session] {
                // Sessions are random, so two entries of one session come from a server that lies.
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
