/// The CPU time that the server spends on datagrams from members and on DELTAs to members. The time is estimated, and
/// summed in windows of one second (PROTOCOL.md, section 5.6).
package struct MemberLoad: Sendable {
    private var windowStart: Instant
    /// The cost in the current window, in nanoseconds.
    private var cost: Int64 = 0
    private var lastShare: Int64 = 0

    package init(now: Instant) {
        windowStart = now
    }

    /// Adds a cost to the current window.
    ///
    /// - Parameter nanoseconds: The CPU time, in nanoseconds. The default is the estimated cost of one datagram from a
    ///   member.
    package mutating func charge(_ nanoseconds: Int64 = Limits.memberCost, now: Instant) {
        advanceWindow(now)
        cost += nanoseconds
    }

    /// Returns the share of a core that was used in the last complete window, in thousandths.
    package mutating func share(now: Instant) -> Int64 {
        advanceWindow(now)
        return lastShare
    }

    private mutating func advanceWindow(_ now: Instant) {
        let elapsed = (now - windowStart).wholeNanoseconds
        guard elapsed >= 1_000_000_000 else { return }
        lastShare = cost / (elapsed / 1_000)
        cost = 0
        windowStart = now
    }
}
