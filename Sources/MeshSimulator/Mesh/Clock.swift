package import SecureMeshCore

/// The monotonic clock of a process. Its first reading is arbitrary, it runs a little fast or slow, and it may jump
/// ahead, as after a sleep of the computer. Like every monotonic clock, it never goes back.
package struct Clock: Sendable {
    private var offset: Int64
    /// The parts per million by which the clock is fast; negative if the clock is slow.
    private let drift: Int64

    package init(offset: Duration, driftPerMillion drift: Int) {
        self.offset = offset.wholeNanoseconds
        self.drift = Int64(drift)
    }

    package func read(_ time: Instant) -> Instant {
        Instant(nanoseconds: offset + time.nanoseconds + time.nanoseconds / 1_000_000 * drift)
    }

    /// Returns the time of the mesh at which this clock will read `reading`, up to rounding. Returns `now` if the clock
    /// reads `reading` or more already.
    ///
    /// If `reading` is more than an hour ahead, returns a time about an hour after `now`. At that time, the clock has
    /// not reached `reading` yet, and the caller calls this function again.
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
