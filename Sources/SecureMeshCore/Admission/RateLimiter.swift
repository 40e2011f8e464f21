/// A token bucket in one number: the generic cell rate algorithm (ITU-T I.371).
///
/// Its state is the instant at which the bucket will be full again; a bucket at rest needs no upkeep.
package struct RateLimiter: Hashable, Sendable {
    private var full = Instant(nanoseconds: .min)

    package init() {}

    /// How long until `accept` would say yes; zero: now.
    package func wait(_ rate: Rate, now: Instant) -> Duration {
        guard full > now else { return .zero }
        let excess = (full - now).wholeNanoseconds - Self.interval(rate) * Int64(rate.burst - 1)
        return .nanoseconds(max(excess, 0))
    }

    /// Takes a token, if there is one.
    package mutating func accept(_ rate: Rate, now: Instant) -> Bool {
        guard wait(rate, now: now) == .zero else { return false }
        full = max(full, now) + .nanoseconds(Self.interval(rate))
        return true
    }

    /// Takes as many tokens as there are, at most `count`, and gives how many.
    package mutating func take(upTo count: Int, _ rate: Rate, now: Instant) -> Int {
        let interval = Self.interval(rate)
        let missing = full > now ? ((full - now).wholeNanoseconds + interval - 1) / interval : 0
        let taken = min(Int64(count), Int64(rate.burst) - missing)
        guard taken > 0 else { return 0 }
        full = max(full, now) + .nanoseconds(interval * taken)
        return Int(taken)
    }

    private static func interval(_ rate: Rate) -> Int64 {
        1_000_000_000 / Int64(max(rate.perSecond, 1))
    }
}

/// A bucket for each prefix of the source address, in a table that never grows.
///
/// Prefixes that fall into one slot share its bucket. The slot is a keyed hash, so nobody can choose whom to share with.
package struct PrefixTable: Sendable {
    private var slots: [RateLimiter]
    private let key: Bytes16
    private let rate: Rate

    package init(rate: Rate, key: Bytes16) {
        slots = [RateLimiter](repeating: RateLimiter(), count: Limits.prefixTableSlots)
        self.key = key
        self.rate = rate
    }

    /// One token from the bucket of the /32, or from those of the /64 and of the /48.
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
