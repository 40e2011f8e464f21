/// The members of a mesh: entries by session, in which each identity, name and address is unique.
///
/// The server keeps one and each peer a replica of it. A session that was removed never returns.
package struct Directory: Sendable {
    /// All sessions in ascending order, which is the order of snapshots and of sending to all.
    private(set) package var sessions: [SessionID] = []
    private var entries: [SessionID: Entry] = [:]
    private var identities: [PublicKey: SessionID] = [:]
    private var names: [PeerName: SessionID] = [:]
    private var addresses: [SocketAddress: SessionID] = [:]
    private var removed = RecentSessions()

    package init() {}

    package var count: Int { sessions.count }
    package var usages: [Usage] {
        [
            Usage("directory entries", count, limit: Limits.directoryEntries),
            Usage("removed sessions", removed.count, limit: Limits.removedSessions),
        ]
    }
    package var inOrder: [Entry] { sessions.compactMap { entries[$0] } }

    package subscript(session: SessionID) -> Entry? { entries[session] }
    /// Returns the entry of the identity; nil if it is no member.
    package func entry(of identity: PublicKey) -> Entry? { identities[identity].flatMap { entries[$0] } }
    package func entry(named name: PeerName) -> Entry? { names[name].flatMap { entries[$0] } }
    package func entry(at address: SocketAddress) -> Entry? { addresses[address].flatMap { entries[$0] } }
    /// Returns true if `session` is among the newest 65,536 that were removed.
    package func wasRemoved(_ session: SessionID) -> Bool { removed.contains(session) }

    /// Returns true if all of a change can be made: what it removes is listed, what it adds was never listed, and each
    /// identity, name and address stays unique.
    package func allows(removing gone: [SessionID], adding new: [Entry]) -> Bool {
        let leaving = Set(gone)
        guard leaving.count == gone.count, gone.allSatisfy({ entries[$0] != nil }),
            count - gone.count + new.count <= Limits.directoryEntries
        else { return false }
        func isFree(_ holder: SessionID?) -> Bool { holder.map(leaving.contains) ?? true }
        for entry in new {
            guard entries[entry.session] == nil, !removed.contains(entry.session),
                isFree(identities[entry.identity]), isFree(names[entry.name]), isFree(addresses[entry.address])
            else { return false }
        }
        return new.areDistinct(by: \.session) && new.areDistinct(by: \.identity)
            && new.areDistinct(by: \.name) && new.areDistinct(by: \.address)
    }

    /// Adds an entry. `allows` returned true for it, or the caller knows as much.
    package mutating func insert(_ entry: Entry) {
        sessions.insert(entry.session, at: index(of: entry.session))
        entries[entry.session] = entry
        identities[entry.identity] = entry.session
        names[entry.name] = entry.session
        addresses[entry.address] = entry.session
    }

    package mutating func remove(_ session: SessionID) {
        guard let entry = entries.removeValue(forKey: session) else { return }
        sessions.remove(at: index(of: session))
        if identities[entry.identity] == session { identities[entry.identity] = nil }
        if names[entry.name] == session { names[entry.name] = nil }
        if addresses[entry.address] == session { addresses[entry.address] = nil }
        removed.insert(session)
    }

    /// Returns the index of `session` in `sessions`, or where to insert it.
    private func index(of session: SessionID) -> Int {
        var low = 0
        var high = sessions.count
        while low < high {
            let middle = (low + high) / 2
            if sessions[middle] < session { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension [Entry] {
    /// Returns true if no two entries have the same value.
    ///
    /// The few entries of a DELTA are compared with each other, which is faster than building a set.
    fileprivate func areDistinct<Value: Hashable>(by value: (Entry) -> Value) -> Bool {
        guard count <= 8 else { return Set(lazy.map(value)).count == count }
        return indices.allSatisfy { index in !self[..<index].contains { value($0) == value(self[index]) } }
    }
}
