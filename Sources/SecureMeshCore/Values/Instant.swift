/// A point on one process's monotonic clock, in nanoseconds. Never on the wire.
package struct Instant: Hashable, Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds &+ duration.wholeNanoseconds)
    }

    package static func - (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds &- duration.wholeNanoseconds)
    }

    package static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(later.nanoseconds &- earlier.nanoseconds)
    }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension Duration {
    /// Whole nanoseconds; an interval of the protocol is at most days, and what is beyond 292 years is cut to that.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        return scaled &+ attoseconds / 1_000_000_000
    }
}

/// When a machine wants `handleTimeout` next, and why (the why is for logs and traces).
package struct Deadline: Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case pulse, flush, sweep, expiry, hello, confirm, heartbeat, freshness, rekey, leave, lingering
    }

    package var instant: Instant
    package var reason: Reason

    package init(_ instant: Instant, _ reason: Reason) {
        self.instant = instant
        self.reason = reason
    }

    /// The earliest of those that are set.
    package static func earliest(_ deadlines: [Deadline?]) -> Deadline? {
        var best: Deadline?
        for case .some(let deadline) in deadlines where deadline.instant < best?.instant ?? Instant(nanoseconds: .max) {
            best = deadline
        }
        return best
    }
}
