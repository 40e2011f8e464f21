package import SecureMesh

/// The members of a mesh with the times of their joins, and the former members of the last day.
///
/// Events keep this history up to date, so a query about all members takes no time on the mesh's event loop.
package struct MemberHistory: Sendable {
    package struct Absence: Sendable {
        package let member: Member
        package let departure: Departure?
        package let at: Timestamp
        /// The serial number of the departure. It distinguishes two departures of one member.
        let number: UInt64
    }

    /// The keys that may join; nil on a server that anyone may join, and on a peer, which does not know these keys.
    package var roster: Roster? {
        didSet { neverCount = countNever() }
    }
    private(set) package var present = DenseTable<Presence>()
    /// The newest departure of each former member: its serial number, and the member's state since then.
    private var absent: [PublicKey: (number: UInt64, state: MemberState)] = [:]
    /// The number of former members in each of the states left, failed and revoked.
    private var gone: [MemberState: Int] = [:]
    /// The number of keys that may join and are in neither `present` nor `absent`.
    private(set) package var neverCount = 0
    /// The departures, the oldest first. A departure whose number is not in `absent` is obsolete: since then, the
    /// member has come back or left again. The type is a slice, because removing the first element of an array would
    /// move all other elements.
    private var order: ArraySlice<Absence> = []
    private var newest: UInt64 = 0
    private let limit: Int
    private let time: Duration

    package init(
        roster: Roster? = nil, limit: Int = ControlLimits.absences, time: Duration = ControlLimits.absenceTime
    ) {
        self.roster = roster
        self.limit = limit
        self.time = time
        neverCount = countNever()
    }

    /// Returns the number of members in each state, without visiting each member.
    ///
    /// - Parameter late: The number of members in the state `suspect`.
    package mutating func counts(late: Int, _ now: Timestamp) -> [String: Int] {
        forget(now)
        let suspects = min(late, present.count)
        var counts = [MemberState.alive: present.count - suspects, .suspect: suspects, .never: neverCount]
        for state in [MemberState.left, .failed, .revoked] { counts[state] = gone[state] ?? 0 }
        return Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
    }

    private func countNever() -> Int {
        guard let roster else { return 0 }
        return roster.authorized.keys.count { !present.contains($0) && absent[$0] == nil }
    }

    /// Adds `change` to `neverCount` if the key may join and is in neither `present` nor `absent`. The caller calls
    /// this before it adds a key to `present` or `absent`, or after it has removed a key from both.
    private mutating func addNever(_ change: Int, for key: PublicKey) {
        guard !present.contains(key), absent[key] == nil, roster?.authorized[key] != nil else { return }
        neverCount += change
    }

    /// The number of former members that are remembered.
    package var absenceCount: Int { absent.count }
    /// The number of departures in memory, including the obsolete ones.
    package var departureCount: Int { order.count }

    package mutating func noteJoin(_ member: Member, at now: Timestamp) {
        addNever(-1, for: member.publicKey)
        setAbsence(of: member.publicKey, nil)
        present.set(Presence(member: member, since: now))
    }

    /// Notes that a member has a new session. The member's `since` does not change, because the member has not left.
    package mutating func noteRejoin(_ member: Member, at now: Timestamp) {
        guard present.contains(member.publicKey) else { return noteJoin(member, at: now) }
        present.change(member.publicKey) { $0.member = member }
    }

    package mutating func noteDeparture(_ member: Member, _ departure: Departure?, at now: Timestamp) {
        addNever(-1, for: member.publicKey)
        present.remove(member.publicKey)
        newest += 1
        let absence = Absence(member: member, departure: departure, at: now, number: newest)
        order.append(absence)
        setAbsence(of: member.publicKey, absence)
        forget(now)
    }

    /// Sets the newest departure of a key; removes it if `absence` is nil.
    private mutating func setAbsence(of key: PublicKey, _ absence: Absence?) {
        if let old = absent[key] { gone[old.state, default: 0] -= 1 }
        absent[key] = absence.map { ($0.number, MemberState($0.departure)) }
        if let new = absent[key] { gone[new.state, default: 0] += 1 }
    }

    package mutating func noteMessage(from member: Member) {
        present.change(member.publicKey) { $0.messages += 1 }
    }

    package mutating func noteRoundTrip(_ roundTrip: Duration, to key: PublicKey) {
        present.change(key) { $0.roundTrip = roundTrip.wholeNanoseconds }
    }

    /// Replaces the list of members after events were missed. For each member that the new list lacks, a departure with
    /// an unknown reason is noted.
    package mutating func replace(_ members: [Member], at now: Timestamp) {
        let keys = Set(members.map(\.publicKey))
        for presence in present.values where !keys.contains(presence.member.publicKey) {
            noteDeparture(presence.member, nil, at: now)
        }
        for member in members { noteRejoin(member, at: now) }
    }

    /// Returns the former members, ordered from the latest departure to the earliest.
    package mutating func absences(_ now: Timestamp) -> [Absence] {
        forget(now)
        return order.reversed().filter(isRemembered)
    }

    /// Returns the newest departure of a former member with this name; nil if no former member with this name is
    /// remembered.
    package func absence(named name: String) -> Absence? {
        order.last { $0.member.name.description == name && isRemembered($0) }
    }

    private func isRemembered(_ absence: Absence) -> Bool {
        absent[absence.member.publicKey]?.number == absence.number
    }

    private mutating func forget(_ now: Timestamp) {
        drop(order.prefix { !isRemembered($0) || now - $0.at > time }.count)
        if absent.count > limit, let index = order.firstIndex(where: isRemembered) {
            drop(index + 1 - order.startIndex)
        }
        // Members that leave and come back again and again fill `order` with obsolete departures.
        if order.count > limit * 2 { order = ArraySlice(order.filter(isRemembered)) }
    }

    /// Removes the `count` oldest departures.
    private mutating func drop(_ count: Int) {
        for absence in order.prefix(count) where isRemembered(absence) {
            setAbsence(of: absence.member.publicKey, nil)
            addNever(1, for: absence.member.publicKey)
        }
        order.removeFirst(count)
    }
}
