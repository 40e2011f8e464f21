/// The pauses before a peer joins again (PROTOCOL.md, section 5.9): exponential, with full jitter.
///
/// Each join costs the server and all members CPU time. If the peers of an overloaded mesh joined again and again, the
/// joins alone would keep the mesh overloaded. One successful join does not end the backoff, because under load the
/// connection may soon be lost again.
///
/// After 30 s as a member without a lost connection (a time of calm), the first join has no pause. So a mesh is soon
/// back when its server has restarted.
package struct RejoinBackoff: Sendable {
    /// The number of times that this peer has begun to join again since the last time of calm, which is 30 s as a
    /// member without a lost connection.
    private var joins = 0
    /// The instant since which this peer has been a member without losing its connection; nil while it is not a member
    /// or has lost its connection.
    private var calmSince: Instant?

    package init() {}

    /// Notes that this peer is a member and its connection is not lost.
    package mutating func connected(_ now: Instant) {
        calmSince = calmSince ?? now
    }

    /// Returns the pause before the next join, and counts that join.
    package mutating func next(random: inout RandomSource, now: Instant) -> Duration {
        if let calmSince, now - calmSince >= ProtocolConstants.calm { joins = 0 }
        calmSince = nil
        defer { joins += 1 }
        guard joins > 0 else { return .zero }
        // After 16 doublings the pause is far above its limit. More doublings could overflow.
        let doubled = ProtocolConstants.rejoinPause * (1 << min(joins - 1, 16))
        let longest = min(doubled, ProtocolConstants.longestRejoinPause)
        return .nanoseconds(Int64(random.next() % UInt64(longest.wholeNanoseconds)))
    }
}
