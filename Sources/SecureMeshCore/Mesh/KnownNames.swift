/// The newest key that this peer's directory has listed under each name. The binding of an entry is verified only
/// before messages are exchanged with the member, so a lying server can put false keys into this table.
///
/// The table is bounded. When it is full, names that the directory does not list are evicted, oldest first.
package struct KnownNames: Sendable {
    private var table = EntryTable<EntryByName>()
    /// The entries in the order in which they were noted. Some of them may no longer be in the table.
    private var order: [SharedEntry] = []
    private let limit: Int

    package init(limit: Int = Limits.knownNames) {
        self.limit = limit
    }

    package var usage: Usage { Usage("known names", table.count, limit: limit) }

    /// Makes room for `count` names in all, or for `limit` names if that is fewer. Known names are included.
    package mutating func reserve(_ count: Int) {
        table.reserve(max(min(count, limit) - table.count, 0))
    }

    /// Stores the key of an entry under the entry's name.
    ///
    /// - Parameter listed: The directory, which lists the entry already.
    /// - Returns: The key that was stored under the name before; nil if it is the same key, or if no key was stored.
    package mutating func note(_ shared: SharedEntry, listed: Directory) -> PublicKey? {
        let entry = shared.entry
        let known = table[entry.name]?.entry.identity
        guard known != entry.identity else { return nil }
        if known == nil, table.count >= limit { evict(listed) }
        if order.count >= limit * 2 { removeVoid() }
        table.insert(shared)
        order.append(shared)
        return known
    }

    /// Evicts the oldest names that the directory does not list, at most an eighth of the limit.
    private mutating func evict(_ listed: Directory) {
        removeVoid()
        var rest = max(limit / 8, 1)
        order.removeAll { shared in
            guard rest > 0, listed.entry(named: shared.entry.name) == nil else { return false }
            rest -= 1
            table.remove(shared.entry.name)
            return true
        }
    }

    private mutating func removeVoid() {
        order.removeAll { table[$0.entry.name] !== $0 }
    }
}
