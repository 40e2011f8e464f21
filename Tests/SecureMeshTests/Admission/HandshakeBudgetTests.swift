import SecureMesh
import Testing

@Suite("Handshake budget")
struct HandshakeBudgetTests {
    /// How many of `tier` are served one after another, at one instant.
    private func drain(_ tier: HandshakeBudget.Tier, _ budget: inout HandshakeBudget, now: Instant = .start) -> Int64 {
        var served: Int64 = 0
        while budget.allows(tier, now: now) {
            budget.charge(tier)
            served += 1
        }
        return served
    }

    @Test("HELLOs without a cookie leave half, those with one a tenth, CONFIRMs nothing")
    func tiers() {
        var budget = HandshakeBudget(now: .start)
        let bare = drain(.helloWithoutCookie, &budget)
        #expect(bare == Limits.handshakeBurst / 2 / Limits.helloCost + 1)
        #expect(budget.allows(.helloWithCookie, now: .start) == true)
        let proven = drain(.helloWithCookie, &budget)
        let both = bare + proven
        #expect(both == (Limits.handshakeBurst - Limits.handshakeBurst / 10) / Limits.helloCost + 1)
        #expect(budget.allows(.confirm, now: .start) == true)
        let left = Limits.handshakeBurst - both * Limits.helloCost
        #expect(drain(.confirm, &budget) == left / Limits.confirmCost)
        for tier in [HandshakeBudget.Tier.helloWithoutCookie, .helloWithCookie, .confirm] {
            #expect(budget.allows(tier, now: .start) == false)
        }
    }

    @Test("it fills with half a core while members are idle")
    func idleRate() {
        var budget = HandshakeBudget(now: .start)
        _ = drain(.confirm, &budget)
        // 10 ms of half a core are 5 ms.
        let served = drain(.confirm, &budget, now: .after(.milliseconds(10)))
        #expect((5_000_000 / Limits.confirmCost...5_000_000 / Limits.confirmCost + 1).contains(served))
    }

    @Test("asking often fills it no slower than asking once")
    func filledInSmallSteps() {
        var often = HandshakeBudget(now: .start)
        var once = often
        _ = drain(.confirm, &often)
        _ = drain(.confirm, &once)
        for step in 1...20_000 { _ = often.allows(.confirm, now: .after(.nanoseconds(step * 900))) }
        let end = Instant.after(.nanoseconds(20_000 * 900))
        #expect(abs(drain(.confirm, &often, now: end) - drain(.confirm, &once, now: end)) <= 1)
    }

    @Test("it is never more than full, and time that stands still or runs back fills nothing")
    func full() {
        var budget = HandshakeBudget(now: .start)
        #expect(budget.allows(.helloWithoutCookie, now: .after(.seconds(100_000))) == true)
        #expect(drain(.confirm, &budget, now: .after(.seconds(100_000))) == Limits.handshakeBurst / Limits.confirmCost)
        #expect(budget.allows(.confirm, now: .start) == false)
        #expect(budget.allows(.confirm, now: .after(.seconds(100_000))) == false)
    }

    /// Members' datagrams a second, and the share of a core, in thousandths, that is left for handshakes.
    static let loads: [(Int64, Int64)] = [
        (0, 500), (1_000, 500), (5_000, 500), (7_500, 340), (10_000, 170), (12_000, 34), (20_000, 10), (200_000, 10),
    ]

    @Test("members come first: handshakes get what is left of 0.85, at least a hundredth", arguments: loads)
    func memberLoad(_ perSecond: Int64, share: Int64) {
        var budget = HandshakeBudget(now: .start)
        for _ in 0..<perSecond { budget.chargeMember(now: .start) }
        let full = Instant.after(.seconds(1))
        _ = drain(.confirm, &budget, now: full)
        // 100 ms of the share; the load of the second before counts until the next second is over.
        let served = drain(.confirm, &budget, now: full + .milliseconds(100))
        let expected = 100_000 * share / Limits.confirmCost
        #expect((expected - 1...expected + 1).contains(served))
    }

    @Test("a load that has gone is forgotten after a second")
    func loadPasses() {
        var budget = HandshakeBudget(now: .start)
        for _ in 0..<20_000 { budget.chargeMember(now: .start) }
        #expect(budget.allows(.confirm, now: .after(.seconds(1))) == true)
        let later = Instant.after(.seconds(3))
        _ = drain(.confirm, &budget, now: later)
        #expect(drain(.confirm, &budget, now: later + .milliseconds(10)) >= 5_000_000 / Limits.confirmCost)
    }
}
