internal import NIOCore

/// Decides which counters of datagrams are logged, and when. Each reason gets at most one log line per 10 seconds.
/// After a flood of counted datagrams, the totals of the flood are logged.
struct CounterLog<Reason: Hashable> {
    /// The count of each reason in a flood, and the time from the first datagram of the flood to the last.
    struct Totals {
        let counts: [(reason: Reason, count: UInt64)]
        let duration: Duration

        var total: UInt64 { counts.reduce(0) { $0 + $1.count } }
    }

    /// A series of counted datagrams without a pause of 10 seconds or more.
    private struct Flood {
        let start: Instant
        var last: Instant
        /// The reasons that have been logged during the flood.
        var logged: Set<Reason> = []
        /// True if a reason has been logged more than once during the flood, so that no single line shows the total of
        /// that reason.
        var needsTotals = false
    }

    private var reported: [Reason: (count: UInt64, at: Instant)] = [:]
    private var flood: Flood?
    /// The count of each reason at the start of the flood.
    private var base: [Reason: UInt64] = [:]
    /// The sum of the counts at the last call of `take`.
    private var sum: UInt64 = 0
    /// The earliest time at which a waiting log line may be due; nil if no line waits. A line about a reason waits if
    /// the last line about this reason is less than 10 seconds old. The totals of a flood wait until the flood has
    /// ended.
    private(set) var deadline: Instant?

    func isDue(_ now: Instant) -> Bool { deadline.map { now >= $0 } ?? false }

    /// Returns the reasons for which a log line is due, each with its count since the last log line about it.
    ///
    /// - Parameter counts: The count of each reason since the server or the peer started. The reasons are logged in the
    ///   same order.
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

    /// Returns the totals of a flood, once, when the flood has ended; otherwise nil. Also returns nil if each reason
    /// was logged only once during the flood, because the log lines then show the totals already.
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

/// Limits the log lines about one frequent event to one line per 10 seconds.
struct LogThrottle {
    private var lastAt: NIODeadline?
    private var count = 0

    /// Counts the event.
    ///
    /// - Parameter times: The number of times that the event has happened since the last call.
    /// - Returns: The count since the last log line if a new line is due; otherwise nil.
    mutating func happened(_ times: Int = 1, _ now: NIODeadline = .now()) -> Int? {
        count += times
        if let lastAt, now < lastAt + .nanoseconds(Limits.logInterval.wholeNanoseconds) { return nil }
        lastAt = now
        defer { count = 0 }
        return count
    }
}
