/// The former members: the members of the directory that this peer held before the present one, as long as they may
/// come back (PROTOCOL.md, section 6.5).
///
/// A former member is *missing* until the present directory lists its identity. A missing member still counts as a
/// member, and messages are exchanged with its former session. If it does not come back, it is removed some time after
/// the first SNAPSHOT of the present directory is complete. If it comes back, its former session is kept for 5 more
/// seconds, for messages that are on their way.
package struct FormerDirectory: MemberLookup {
    private let empty: Directory
    private var missingMembers: Directory
    /// The former entries of the members that have come back, keyed by their former sessions.
    private var returned: [SessionID: Entry] = [:]
    private var returnedSessions: [PublicKey: SessionID] = [:]
    /// The members that have come back, with the instants at which their former sessions end, earliest first.
    private var ends: [(identity: PublicKey, until: Instant)] = []
    /// The instant at which missing members are removed; nil before the present directory's first SNAPSHOT is complete.
    private var missingUntil: Instant?

    /// Makes a value without former members.
    ///
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

    /// The earliest instant at which a call of `expire` has an effect; nil if there is none.
    package var deadline: Instant? {
        Instant.earliest([missingMembers.count > 0 ? missingUntil : nil, ends.first?.until])
    }

    /// Makes `entries` the former members. They are the entries of a directory that has just been replaced. A member of
    /// an earlier directory that is still missing stays a former member, unless `entries` contains its identity, name
    /// or address.
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

    /// Notes that the present directory lists `identity`. If the member with this identity was missing, it has come
    /// back.
    ///
    /// - Parameter until: The instant at which the member's former session ends.
    /// - Returns: The member's former entry; nil if the member was not missing.
    package mutating func returns(_ identity: PublicKey, until: Instant) -> Entry? {
        guard let entry = missingMembers.entry(of: identity) else { return nil }
        missingMembers.remove(entry.session)
        returned[entry.session] = entry
        returnedSessions[identity] = entry.session
        ends.append((identity, until))
        return entry
    }

    /// Removes the missing members whose name or address `entry` has, and returns their former entries. A missing
    /// member is given up when another member gets its name or address.
    package mutating func oust(by entry: Entry) -> [Entry] {
        let holders = [missingMembers.entry(named: entry.name), missingMembers.entry(at: entry.address)]
        let ousted = holders.compactMap { $0 }.filter { $0.identity != entry.identity && lists($0.identity) }
        for former in ousted { missingMembers.remove(former.session) }
        return ousted.first == ousted.last ? Array(ousted.prefix(1)) : ousted
    }

    /// Removes the former session of a member that has come back.
    ///
    /// - Returns: The member's former entry; nil if its former session has ended already.
    package mutating func remove(_ identity: PublicKey) -> Entry? {
        returnedSessions.removeValue(forKey: identity).flatMap { returned.removeValue(forKey: $0) }
    }

    /// Removes the missing members that have not come back in time, and the former sessions that have ended by `now`.
    /// Returns the removed entries.
    package mutating func expire(_ now: Instant) -> (missing: [Entry], returned: [Entry]) {
        let over = ends.prefix { $0.until <= now }
        let ended = over.compactMap { remove($0.identity) }
        ends.removeFirst(over.count)
        guard let missingUntil, missingUntil <= now, missingMembers.count > 0 else { return ([], ended) }
        defer { missingMembers = empty }
        return (missing, ended)
    }
}
