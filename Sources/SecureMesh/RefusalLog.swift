internal import NIOCore

/// Which refusals are worth a line now: a line a reason in 10 s, never one a datagram.
struct RefusalLog {
    private var reported: [Rejection: (count: UInt64, at: Instant)] = [:]
    /// When a reason that was held back may be reported.
    private(set) var deadline: Instant?

    /// Reasons with how often each happened since its last line.
    mutating func take(_ counters: RejectionCounters, now: Instant) -> [(rejection: Rejection, count: UInt64)] {
        var lines: [(Rejection, UInt64)] = []
        deadline = nil
        for (rejection, count) in counters.nonZero {
            let last = reported[rejection]
            guard count > last?.count ?? 0 else { continue }
            if let last, now < last.at + Limits.logInterval {
                deadline = Swift.min(deadline ?? last.at + Limits.logInterval, last.at + Limits.logInterval)
                continue
            }
            lines.append((rejection, count - (last?.count ?? 0)))
            reported[rejection] = (count, now)
        }
        return lines
    }
}

/// As `RefusalLog`, for one thing that can happen often.
struct LogThrottle {
    private var lastAt: NIODeadline?
    private var count = 0

    /// Counts one more; gives how often it happened since the last line, if a line is due now.
    mutating func happened(_ now: NIODeadline = .now()) -> Int? {
        count += 1
        if let lastAt, now < lastAt + .nanoseconds(Limits.logInterval.wholeNanoseconds) { return nil }
        lastAt = now
        defer { count = 0 }
        return count
    }
}
