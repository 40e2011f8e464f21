internal import NIOCore

/// Chooses the counters to log: one line per reason every 10 seconds, whatever the number of datagrams.
struct CounterLog<Reason: Hashable> {
    private var reported: [Reason: (count: UInt64, at: Instant)] = [:]
    /// The time at which a reason that is held back may be reported.
    private(set) var deadline: Instant?

    /// Returns the reasons that are due, each with its count since its last line.
    ///
    /// - Parameter counts: The count of each reason since the start, in the order in which to log them.
    mutating func take(_ counts: [(Reason, UInt64)], now: Instant) -> [(reason: Reason, count: UInt64)] {
        var lines: [(Reason, UInt64)] = []
        deadline = nil
        for (reason, count) in counts {
            let last = reported[reason]
            guard count > last?.count ?? 0 else { continue }
            if let last, now < last.at + Limits.logInterval {
                deadline = Swift.min(deadline ?? last.at + Limits.logInterval, last.at + Limits.logInterval)
                continue
            }
            lines.append((reason, count - (last?.count ?? 0)))
            reported[reason] = (count, now)
        }
        return lines
    }
}

/// Chooses when to log one event that can be frequent: one line every 10 seconds.
struct LogThrottle {
    private var lastAt: NIODeadline?
    private var count = 0

    /// Counts the event.
    ///
    /// - Parameter times: How often it has happened.
    /// - Returns: The count since the last line if a line is due, else nil.
    mutating func happened(_ times: Int = 1, _ now: NIODeadline = .now()) -> Int? {
        count += times
        if let lastAt, now < lastAt + .nanoseconds(Limits.logInterval.wholeNanoseconds) { return nil }
        lastAt = now
        defer { count = 0 }
        return count
    }
}
