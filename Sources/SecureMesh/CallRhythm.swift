internal import SecureMeshCore

/// The times at which calls at a fixed rate are due.
///
/// Each call is due one interval after the time at which the call before it was due, not after it was made. So late
/// calls do not lower the rate. Calls that are late by more than `mostLate` are skipped. A process that was stopped
/// would otherwise make them all at once.
struct CallRhythm: Sendable {
    let interval: Duration
    private(set) var due: Instant

    init(every interval: Duration, from start: Instant) {
        self.interval = interval
        due = start + interval
    }

    /// Sets `due` to the time of the next call, after a call was made.
    mutating func advance(now: Instant) {
        due = max(due + interval, now - Self.mostLate)
    }

    static let mostLate = Duration.milliseconds(100)
}
