/// The CPU time for sealing messages, in slices of some milliseconds with pauses between them.
///
/// The first broadcast to thousands of members takes seconds, because a key must be made for each. In the pauses the
/// peer sends heartbeats and handles datagrams.
package struct SealBudget: Sendable {
    /// The instant from which a new slice may begin.
    private(set) package var nextSlice = Instant(nanoseconds: .min)
    /// The nanoseconds of CPU time that the slice has left. Below 0 if the last seal took more than there was.
    private var left: Int64 = 0

    package init() {}

    /// Returns true if the slice has time left. If the next slice may begin at `now`, begins it first.
    package mutating func isOpen(now: Instant) -> Bool {
        if nextSlice <= now {
            nextSlice = now + Limits.sealInterval
            left = Limits.sealSlice
        }
        return left > 0
    }

    /// Subtracts the estimated cost of an operation.
    package mutating func spend(_ nanoseconds: Int64) {
        left -= nanoseconds
    }
}
