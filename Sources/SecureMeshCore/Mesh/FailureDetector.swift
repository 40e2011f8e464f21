/// The schedule of the sweeps, which expire members that have given no proof of life within the lifetime (PROTOCOL.md,
/// section 6).
///
/// Three rules prevent false expiry. First, between `sweepIsDue` and `sweep`, the driver drains the sockets: it reads
/// all datagrams that wait in them. Second, if a sweep begins late or its drain takes long, the process may have been
/// paused, and no member expires for one lifetime. Third, if many members are late, a common cause is likely, and a
/// member expires only after several lifetimes.
package struct FailureDetector: Hashable, Sendable {
    private let lifetime: Duration
    private let interval: Duration
    private var nextSweep: Instant
    private var suspendedUntil: Instant
    private var drainBegan: Instant?
    /// The time that the longest of the recent drains took. It falls by an eighth at each sweep.
    private var longestDrain = Duration.zero
    /// The end of the suspicion that members are late for a common cause; nil if there is no suspicion. It is one
    /// lifetime after the last sweep at which many members were late. If the suspicion ended earlier, the last members
    /// to come back would expire.
    private var suspectsUntil: Instant?

    package init(lifetime: Duration, interval: Duration = ProtocolConstants.sweepInterval, now: Instant) {
        self.lifetime = lifetime
        self.interval = interval
        nextSweep = now + interval
        suspendedUntil = now
    }

    /// The time of the next sweep; nil while the sockets are being drained.
    package var deadline: Instant? { drainBegan == nil ? nextSweep : nil }

    /// Returns true once for each sweep that is due. The caller then drains the sockets and calls `sweep`.
    package mutating func sweepIsDue(now: Instant) -> Bool {
        guard drainBegan == nil, now >= nextSweep else { return false }
        drainBegan = now
        if now - nextSweep > interval { suspendedUntil = now + lifetime }
        return true
    }

    /// Ends the drain, and schedules the next sweep.
    ///
    /// - Returns: The limit of expiry: a member expires if its last proof of life was before this instant. Nil while
    ///   expiry is suspended, or if no drain has begun.
    package mutating func sweep(now: Instant) -> Instant? {
        guard let began = drainBegan else { return nil }
        drainBegan = nil
        nextSweep = now + interval
        // If recent drains were about as long, the cause is a flood and not a pause. A flood must not suspend expiry
        // again and again.
        let drain = now - began
        let ordinary = longestDrain > interval ? longestDrain + interval : interval
        if drain > ordinary { suspendedUntil = now + lifetime }
        longestDrain = max(drain, longestDrain * 7 / 8)
        // Silence counts only up to the beginning of the drain. So no member expires because the drain took too long to
        // read its heartbeat.
        return now >= suspendedUntil ? began - lifetime : nil
    }

    /// The time without a proof of life after which a member is late. It is two thirds of the lifetime, which is two
    /// heartbeat intervals by default.
    package var lateAfter: Duration { lifetime * 2 / 3 }

    /// True while a common cause is suspected.
    package var suspectsCommonCause: Bool { suspectsUntil != nil }

    /// The time without a proof of life after which a member expires while a common cause is suspected.
    package var longestPatience: Duration { lifetime * (1 + Limits.suspicionLifetimes) }

    /// Returns the number of late members above which the suspicion of a common cause begins. While a crowd joins, one
    /// late member is enough (see `note`).
    ///
    /// The server uses the same number for silent members (PROTOCOL.md, section 6.1). If more members than this are
    /// silent, none of them gets a PULSE of its own.
    package func mostLate(of members: Int) -> Int {
        max(Limits.mostLate, Self.mostLateShare(of: members))
    }

    private static func mostLateShare(of members: Int) -> Int { members * Limits.mostLateShare / 100 }

    /// Begins, prolongs or ends the suspicion of a common cause.
    ///
    /// - Parameters:
    ///   - late: The number of members that are late at this sweep.
    ///   - newcomers: The number of members that have joined within the last `longestPatience`. A crowd of them may use
    ///     all the CPU time of its hosts, for example after a restart of the server. The few members that then get no
    ///     CPU time for a lifetime have not failed, so one late member is enough for a suspicion.
    package mutating func note(late: Int, of members: Int, newcomers: Int, now: Instant) {
        let isCrowd = newcomers > max(Limits.crowd, Self.mostLateShare(of: members))
        let most = isCrowd ? 0 : mostLate(of: members)
        if late > (suspectsCommonCause ? most / 2 : most) {
            suspectsUntil = now + lifetime
        } else if let end = suspectsUntil, now >= end {
            suspectsUntil = nil
        }
    }
}
