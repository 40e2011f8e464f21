/// The state of one member's repairs: the DELTAs and SNAPSHOTs for which the member has asked, and those that were sent
/// to it.
package struct RepairState: Sendable {
    /// The highest directory version that the member held when it asked for DELTAs.
    package var held: UInt64 = 0
    /// The version of the snapshot whose parts were last sent to the member; 0 if no parts were sent.
    package var snapshot: UInt64 = 0
    /// The highest part number of `snapshot` that the member has asked for.
    package var part = 0
    /// The directory version that results from the newest DELTA that was sent to the member as a repair.
    package var sent: UInt64 = 0
    /// The directory version in the newest of the PULSEs that were sent to the member at its CONFIRM.
    package var firstTold: UInt64 = 0
    private var answeredAt: Instant?
    private var repeatedAt: Instant?

    package init() {}

    /// The highest directory version that the member held when it asked for DELTAs, or that a repair has sent to it at
    /// least in part: the highest of `held`, `sent` and `snapshot`.
    package var newest: UInt64 { max(held, sent, snapshot) }

    /// Returns the number of datagrams that the server may send to the member for this repair.
    ///
    /// - Parameters:
    ///   - wanted: The number of datagrams that the member lacks.
    ///   - isProgress: True if the member asks for a later part of the directory than before. Then the repair need not
    ///     wait for `Limits.repairGap`.
    ///   - heard: The newest PULSE that the member had received when it sent its heartbeat. If the server has sent a
    ///     newer PULSE, datagrams that were sent after `heard` may still wait in the member's socket. These datagrams
    ///     are not sent again.
    ///   - bucket: The token bucket that the repairs of all members share. If it is empty, the member still gets up to
    ///     `Limits.leastRepair` datagrams per `Limits.repairGap`.
    package mutating func grant(
        _ wanted: Int, isProgress: Bool, heard: HeardPulse, from bucket: inout RateLimiter, now: Instant
    ) -> Int {
        let isOnItsWay = heard.age > 0 && answeredAt.map { heard.at <= $0 } ?? false
        let isDue = !isOnItsWay && repeatedAt.map { now - $0 >= Limits.repairGap } ?? true
        guard isProgress || isDue else { return 0 }
        let granted = bucket.take(upTo: wanted, Limits.repairRate, now: now)
        if granted > 0 { answeredAt = now }
        guard isDue, granted < wanted || !isProgress else { return granted }
        (repeatedAt, answeredAt) = (now, now)
        return max(granted, min(wanted, Limits.leastRepair))
    }
}
