import SecureMesh
import Testing

@Suite("Handshake budget")
struct HandshakeBudgetTests {
    /// Spends the budget on datagrams of `tier` until it allows no more.
    ///
    /// - Returns: The number of datagrams that the budget allowed at `now`.
    private func drain(
        _ tier: HandshakeBudget.Tier, _ budget: inout HandshakeBudget, memberShare: Int64 = 0, now: Instant = .start
    ) -> Int64 {
        var served: Int64 = 0
        while budget.allows(tier, memberShare: memberShare, now: now) {
            for work in tier == .confirm ? [.confirm] : [HandshakeBudget.Work.helloAgreement, .helloAnswer] {
                budget.charge(work, for: tier)
            }
            served += 1
        }
        return served
    }

    @Test("HELLOs without a cookie leave half of the budget, HELLOs with one a tenth, CONFIRMs nothing")
    func tiers() {
        var budget = HandshakeBudget(now: .start)
        let bare = drain(.helloWithoutCookie, &budget)
        #expect(bare == Limits.handshakeBurst / 2 / Limits.helloCost + 1)
        #expect(budget.allows(.helloWithCookie, memberShare: 0, now: .start) == true)
        let proven = drain(.helloWithCookie, &budget)
        let both = bare + proven
        #expect(both == (Limits.handshakeBurst - Limits.handshakeBurst / 10) / Limits.helloCost + 1)
        #expect(budget.allows(.confirm, memberShare: 0, now: .start) == true)
        let left = Limits.handshakeBurst - both * Limits.helloCost
        #expect(drain(.confirm, &budget) == left / Limits.confirmCost)
        for tier in [HandshakeBudget.Tier.helloWithoutCookie, .helloWithCookie, .confirm] {
            #expect(budget.allows(tier, memberShare: 0, now: .start) == false)
        }
    }

    @Test("while more HELLOs without a cookie come than can be served, none is, and soon afterwards they are again")
    func flood() {
        var budget = HandshakeBudget(now: .start)
        var served: [Int] = []
        // 2,500 HELLOs per second arrive for 2 s. Serving all of them would take less than half of a core.
        for index in 0..<5_000 {
            let now = Instant.after(.microseconds(index * 400))
            if budget.allows(.helloWithoutCookie, memberShare: 0, now: now) {
                budget.charge(.helloAgreement, for: .helloWithoutCookie)
                budget.charge(.helloAnswer, for: .helloWithoutCookie)
                served.append(index)
            } else {
                budget.chargeUnserved()
            }
        }
        // The first HELLOs are paid by the full bucket and its refill. After them, no HELLO is served.
        #expect(served.count <= 360 && served.last == served.count - 1)
        // The rest of the budget is left for HELLOs with a cookie.
        let proven = drain(.helloWithCookie, &budget, now: .after(.seconds(2)))
        #expect(proven >= Limits.handshakeBurst * 9 / 10 / Limits.helloCost)
        #expect(budget.allows(.helloWithoutCookie, memberShare: 0, now: .after(.seconds(4))) == true)
    }

    @Test("the budget fills with half a core while members are idle")
    func idleRate() {
        var budget = HandshakeBudget(now: .start)
        _ = drain(.confirm, &budget)
        // Half a core has 5 ms of CPU time in 10 ms.
        let served = drain(.confirm, &budget, now: .after(.milliseconds(10)))
        #expect((5_000_000 / Limits.confirmCost...5_000_000 / Limits.confirmCost + 1).contains(served))
    }

    @Test("many small refills give the budget as much as one large refill")
    func filledInSmallSteps() {
        var often = HandshakeBudget(now: .start)
        var once = often
        _ = drain(.confirm, &often)
        _ = drain(.confirm, &once)
        for step in 1...20_000 { _ = often.allows(.confirm, memberShare: 0, now: .after(.nanoseconds(step * 900))) }
        let end = Instant.after(.nanoseconds(20_000 * 900))
        #expect(abs(drain(.confirm, &often, now: end) - drain(.confirm, &once, now: end)) <= 1)
    }

    @Test("the budget never exceeds its burst, and a clock that stands still or runs back adds nothing")
    func full() {
        var budget = HandshakeBudget(now: .start)
        #expect(budget.allows(.helloWithoutCookie, memberShare: 0, now: .after(.seconds(100_000))) == true)
        #expect(drain(.confirm, &budget, now: .after(.seconds(100_000))) == Limits.handshakeBurst / Limits.confirmCost)
        #expect(budget.allows(.confirm, memberShare: 0, now: .start) == false)
        #expect(budget.allows(.confirm, memberShare: 0, now: .after(.seconds(100_000))) == false)
    }

    /// Pairs of CPU shares, in thousandths of a core: the share that members use, and the share that remains for
    /// handshakes.
    static let shares: [(Int64, Int64)] = [
        (0, 500), (68, 500), (340, 500), (510, 340), (680, 170), (816, 34), (1_360, 10), (13_600, 10),
    ]

    @Test("members come first: handshakes get the rest of 0.85 of a core, at least a hundredth", arguments: shares)
    func memberShare(_ members: Int64, handshakes: Int64) {
        var budget = HandshakeBudget(now: .start)
        _ = drain(.confirm, &budget)
        let served = drain(.confirm, &budget, memberShare: members, now: .after(.milliseconds(100)))
        let expected = 100_000 * handshakes / Limits.confirmCost
        #expect((expected - 1...expected + 1).contains(served))
    }
}

@Suite("Member load")
struct MemberLoadTests {
    @Test("the share is that of the last whole second", arguments: [0, 1_000, 7_500, 20_000, 200_000] as [Int64])
    func share(_ perSecond: Int64) {
        var load = MemberLoad(now: .start)
        for _ in 0..<perSecond { load.charge(now: .start) }
        #expect(load.share(now: .after(.milliseconds(999))) == 0)
        let expected = perSecond * Limits.memberCost / 1_000_000
        #expect(load.share(now: .after(.seconds(1))) == expected)
        // This share is used until the next second has passed.
        #expect(load.share(now: .after(.milliseconds(1_999))) == expected)
        #expect(load.share(now: .after(.seconds(2))) == 0)
    }

    @Test("a measuring window that ends late counts with its whole length")
    func lateWindow() {
        var load = MemberLoad(now: .start)
        for _ in 0..<20_000 { load.charge(now: .start) }
        #expect(load.share(now: .after(.seconds(4))) == 20_000 * Limits.memberCost / 4_000_000)
    }
}
