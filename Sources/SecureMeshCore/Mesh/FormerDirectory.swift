/// The members of the directory that this peer held before the present one, while they may still come back
/// (PROTOCOL.md, section 6.5).
///
/// A member of the former directory is *missing* until the present directory lists its identity. A missing member
/// counts as a member, and messages with its former session go on. If it does not come back, it is removed some time
/// after the first SNAPSHOT of the present directory is complete. A member that has come back keeps its former session
/// for 5 s, for messages that are on their way.
package struct FormerDirectory: MemberLookup {
    private let empty: Directory
    private var missingMembers: Directory
    /// The former entries of members that have come back.
    private var returned: [SessionID: Entry] = [:]
    private var returnedSessions: [PublicKey: SessionID] = [:]
    /// Members that have come back, in the order in which their former sessions end.
    private var ends: [(identity: PublicKey, until: Instant)] = []
    /// The instant at which missing members are removed; nil before the present directory's first SNAPSHOT is complete.
    private var missingUntil: Instant?

    /// - Parameter empty: A directory without entries.
    package init(_ empty: Directory) {
        self.empty = empty
        missingMembers = empty
    }

    package var isEmpty: Bool { missingMembers.count == 0 && returned.isEmpty }
    package var usages: [Usage] {
        [
            Usage("missing members", missingMembers.count, limit: Limits.directoryEntries),
            Usage("former sessions of members", returned.count, limit: Limits.directoryEntries),
        ]
    }

    package subscript(session: SessionID) -> Entry? { missingMembers[session] ?? returned[session] }
    package func lists(_ identity: PublicKey) -> Bool { entry(of: identity) != nil }
    package func entry(of identity: PublicKey) -> Entry? {
        missingMembers.entry(of: identity) ?? returnedSessions[identity].flatMap { returned[$0] }
    }

    package var missingCount: Int { missingMembers.count }
    /// The missing members, in ascending order of their sessions.
    package var missing: [Entry] { missingMembers.inOrder }
    package func missing(_ identity: PublicKey) -> Entry? { missingMembers.entry(of: identity) }
    package func missing(named name: PeerName) -> Entry? { missingMembers.entry(named: name) }
    package func missing(at address: SocketAddress) -> Entry? { missingMembers.entry(at: address) }

    /// The instant of the next call of `expire` that changes something.
    package var deadline: Instant? {
        Instant.earliest([missingMembers.count > 0 ? missingUntil : nil, ends.first?.until])
    }

    /// Replaces the former directory by `entries`, the members of a directory that has just been replaced itself.
    /// Members that have been missing since an earlier directory are kept, unless `entries` has their identities, names
    /// or addresses.
    package mutating func begin(_ entries: [Entry]) {
        let earlier = missing
        self = FormerDirectory(empty)
        for entry in entries + earlier where missingMembers.allows(removing: [], adding: [entry]) {
            missingMembers.insert(entry)
        }
    }

    /// Notes that the first SNAPSHOT of the present directory is complete.
    ///
    /// - Parameter instant: The instant at which missing members are removed.
    package mutating func whole(missingUntil instant: Instant) {
        missingUntil = instant
    }

    /// Notes that the present directory lists a member.
    ///
    /// - Parameter until: The instant at which its former session ends.
    /// - Returns: Its former entry if it was missing.
    package mutating func returns(_ identity: PublicKey, until: Instant) -> Entry? {
        guard let entry = missingMembers.entry(of: identity) else { return nil }
        missingMembers.remove(entry.session)
        returned[entry.session] = entry
        returnedSessions[identity] = entry.session
        ends.append((identity, until))
        return entry
    }

    /// Removes the missing members whose name or address `entry` has, because they cannot come back as they were.
    package mutating func oust(by entry: Entry) -> [Entry] {
        let holders = [missingMembers.entry(named: entry.name), missingMembers.entry(at: entry.address)]
        let ousted = holders.compactMap { $0 }.filter { $0.identity != entry.identity && lists($0.identity) }
        for former in ousted { missingMembers.remove(former.session) }
        return ousted.first == ousted.last ? Array(ousted.prefix(1)) : ousted
    }

    /// Removes a member that has come back and left.
    ///
    /// - Returns: Its former entry, if its former session had not ended.
    package mutating func remove(_ identity: PublicKey) -> Entry? {
        returnedSessions.removeValue(forKey: identity).flatMap { returned.removeValue(forKey: $0) }
    }

    /// Removes the missing members that have not come back in time, and the former sessions whose last 5 s are over.
    package mutating func expire(_ now: Instant) -> (missing: [Entry], returned: [Entry]) {
        let over = ends.prefix { $0.until <= now }
        let ended = over.compactMap { remove($0.identity) }
        ends.removeFirst(over.count)
        guard let missingUntil, missingUntil <= now, missingMembers.count > 0 else { return ([], ended) }
        defer { missingMembers = empty }
        return (missing, ended)
    }
}
