/// The CPU time for sealing messages, in slices of some milliseconds with pauses between them.
///
/// The first broadcast to thousands of members takes seconds, because a key must be made for each member. In the pauses
/// between slices, the peer sends heartbeats and handles datagrams.
package struct SealBudget: Sendable {
    /// The earliest instant at which a new slice may begin.
    private(set) package var nextSlice = Instant(nanoseconds: .min)
    /// The CPU time that the slice has left, in nanoseconds. It is negative if the last seal took more than was left.
    private var left: Int64 = 0

    package init() {}

    /// Returns true if the slice has time left. If a new slice may begin at `now`, begins one first.
    package mutating func isOpen(now: Instant) -> Bool {
        if nextSlice <= now {
            nextSlice = now + Limits.sealInterval
            left = Limits.sealSlice
        }
        return left > 0
    }

    /// Subtracts the estimated CPU time of an operation from the slice.
    package mutating func spend(_ nanoseconds: Int64) {
        left -= nanoseconds
    }
}
