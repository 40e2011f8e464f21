/// A token bucket for each prefix of the source address, in a table of fixed size.
///
/// Prefixes that fall into the same slot share one bucket. A keyed hash of the prefix gives the slot, so nobody can
/// choose whose bucket to share.
package struct PrefixTable: Sendable {
    private var slots: [RateLimiter]
    private let key: Bytes16
    private let rate: Rate

    package init(rate: Rate, key: Bytes16) {
        slots = [RateLimiter](repeating: RateLimiter(), count: Limits.prefixTableSlots)
        self.key = key
        self.rate = rate
    }

    /// Takes one token from the bucket of an IPv4 address, or from the buckets of the /64 and of the /48 prefix of an
    /// IPv6 address.
    ///
    /// - Returns: False if one of these buckets has no token.
    package mutating func accept(_ address: SocketAddress, now: Instant) -> Bool {
        switch address.ip {
        case .v4(let ip):
            return slots[slot(4, UInt64(ip))].accept(rate, now: now)
        case .v6(let high, _):
            let wide = rate.scaled(by: Limits.widePrefixFactor)
            return slots[slot(64, high)].accept(rate, now: now) && slots[slot(48, high >> 16)].accept(wide, now: now)
        }
    }

    private func slot(_ kind: UInt64, _ prefix: UInt64) -> Int {
        Int(Sodium.shortHash((kind, prefix), key: key) % UInt64(slots.count))
    }
}
