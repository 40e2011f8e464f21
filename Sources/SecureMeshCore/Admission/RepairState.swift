/// The repairs of one member: the DELTAs and SNAPSHOTs that it has asked for, and those that it was sent.
package struct RepairState: Sendable {
    /// The highest version that the member held when it was sent DELTAs.
    package var held: UInt64 = 0
    /// The version of the snapshot that the member was sent parts of; 0 for none.
    package var snapshot: UInt64 = 0
    /// The highest part of that snapshot that it asked for.
    package var part = 0
    /// The highest version to which the member was sent DELTAs.
    package var sent: UInt64 = 0
    /// The directory version in the member's first PULSE. That PULSE was sent to this member only.
    package var firstTold: UInt64 = 0
    private var answeredAt: Instant?
    private var repeatedAt: Instant?

    package init() {}

    /// Returns the number of datagrams that the member is sent.
    ///
    /// - Parameters:
    ///   - wanted: The number of datagrams that the member lacks.
    ///   - isProgress: True if the member asks for more than it has asked for before. Then it need not wait for
    ///     `Limits.repairGap`.
    ///   - heard: The newest PULSE that the member had received when it sent its heartbeat. If the server has sent a
    ///     newer one, datagrams may still wait in the member's socket. Then those that were sent after `heard` are not
    ///     sent again.
    ///   - bucket: The bucket for the repairs of all members. If it is empty, a member still gets a few datagrams.
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
