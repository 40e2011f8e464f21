/// The names that are reserved for 24 h after their members have left. Each name is reserved for its last owner.
///
/// Only an open mesh asks for them. They are noted in any mesh, because the roster of a server can become open later.
///
/// The table is bounded. When it is full, the name whose owner left first is evicted. So strangers with many names can
/// shorten the time for which a name is kept after its owner has left. They cannot take the name of a member, because
/// the directory has it.
package struct NameReservations: Sendable {
    private struct Departed: Sendable {
        let identity: PublicKey
        let leftAt: Instant
        /// The sequence number of this departure. It distinguishes the departure from earlier departures of the same
        /// name, which `order` may also contain.
        let number: UInt64
    }

    private var departed: [PeerName: Departed] = [:]
    /// The names in `departed`, per identity, in the order in which the identity left them.
    private var namesLeft: [PublicKey: [PeerName]] = [:]
    /// The departures in the order of time. Some of them may no longer be in `departed`.
    private var order: [(name: PeerName, number: UInt64)] = []
    private var oldest = 0
    private var nextNumber: UInt64 = 0

    package init() {}

    package var usages: [Usage] {
        [
            Usage("reserved names", departed.count, limit: Limits.rememberedIdentities),
            Usage("departures of names", order.count, limit: Limits.rememberedIdentities * 3),
        ]
    }

    /// Returns true if `name` is reserved for an identity other than `identity`. The names of present members are not
    /// in this table; the directory has them.
    package func isReserved(_ name: PeerName, for identity: PublicKey, now: Instant) -> Bool {
        guard let departed = departed[name], departed.identity != identity else { return false }
        return now - departed.leftAt < ProtocolConstants.nameReservation
    }

    /// Ends the reservation of `name`, because its owner is a member under this name again.
    package mutating func endReservation(of name: PeerName) { forget(name) }

    /// Notes that the member `identity` has left, and reserves its `name` for this identity for 24 h. An identity keeps
    /// at most `Limits.namesPerIdentity` reserved names: those that it used last.
    package mutating func reserve(_ name: PeerName, for identity: PublicKey, now: Instant) {
        forget(name)
        departed[name] = Departed(identity: identity, leftAt: now, number: nextNumber)
        order.append((name, nextNumber))
        nextNumber += 1
        namesLeft[identity, default: []].append(name)
        if let names = namesLeft[identity], names.count > Limits.namesPerIdentity { forget(names[0]) }
        while departed.count > Limits.rememberedIdentities { evictOldest() }
        if oldest > order.count / 2 || order.count > Limits.rememberedIdentities * 2 { compact() }
    }

    private mutating func evictOldest() {
        let (name, number) = order[oldest]
        oldest += 1
        if departed[name]?.number == number { forget(name) }
    }

    private mutating func forget(_ name: PeerName) {
        guard let former = departed.removeValue(forKey: name) else { return }
        let rest = namesLeft[former.identity, default: []].filter { $0 != name }
        namesLeft[former.identity] = rest.isEmpty ? nil : rest
    }

    /// Removes from `order` the departures that are no longer in `departed`.
    private mutating func compact() {
        order = order[oldest...].filter { departed[$0.name]?.number == $0.number }
        oldest = 0
    }
}
