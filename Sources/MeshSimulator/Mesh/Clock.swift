package import SecureMeshCore

/// One process's monotonic clock against the world's time: it began somewhere, runs a little fast or slow, and may jump
/// ahead (a machine that slept). It never goes back: no monotonic clock does.
package struct Clock: Sendable {
    private var offset: Int64
    /// Millionths by which it is fast.
    private let drift: Int64

    package init(offset: Duration, driftPerMillion drift: Int) {
        self.offset = offset.wholeNanoseconds
        self.drift = Int64(drift)
    }

    package func read(_ time: Instant) -> Instant {
        Instant(nanoseconds: offset + time.nanoseconds + time.nanoseconds / 1_000_000 * drift)
    }

    /// A time at or just before which it reads `reading`, at least `now` and at most an hour ahead: who asks asks again.
    package func time(at reading: Instant, now: Instant) -> Instant {
        let ahead = min((reading - read(now)).wholeNanoseconds, Self.farthest)
        guard ahead > 0 else { return now }
        return Instant(nanoseconds: now.nanoseconds + max(ahead - ahead / 1_000_000 * drift, 1))
    }

    package mutating func jump(by duration: Duration) {
        offset += duration.wholeNanoseconds
    }

    private static let farthest: Int64 = 3_600_000_000_000
}
