/// The server's records of each identity: a token bucket for its joins, the time until which it is barred from joining,
/// and its reserved names. The records outlast the identity's session.
///
/// The table of these buckets and times is bounded. When the table is full, it evicts the identity that was inserted
/// first.
package struct IdentityLedger: Sendable {
    private struct Record: Sendable {
        var joins = RateLimiter()
        var barredUntil: Instant?
    }

    private var records = BoundedTable<PublicKey, Record>(limit: Limits.rememberedIdentities)
    package var names = NameReservations()

    package init() {}

    package var usages: [Usage] {
        [Usage("remembered identities", records.count, limit: Limits.rememberedIdentities)] + names.usages
    }

    /// Returns the time until the identity may join: until it is not barred, and its token bucket for joins has a
    /// token. Returns zero if it may join at `now`.
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

    /// Bars the identity from joining for `ProtocolConstants.barredPeriod` from `now` on.
    package mutating func bar(_ identity: PublicKey, now: Instant) {
        var record = records[identity] ?? Record()
        record.barredUntil = now + ProtocolConstants.barredPeriod
        records.set(record, for: identity)
    }
}
