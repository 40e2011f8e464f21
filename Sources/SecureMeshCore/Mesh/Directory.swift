/// The members of a mesh: entries by session, in which each identity, name and address is unique.
///
/// The server keeps one directory, and each peer keeps a replica of it. A session that was removed never returns.
package struct Directory: Sendable {
    private var order = SortedSessions()
    private var entries = EntryTable<EntryBySession>()
    private var identities = EntryTable<EntryByIdentity>()
    private var names = EntryTable<EntryByName>()
    private var addresses = EntryTable<EntryByAddress>()
    private var removed = RecentSessions()
    private var tree = DirectoryTree()
    private let pool: (any EntrySharing)?

    /// - Parameter pool: The entries of other directories in this process, to share memory with them.
    package init(pool: (any EntrySharing)? = nil) {
        self.pool = pool
    }

    package var count: Int { order.count }
    package var usages: [Usage] {
        [
            Usage("directory entries", count, limit: Limits.directoryEntries),
            Usage("removed sessions", removed.count, limit: Limits.removedSessions),
        ]
    }
    /// All sessions in ascending order, which is the order of snapshots and of sending to all.
    package var sessions: [SessionID] { order.all }
    package var inOrder: [Entry] { sessions.compactMap { entries[$0]?.entry } }
    var sharedInOrder: [SharedEntry] { sessions.compactMap { entries[$0] } }
    /// A directory that has no entries, remembers no removed session, and shares the same pool.
    var empty: Directory { Directory(pool: pool) }

    package subscript(session: SessionID) -> Entry? { entries[session]?.entry }
    func shared(_ session: SessionID) -> SharedEntry? { entries[session] }
    /// Returns the entry of the identity; nil if it is no member.
    package func entry(of identity: PublicKey) -> Entry? { identities[identity]?.entry }
    package func entry(named name: PeerName) -> Entry? { names[name]?.entry }
    package func entry(at address: SocketAddress) -> Entry? { addresses[address]?.entry }
    /// Returns the shared form of an entry, whether it is listed or not.
    func shared(_ entry: Entry) -> SharedEntry {
        if let listed = entries[entry.session], listed.entry == entry { return listed }
        return pool?.shared(entry) ?? SharedEntry(entry)
    }
    /// Returns true if `session` is among the newest 65,536 that were removed.
    package func wasRemoved(_ session: SessionID) -> Bool { removed.contains(session) }

    /// Returns true if a change is allowed as a whole: the sessions to remove are listed, the sessions to add were
    /// never listed, each identity, name and address stays unique, and the directory keeps within its limit.
    package func allows(removing gone: [SessionID], adding new: [Entry]) -> Bool {
        let leaving = Set(gone)
        guard leaving.count == gone.count, gone.allSatisfy({ entries[$0] != nil }),
            count - gone.count + new.count <= Limits.directoryEntries
        else { return false }
        func isFree(_ holder: SharedEntry?) -> Bool { holder.map { leaving.contains($0.entry.session) } ?? true }
        for entry in new {
            guard entries[entry.session] == nil, !removed.contains(entry.session),
                isFree(identities[entry.identity]), isFree(names[entry.name]), isFree(addresses[entry.address])
            else { return false }
        }
        return new.areDistinct(by: \.session) && new.areDistinct(by: \.identity)
            && new.areDistinct(by: \.name) && new.areDistinct(by: \.address)
    }

    /// Adds an entry. The caller makes sure that `allows` would return true for it.
    package mutating func insert(_ entry: Entry) {
        let shared = shared(entry)
        order.insert(entry.session)
        tree.change(entry.session)
        entries.insert(shared)
        identities.insert(shared)
        names.insert(shared)
        addresses.insert(shared)
    }

    package mutating func remove(_ session: SessionID) {
        guard let shared = entries[session] else { return }
        let entry = shared.entry
        entries.remove(session)
        order.remove(session)
        tree.change(session)
        if identities[entry.identity] === shared { identities.remove(entry.identity) }
        if names[entry.name] === shared { names.remove(entry.name) }
        if addresses[entry.address] === shared { addresses.remove(entry.address) }
        removed.insert(session)
    }

    /// Returns the digest at `version` (PROTOCOL.md, section 6.5).
    ///
    /// - Parameter id: The directory id.
    package mutating func digest(id: UInt64, version: UInt64) -> Bytes32 {
        // The tree is moved out, because its hashes would be copied if two values had them.
        var tree = DirectoryTree()
        swap(&tree, &self.tree)
        defer { swap(&tree, &self.tree) }
        return tree.digest(id: id, version: version) { bucket, bytes in
            forEach(inBucket: bucket) { $0.hash.append(to: &bytes) }
        }
    }

    /// Calls `body` with the entries in a bucket of the tree, in ascending order of their sessions.
    package func forEach(inBucket bucket: Int, _ body: (SharedEntry) -> Void) {
        order.forEach(inBucket: bucket) { session in
            if let shared = entries[session] { body(shared) }
        }
    }
}

extension [Entry] {
    /// Returns true if `value` is different for all entries.
    ///
    /// The few entries of a DELTA are compared with each other, which is faster than building a set.
    fileprivate func areDistinct<Value: Hashable>(by value: (Entry) -> Value) -> Bool {
        guard count <= 8 else { return Set(lazy.map(value)).count == count }
        return indices.allSatisfy { index in !self[..<index].contains { value($0) == value(self[index]) } }
    }
}
