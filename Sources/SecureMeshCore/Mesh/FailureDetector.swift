/// The schedule of the sweeps that expire members without a proof of life within the lifetime (PROTOCOL.md, section 6).
///
/// Three guards prevent false expiry. The driver drains the sockets between `sweepIsDue` and `sweep`. A sweep that ran
/// late, because the process was paused before it or during its drain, suspends expiry for one lifetime. While many
/// members are late, a common cause is likely, and each of them gets some lifetimes more.
package struct FailureDetector: Hashable, Sendable {
    private let lifetime: Duration
    private let interval: Duration
    private var nextSweep: Instant
    private var suspendedUntil: Instant
    private var drainBegan: Instant?
    /// True if the last drain was long. Only the first one of several suspends expiry, so that a flood cannot do so
    /// without end.
    private var wasLong = false
    /// True while so many members are late that a common cause is likely.
    private(set) package var suspectsCommonCause = false

    package init(lifetime: Duration, interval: Duration = ProtocolConstants.sweepInterval, now: Instant) {
        self.lifetime = lifetime
        self.interval = interval
        nextSweep = now + interval
        suspendedUntil = now
    }

    /// The time of the next sweep; nil while the sockets are being drained.
    package var deadline: Instant? { drainBegan == nil ? nextSweep : nil }

    /// Returns true if a sweep is due, once for each sweep. The caller then drains the sockets and calls `sweep`.
    package mutating func sweepIsDue(now: Instant) -> Bool {
        guard drainBegan == nil, now >= nextSweep else { return false }
        drainBegan = now
        if now - nextSweep > interval { suspendedUntil = now + lifetime }
        return true
    }

    /// Ends the drain.
    ///
    /// - Returns: The limit of expiry: a member expires now if its last proof of life was before this instant. Nil
    ///   while expiry is suspended, or if no drain was asked for.
    package mutating func sweep(now: Instant) -> Instant? {
        guard let began = drainBegan else { return nil }
        drainBegan = nil
        nextSweep = now + interval
        let isLong = now - began > interval
        if isLong, !wasLong { suspendedUntil = now + lifetime }
        wasLong = isLong
        // Nobody must expire because the drain could not read a heartbeat in time. So silence counts up to the
        // beginning of the drain.
        return now >= suspendedUntil ? began - lifetime : nil
    }

    /// The silence after which a member is late: two thirds of the lifetime, which is two intervals by default.
    package var lateAfter: Duration { lifetime * 2 / 3 }

    /// Returns the number of members that may be late at once without a common cause.
    package func mostLate(of members: Int) -> Int {
        max(Limits.mostLate, members * Limits.mostLateShare / 100)
    }

    /// Returns the silence after which a member expires: a lifetime, or more while many members are late.
    package mutating func patience(late: Int, of members: Int) -> Duration {
        let most = mostLate(of: members)
        suspectsCommonCause = late > (suspectsCommonCause ? most / 2 : most)
        return suspectsCommonCause ? lifetime * (1 + Limits.suspicionLifetimes) : lifetime
    }
}
