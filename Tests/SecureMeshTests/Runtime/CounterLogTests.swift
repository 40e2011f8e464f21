internal import Testing

@testable internal import SecureMesh

@Suite("The log of counters")
struct CounterLogTests {
    private let start = Instant(nanoseconds: 0)

    @Test("a flood of one reason is one line in ten seconds, with the count since the last")
    func flood() {
        var log = CounterLog<Rejection>()
        var counters = RejectionCounters()
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
        var log = CounterLog<Rejection>()
        var counters = RejectionCounters()
        counters.count(.sealBroken)
        counters.count(.truncatedHeader)
        #expect(log.take(counters.nonZero, now: start).map(\.reason) == [.truncatedHeader, .sealBroken])
        #expect(log.take(counters.nonZero, now: start + .seconds(60)).isEmpty)
        #expect(log.deadline == nil)
    }

    @Test("what was held back is reported at the deadline")
    func heldBack() {
        var log = CounterLog<Rejection>()
        var counters = RejectionCounters()
        counters.count(.unknownTag)
        _ = log.take(counters.nonZero, now: start)
        counters.count(.unknownTag)
        #expect(log.take(counters.nonZero, now: start + .seconds(1)).isEmpty)
        #expect(log.deadline == start + .seconds(10))
        #expect(log.take(counters.nonZero, now: start + .seconds(10)).map(\.count) == [1])
    }
}
