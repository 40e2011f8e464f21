internal import SecureMeshCore

/// The times at which calls at a fixed rate are due.
///
/// Each call is due one interval after the previous call was due, even if the previous call was made late. So late
/// calls do not lower the rate.
///
/// After a longer pause, only the calls that were missed in the last `mostLate` are made up for. Otherwise a process
/// that was stopped would make all missed calls at once when it continues.
struct CallRhythm: Sendable {
    let interval: Duration
    private(set) var due: Instant

    init(every interval: Duration, from start: Instant) {
        self.interval = interval
        due = start + interval
    }

    /// Advances `due` to the time of the next call, after a call was made.
    mutating func advance(now: Instant) {
        due = max(due + interval, now - Self.mostLate)
    }

    static let mostLate = Duration.milliseconds(100)
}
