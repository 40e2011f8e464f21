/// The entries of the members of a mesh. No two entries have the same session, identity, name or address.
///
/// The server keeps one directory, and each peer keeps a replica of it. A session that was removed is never listed
/// again.
package struct Directory: Sendable {
    private var order = SortedSessions()
    private var entries = EntryTable<EntryBySession>()
    private var identities = EntryTable<EntryByIdentity>()
    private var names = EntryTable<EntryByName>()
    private var addresses = EntryTable<EntryByAddress>()
    private var removed = RecentSessions()
    private var tree = DirectoryTree()
    private let pool: (any EntrySharing)?

    /// Makes an empty directory.
    ///
    /// - Parameter pool: The entries that the directories in this process share to save memory; nil if they share none.
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
    /// All sessions in ascending order. The entries in a snapshot, and datagrams to all members, have the same order.
    package var sessions: [SessionID] { order.all }
    package var inOrder: [Entry] { sessions.compactMap { entries[$0]?.entry } }
    var sharedInOrder: [SharedEntry] { sessions.compactMap { entries[$0] } }
    /// A directory that has no entries, remembers no removed session, and uses the same pool as this directory.
    var empty: Directory { Directory(pool: pool) }

    package subscript(session: SessionID) -> Entry? { entries[session]?.entry }
    func shared(_ session: SessionID) -> SharedEntry? { entries[session] }
    func shared(of identity: PublicKey) -> SharedEntry? { identities[identity] }
    /// Returns the entry of the identity; nil if the directory does not list this identity.
    package func entry(of identity: PublicKey) -> Entry? { identities[identity]?.entry }
    package func entry(named name: PeerName) -> Entry? { names[name]?.entry }
    package func entry(at address: SocketAddress) -> Entry? { addresses[address]?.entry }
    /// Returns the shared form of an entry. If the directory lists an equal entry, returns the listed one. Otherwise
    /// returns the pool's shared form of the entry; without a pool, makes a new shared form.
    func sharing(_ entry: Entry) -> SharedEntry {
        if let listed = entries[entry.session], listed.entry == entry { return listed }
        return pool?.shared(entry) ?? SharedEntry(entry)
    }
    /// Returns true if `session` is among the 65,536 sessions that were removed last.
    package func wasRemoved(_ session: SessionID) -> Bool { removed.contains(session) }

    /// Returns true if a change is allowed as a whole. The sessions to remove must be listed. The sessions to add must
    /// be neither listed nor among the remembered removed sessions. After the change, each identity, name and address
    /// must be unique, and the directory must not exceed its limit.
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
    package mutating func insert(_ entry: Entry) { insert(sharing(entry)) }

    /// Adds an entry, and returns true. Returns false if the directory has an entry with the same session, identity,
    /// name or address, or if it is full.
    mutating func insertIfFree(_ shared: SharedEntry) -> Bool {
        let entry = shared.entry
        guard count < Limits.directoryEntries, entries[entry.session] == nil, identities[entry.identity] == nil,
            names[entry.name] == nil, addresses[entry.address] == nil
        else { return false }
        insert(shared)
        return true
    }

    private mutating func insert(_ shared: SharedEntry) {
        order.insert(shared.entry.session)
        tree.change(shared.entry.session)
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

    /// Makes this directory the successor of `previous`. The sessions that `previous` remembers as removed, and those
    /// that only `previous` lists, are then remembered as removed here.
    ///
    /// - Parameter entries: All entries of this directory, in ascending order of their sessions. The caller has them
    ///   already, which saves a lookup of each.
    /// - Returns: The entries that only `previous` lists, and those that only this directory lists. Nil if this
    ///   directory must not replace `previous`. This is so if a session has different entries in the two directories,
    ///   or if `previous` remembers a session of this directory as removed.
    mutating func succeed(
        _ previous: Directory, entries all: [SharedEntry]
    ) -> (gone: [SharedEntry], new: [SharedEntry])? {
        var (gone, new): ([SharedEntry], [SharedEntry]) = ([], [])
        for shared in previous.sharedInOrder {
            guard let present = entries[shared.entry.session] else {
                gone.append(shared)
                continue
            }
            guard present === shared || present.entry == shared.entry else { return nil }
        }
        for shared in all where previous.entries[shared.entry.session] == nil {
            guard !previous.wasRemoved(shared.entry.session) else { return nil }
            new.append(shared)
        }
        removed = previous.removed
        for shared in gone { removed.insert(shared.entry.session) }
        return (gone, new)
    }

    /// Returns the digest of this directory at `version` (PROTOCOL.md, section 6.5).
    ///
    /// - Parameter id: The directory id.
    package mutating func digest(id: UInt64, version: UInt64) -> Bytes32 {
        // The closure reads `self`, so the tree is moved out. Changing a copy of the tree would copy its hashes.
        var tree = DirectoryTree()
        swap(&tree, &self.tree)
        defer { swap(&tree, &self.tree) }
        return tree.digest(id: id, version: version) { bucket, bytes in
            forEach(inBucket: bucket) { $0.hash.append(to: &bytes) }
        }
    }

    /// Calls `body` with the entries in a bucket of the hash tree, in ascending order of their sessions.
    package func forEach(inBucket bucket: Int, _ body: (SharedEntry) -> Void) {
        order.forEach(inBucket: bucket) { session in
            if let shared = entries[session] { body(shared) }
        }
    }
}

extension [Entry] {
    /// Returns true if `value` returns a different result for each entry.
    ///
    /// For the few entries of a DELTA, comparing all pairs is faster than building a set.
    fileprivate func areDistinct<Value: Hashable>(by value: (Entry) -> Value) -> Bool {
        guard count <= 8 else { return Set(lazy.map(value)).count == count }
        return indices.allSatisfy { index in !self[..<index].contains { value($0) == value(self[index]) } }
    }
}
