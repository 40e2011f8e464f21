internal import Testing

@testable internal import SecureMesh

@Suite("The log of counters")
final class CounterLogTests {
    private let start = Instant(nanoseconds: 0)
    private var log = CounterLog<Rejection>()
    private var counters = RejectionCounters()

    @Test("a flood of one reason is one line in ten seconds, with the count since the last")
    func flood() {
        var lines: [UInt64] = []
        for millisecond in 0..<25_000 {
            counters.count(.unknownKind)
            let now = start + .milliseconds(millisecond)
            lines += log.take(counters.nonZero, now: now).map(\.count)
        }
        #expect(lines == [1, 10_000, 10_000])
        #expect(log.deadline == start + .seconds(30))
    }

    @Test("each reason has its own line, in the order of declaration")
    func reasons() {
        counters.count(.sealBroken)
        counters.count(.truncatedHeader)
        #expect(log.take(counters.nonZero, now: start).map(\.reason) == [.truncatedHeader, .sealBroken])
        #expect(log.take(counters.nonZero, now: start + .seconds(60)).isEmpty)
        #expect(log.deadline == nil)
    }

    @Test("a count that was held back is reported at the deadline")
    func heldBack() {
        counters.count(.unknownTag)
        _ = log.take(counters.nonZero, now: start)
        counters.count(.unknownTag)
        #expect(log.take(counters.nonZero, now: start + .seconds(1)).isEmpty)
        #expect(log.deadline == start + .seconds(10))
        #expect(log.take(counters.nonZero, now: start + .seconds(10)).map(\.count) == [1])
    }

    @Test("a flood that has ended has one line with its totals and its duration")
    func totals() throws {
        counters.count(.sealBroken)
        _ = log.take(counters.nonZero, now: start)
        #expect(log.takeTotals(counters.nonZero, now: start)?.total == nil)
        for second in 100..<125 {
            for _ in 0..<4 { counters.count(.unknownKind) }
            if second == 110 { counters.count(.sealBroken) }
            _ = log.take(counters.nonZero, now: start + .seconds(second))
            #expect(log.takeTotals(counters.nonZero, now: start + .seconds(second))?.total == nil)
        }
        var totals: [CounterLog<Rejection>.Totals] = []
        while let deadline = log.deadline {
            _ = log.take(counters.nonZero, now: deadline)
            if let ended = log.takeTotals(counters.nonZero, now: deadline) { totals.append(ended) }
        }
        let only = try #require(totals.first)
        #expect(totals.count == 1)
        #expect(only.counts.map(\.reason) == [.unknownKind, .sealBroken])
        #expect(only.counts.map(\.count) == [100, 1])
        #expect(only.duration == .seconds(24))
    }

    @Test("datagrams that one line counts have no second line with their total")
    func noTotals() {
        for minute in 0..<3 {
            counters.count(.unknownKind)
            let now = start + .seconds(60 * minute)
            #expect(log.take(counters.nonZero, now: now).map(\.count) == [1])
            #expect(log.takeTotals(counters.nonZero, now: now)?.total == nil)
            #expect(log.deadline == nil)
        }
    }
}
