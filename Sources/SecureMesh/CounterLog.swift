internal import NIOCore

/// Chooses the counters to log. Each reason gets at most one line every 10 seconds, however many datagrams come. When a
/// flood has ended, its totals are logged.
struct CounterLog<Reason: Hashable> {
    /// The counts of a flood, from its first datagram to its last.
    struct Totals {
        let counts: [(reason: Reason, count: UInt64)]
        let duration: Duration

        var total: UInt64 { counts.reduce(0) { $0 + $1.count } }
    }

    /// A series of counted datagrams, with less than 10 seconds between each and the next.
    private struct Flood {
        let start: Instant
        var last: Instant
        /// The reasons that have been logged during the flood.
        var logged: Set<Reason> = []
        /// True if a reason has been logged more than once, so that no line has its total.
        var needsTotals = false
    }

    private var reported: [Reason: (count: UInt64, at: Instant)] = [:]
    private var flood: Flood?
    /// The counts at the start of the flood.
    private var base: [Reason: UInt64] = [:]
    /// The sum of the counts so far.
    private var sum: UInt64 = 0
    /// The earliest time at which a reason that is held back, or the end of a flood, may be logged.
    private(set) var deadline: Instant?

    func isDue(_ now: Instant) -> Bool { deadline.map { now >= $0 } ?? false }

    /// Returns the reasons that are due, each with its count since its last line.
    ///
    /// - Parameter counts: The count of each reason since the start, in the order in which to log them.
    mutating func take(_ counts: [(Reason, UInt64)], now: Instant) -> [(reason: Reason, count: UInt64)] {
        noteFlood(counts, now)
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
            if flood?.logged.insert(reason).inserted == false { flood?.needsTotals = true }
        }
        if deadline == nil, let flood, flood.needsTotals { deadline = flood.last + Limits.logInterval }
        return lines
    }

    /// Returns the totals of a flood that has ended, once. If each reason of the flood was logged once, there are no
    /// totals: the lines show them.
    ///
    /// Call it after `take`, with the same arguments.
    mutating func takeTotals(_ counts: [(Reason, UInt64)], now: Instant) -> Totals? {
        guard let flood, now >= flood.last + Limits.logInterval else { return nil }
        let grown = counts.compactMap { reason, count -> (Reason, UInt64)? in
            let grown = count - (base[reason] ?? 0)
            return grown > 0 ? (reason, grown) : nil
        }
        end(counts)
        return flood.needsTotals ? Totals(counts: grown, duration: flood.last - flood.start) : nil
    }

    private mutating func noteFlood(_ counts: [(Reason, UInt64)], _ now: Instant) {
        let newSum = counts.reduce(0) { $0 + $1.1 }
        guard newSum > sum else { return }
        sum = newSum
        if let flood, now >= flood.last + Limits.logInterval, !flood.needsTotals {
            base = reported.mapValues(\.count)
            self.flood = nil
        }
        if flood == nil { flood = Flood(start: now, last: now) }
        flood?.last = now
    }

    private mutating func end(_ counts: [(Reason, UInt64)]) {
        flood = nil
        deadline = nil
        for (reason, count) in counts { base[reason] = count }
    }
}

/// Limits the log lines about one frequent event to one every 10 seconds.
struct LogThrottle {
    private var lastAt: NIODeadline?
    private var count = 0

    /// Counts the event.
    ///
    /// - Parameter times: The number of times that it has happened.
    /// - Returns: The count since the last line if a line is due, else nil.
    mutating func happened(_ times: Int = 1, _ now: NIODeadline = .now()) -> Int? {
        count += times
        if let lastAt, now < lastAt + .nanoseconds(Limits.logInterval.wholeNanoseconds) { return nil }
        lastAt = now
        defer { count = 0 }
        return count
    }
}
