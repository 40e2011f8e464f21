internal import SecureMeshCore

/// The times of calls that are made at a rate.
///
/// Each call is due one interval after the time at which the call before it was due, not after it was made. So late
/// calls do not lower the rate. Calls that are late by more than `mostLate` are left out, so that a process that was
/// stopped does not make them all at once.
struct CallRhythm: Sendable {
    let interval: Duration
    private(set) var due: Instant

    init(every interval: Duration, from start: Instant) {
        self.interval = interval
        due = start + interval
    }

    /// Moves on to the next call, after one was made.
    mutating func advance(now: Instant) {
        due = max(due + interval, now - Self.mostLate)
    }

    static let mostLate = Duration.milliseconds(100)
}
