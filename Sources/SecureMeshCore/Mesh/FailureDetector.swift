/// The schedule of the sweeps that expire members without a proof of life within the lifetime (PROTOCOL.md, section 6).
///
/// Three guards prevent false expiry. The driver drains the sockets between `sweepIsDue` and `sweep`. A sweep that ran
/// late, because the process was paused, suspends expiry for one lifetime. While many members are late, a common cause
/// is likely, and each of them gets some lifetimes more.
package struct FailureDetector: Hashable, Sendable {
    private let lifetime: Duration
    private let interval: Duration
    private var nextSweep: Instant
    private var suspendedUntil: Instant
    private var isDraining = false
    /// True while so many members are late that a common cause is likely.
    private(set) package var suspectsCommonCause = false

    package init(lifetime: Duration, interval: Duration = ProtocolConstants.sweepInterval, now: Instant) {
        self.lifetime = lifetime
        self.interval = interval
        nextSweep = now + interval
        suspendedUntil = now
    }

    /// The time of the next sweep; nil while the sockets are being drained.
    package var deadline: Instant? { isDraining ? nil : nextSweep }

    /// Returns true once for each sweep. The sockets are then to be drained, and `sweep` is to be called.
    package mutating func sweepIsDue(now: Instant) -> Bool {
        guard !isDraining, now >= nextSweep else { return false }
        isDraining = true
        if now - nextSweep > interval { suspendedUntil = now + lifetime }
        return true
    }

    /// Ends the drain.
    ///
    /// - Returns: The instant such that members expire whose last proof of life is before it. Nil while expiry is
    ///   suspended, or if no drain was asked for.
    package mutating func sweep(now: Instant) -> Instant? {
        guard isDraining else { return nil }
        isDraining = false
        nextSweep = now + interval
        return now >= suspendedUntil ? now - lifetime : nil
    }

    /// The silence after which a member is late: two thirds of the lifetime, which is two intervals by default.
    package var lateAfter: Duration { lifetime * 2 / 3 }

    /// Returns the silence after which a member expires: a lifetime, or more while many members are late.
    package mutating func patience(late: Int, of members: Int) -> Duration {
        let most = max(Limits.mostLate, members * Limits.mostLateShare / 100)
        suspectsCommonCause = late > (suspectsCommonCause ? most / 2 : most)
        return suspectsCommonCause ? lifetime * (1 + Limits.suspicionLifetimes) : lifetime
    }
}
