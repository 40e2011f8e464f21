/// A token bucket in one number: the generic cell rate algorithm (ITU-T I.371).
///
/// Its state is the instant at which the bucket will be full again, so an idle bucket needs no timer.
package struct RateLimiter: Hashable, Sendable {
    private var full = Instant(nanoseconds: .min)

    package init() {}

    /// Returns the time until `accept` takes `count` tokens; zero if it would take them at `now`.
    ///
    /// - Parameter count: The number of tokens. If it is more than a full bucket holds, a full bucket is enough.
    package func wait(_ rate: Rate, count: Int = 1, now: Instant) -> Duration {
        has(count, rate, now: now) ? .zero : ready(for: count, rate) - now
    }

    /// Returns true if `accept` would take `count` tokens at `now`.
    ///
    /// - Parameter count: The number of tokens. If it is more than a full bucket holds, a full bucket is enough.
    package func has(_ count: Int, _ rate: Rate, now: Instant) -> Bool {
        full <= now || ready(for: count, rate) <= now
    }

    /// Returns the instant from which on the bucket holds `count` tokens. If `count` is more than a full bucket holds,
    /// returns the instant at which the bucket is full.
    package func ready(for count: Int, _ rate: Rate) -> Instant {
        full.advanced(nanoseconds: -Self.interval(rate) * Int64(max(rate.burst - count, 0)))
    }

    /// Returns the number of tokens in the bucket. The number is negative after `charge` took more tokens than there
    /// were.
    package func tokens(_ rate: Rate, now: Instant) -> Int {
        guard full > now else { return rate.burst }
        let interval = Self.interval(rate)
        let missing = ((full - now) + .nanoseconds(interval - 1)).wholeNanoseconds / interval
        return Int(clamping: Int64(rate.burst) - missing)
    }

    /// Takes `count` tokens, even if the bucket has fewer. In that case, the number of tokens is negative until
    /// refilling brings it back to 0.
    package mutating func charge(_ count: Int, _ rate: Rate, now: Instant) {
        full = max(full, now).advanced(nanoseconds: Self.interval(rate) * Int64(count))
    }

    /// Reduces the tokens to those of `other` if `other` has fewer. Both buckets must have the same rate.
    package mutating func lower(to other: RateLimiter) {
        full = max(full, other.full)
    }

    /// Takes `count` tokens. If the bucket has fewer, takes none and returns false.
    package mutating func accept(_ rate: Rate, count: Int = 1, now: Instant) -> Bool {
        guard has(count, rate, now: now) else { return false }
        charge(count, rate, now: now)
        return true
    }

    /// Takes as many tokens as the bucket has, but at most `count`. Returns the number of tokens taken.
    package mutating func take(upTo count: Int, _ rate: Rate, now: Instant) -> Int {
        let taken = min(count, tokens(rate, now: now))
        guard taken > 0 else { return 0 }
        charge(taken, rate, now: now)
        return taken
    }

    private static func interval(_ rate: Rate) -> Int64 {
        1_000_000_000 / Int64(max(rate.perSecond, 1))
    }
}
