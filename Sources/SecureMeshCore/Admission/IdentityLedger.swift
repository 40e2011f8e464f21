/// The server's memory of identities beyond their sessions: join buckets, bars, and reserved names in open mode.
///
/// Each table is bounded. When one is full, it forgets the key that it has known longest.
package struct IdentityLedger: Sendable {
    private struct Record: Sendable {
        var joins = RateLimiter()
        var barredUntil: Instant?
    }

    private struct Reservation: Sendable {
        var identity: PublicKey
        /// Nil while the identity is a member under the name.
        var leftAt: Instant?
    }

    private var records = BoundedTable<PublicKey, Record>(limit: Limits.rememberedIdentities)
    private var reservations = BoundedTable<PeerName, Reservation>(limit: Limits.rememberedIdentities)

    package init() {}

    package var usages: [Usage] {
        [
            Usage("remembered identities", records.count, limit: Limits.rememberedIdentities),
            Usage("reserved names", reservations.count, limit: Limits.rememberedIdentities),
        ]
    }

    /// Returns how long the identity has to wait before it may join: the longer of its bar and its join bucket.
    package func wait(_ identity: PublicKey, now: Instant) -> Duration {
        guard let record = records[identity] else { return .zero }
        let barred = record.barredUntil.map { max($0 - now, .zero) } ?? .zero
        return max(barred, record.joins.wait(Limits.joinRate, now: now))
    }

    package mutating func chargeJoin(_ identity: PublicKey, now: Instant) {
        var record = records[identity] ?? Record()
        _ = record.joins.accept(Limits.joinRate, now: now)
        records.set(record, for: identity)
    }

    /// Keeps the identity out for `barredPeriod`.
    package mutating func bar(_ identity: PublicKey, now: Instant) {
        var record = records[identity] ?? Record()
        record.barredUntil = now + ProtocolConstants.barredPeriod
        records.set(record, for: identity)
    }

    /// Returns true if `name` is kept for another identity.
    package func isReserved(_ name: PeerName, for identity: PublicKey, now: Instant) -> Bool {
        guard let reservation = reservations[name], reservation.identity != identity else { return false }
        guard let leftAt = reservation.leftAt else { return true }
        return now - leftAt < ProtocolConstants.nameReservation
    }

    package mutating func reserve(_ name: PeerName, for identity: PublicKey) {
        reservations.set(Reservation(identity: identity, leftAt: nil), for: name)
    }

    /// Starts the time after which others may have the name.
    package mutating func release(_ name: PeerName, of identity: PublicKey, now: Instant) {
        guard reservations[name]?.identity == identity else { return }
        reservations.set(Reservation(identity: identity, leftAt: now), for: name)
    }
}
