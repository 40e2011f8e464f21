/// The former members: the members of the directory that this peer held before the present one, as long as they may
/// come back (PROTOCOL.md, section 6.5).
///
/// A former member is *missing* until the present directory lists its identity. A missing member still counts as a
/// member, and messages are exchanged with its former session. If it comes back, its former session is kept for 5 more
/// seconds, for messages that are on their way. Missing members are removed some time after the first SNAPSHOT of the
/// present directory is complete, but not while others come back: a server needs minutes to list thousands of members
/// again.
package struct FormerDirectory: MemberLookup {
    private let empty: Directory
    /// The former entries of the missing members, and of the members that have come back.
    private var members: Directory
    /// The former sessions of the members that have come back.
    private var returned: Set<SessionID> = []
    /// The members that have come back, with the instants at which their former sessions end, earliest first.
    private var ends: [(identity: PublicKey, until: Instant)] = []
    /// The instant at which missing members are removed if no member comes back before. A member that comes back
    /// postpones it by `period`, to `latest` at most. Nil before the present directory's first SNAPSHOT is complete.
    private var missingUntil: (period: Duration, next: Instant, latest: Instant)?
    /// The sessions of the missing members of a still earlier directory. These members are only listed: this peer has
    /// no session any more in which messages could be exchanged with them.
    private var earlier: Set<SessionID> = []
    /// The instant at which the members of `earlier` are removed; nil if there are none.
    private var earlierUntil: Instant?
    /// The instant of the next slice, if the last call of `expire` has left members that were due.
    private var nextSlice: Instant?

    /// Makes a value without former members.
    ///
    /// - Parameter empty: A directory without entries.
    package init(_ empty: Directory) {
        self.empty = empty
        members = empty
    }

    package var isEmpty: Bool { members.count == 0 }
    package var usages: [Usage] {
        [
            Usage("missing members", missingCount, limit: Limits.directoryEntries),
            Usage("former sessions of members", returned.count, limit: Limits.directoryEntries),
        ]
    }

    package subscript(session: SessionID) -> Entry? { earlier.contains(session) ? nil : members[session] }
    package func lists(_ identity: PublicKey) -> Bool { shared(of: identity) != nil }
    func shared(of identity: PublicKey) -> SharedEntry? {
        members.shared(of: identity).flatMap { earlier.contains($0.entry.session) ? nil : $0 }
    }

    package var missingCount: Int { members.count - returned.count }
    /// The missing members, in ascending order of their sessions.
    package var missing: [Entry] { missingCount > 0 ? members.inOrder.filter(isMissing) : [] }
    package func missing(_ identity: PublicKey) -> Entry? { missing(members.entry(of: identity)) }
    package func missing(named name: PeerName) -> Entry? { missing(members.entry(named: name)) }
    package func missing(at address: SocketAddress) -> Entry? { missing(members.entry(at: address)) }

    private func missing(_ entry: Entry?) -> Entry? { entry.flatMap { isMissing($0) ? $0 : nil } }
    private func isMissing(_ entry: Entry) -> Bool { !returned.contains(entry.session) }

    /// The instant at which `expire` is to be called next; nil if nothing is to be removed.
    package var deadline: Instant? {
        if let nextSlice { return nextSlice }
        var next = ends.first?.until
        if missingCount > 0 { next = .earlier(next, missingUntil?.next) }
        if !earlier.isEmpty { next = .earlier(next, earlierUntil) }
        return next
    }

    /// Notes that `directory` was replaced, and makes its members the former members. A member of an earlier directory
    /// that is still missing stays listed, unless `directory` lists its session, identity, name or address, or has no
    /// room for it. No messages are exchanged with it, and further restarts do not prolong its stay.
    ///
    /// - Parameter own: The identity of this peer, which is not a former member.
    /// - Returns: The members of an earlier directory that do not stay former members.
    package mutating func begin(_ directory: Directory, without own: PublicKey, now: Instant) -> [Entry] {
        let missing = missing
        let until = earlierUntil ?? missingUntil?.latest ?? now + ProtocolConstants.longestReturn
        self = FormerDirectory(empty)
        members = directory
        if let entry = members.entry(of: own) { members.remove(entry.session) }
        returned.reserveCapacity(members.count)
        ends.reserveCapacity(members.count)
        let gone = missing.filter { entry in
            let stays = members.insertIfFree(members.sharing(entry))
            if stays { earlier.insert(entry.session) }
            return !stays
        }
        earlierUntil = earlier.isEmpty ? nil : until
        return gone
    }

    /// Notes that the first SNAPSHOT of the present directory is complete.
    ///
    /// - Parameter period: The time without a return after which missing members are removed.
    package mutating func whole(period: Duration, now: Instant) {
        missingUntil = (period, now + period, now + max(period, ProtocolConstants.longestReturn))
    }

    /// Notes that the present directory lists `identity`. If the member with this identity was missing, it has come
    /// back.
    ///
    /// - Returns: The member's former entry; nil if the member was not missing.
    package mutating func returns(_ identity: PublicKey, now: Instant) -> SharedEntry? {
        guard let shared = members.shared(of: identity), isMissing(shared.entry) else { return nil }
        earlier.remove(shared.entry.session)
        returned.insert(shared.entry.session)
        ends.append((identity, now + ProtocolConstants.pairLingering))
        if let (period, _, latest) = missingUntil { missingUntil?.next = min(now + period, latest) }
        return shared
    }

    /// Removes the missing members that have the name or address of `entry` but another identity, and returns their
    /// former entries. A missing member is given up when another member gets its name or address.
    package mutating func oust(by entry: Entry) -> [Entry] {
        guard missingCount > 0 else { return [] }
        let holders = [missing(named: entry.name), missing(at: entry.address)]
        let ousted = holders.compactMap { $0 }.filter { $0.identity != entry.identity }
        for former in ousted {
            members.remove(former.session)
            earlier.remove(former.session)
        }
        return ousted.first == ousted.last ? Array(ousted.prefix(1)) : ousted
    }

    /// Removes the former session of a member that has come back.
    ///
    /// - Returns: The member's former entry; nil if its former session has ended already.
    package mutating func remove(_ identity: PublicKey) -> Entry? {
        guard let entry = members.entry(of: identity), returned.remove(entry.session) != nil else { return nil }
        members.remove(entry.session)
        return entry
    }

    /// Removes the missing members that have not come back in time, and the former sessions that have ended by `now`.
    /// Removes at most `Limits.formerSlice` of each, so that a call takes little time. If more are due, `deadline` is
    /// shortly after `now`. Returns the removed entries.
    package mutating func expire(_ now: Instant) -> (missing: [Entry], returned: [Entry]) {
        let over = ends.prefix(Limits.formerSlice).prefix { $0.until <= now }
        let ended = over.compactMap { remove($0.identity) }
        ends.removeFirst(over.count)
        let areAllDue = missingUntil.map { $0.next <= now } == true
        let areEarlierDue = earlierUntil.map { $0 <= now } == true && !earlier.isEmpty
        let due = areAllDue || areEarlierDue ? missing.filter { areAllDue || earlier.contains($0.session) } : []
        let gone = Array(due.prefix(Limits.formerSlice))
        for entry in gone {
            members.remove(entry.session)
            earlier.remove(entry.session)
        }
        // This frees the tables, which are large enough for all former members.
        if isEmpty { self = FormerDirectory(empty) }
        nextSlice = nil
        if let deadline, deadline <= now { nextSlice = now + .nanoseconds(1) }
        return (gone, ended)
    }
}
