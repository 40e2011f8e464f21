import SecureMesh
import Testing

@Suite("Counters of refusals")
struct RejectionCountersTests {
    @Test("each refusal has its own counter, listed in the order of declaration")
    func counters() {
        var counters = RejectionCounters()
        #expect(counters.total == 0)
        counters.count(.senderOverRate)
        counters.count(.unknownKind)
        counters.count(.unknownKind)
        #expect(counters[.unknownKind] == 2)
        #expect(counters[.senderOverRate] == 1)
        #expect(counters[.sealBroken] == 0)
        #expect(counters.total == 3)
        #expect(counters.nonZero.map(\.rejection) == [.unknownKind, .senderOverRate])
        #expect(counters.nonZero.map(\.count) == [2, 1])
    }

    @Test("no two refusals share a name")
    func names() {
        #expect(Set(Rejection.allCases.map(\.rawValue)).count == Rejection.allCases.count)
    }
}
