import SecureMesh
import Testing

/// PROTOCOL.md, section 6: when silence is death.
@Suite("Failure detector") struct FailureDetectorTests {
    private func detector() -> FailureDetector { FailureDetector(lifetime: .milliseconds(1_500), now: at(0)) }

    /// The threshold of a sweep, or nil if nobody may be expired.
    private func sweep(_ detector: inout FailureDetector, at milliseconds: Int64) -> Instant? {
        var threshold: Instant?
        detector.sweep(now: at(milliseconds)) { threshold = $0 }
        return threshold
    }

    @Test("a sweep is due each interval, once, and none before the drain has ended") func rhythm() {
        var detector = detector()
        #expect(detector.deadline == at(500))
        let isEarly = detector.sweepIsDue(now: at(499))
        #expect(!isEarly)
        let isDue = detector.sweepIsDue(now: at(500))
        #expect(isDue && detector.deadline == nil)
        let isDueAgain = detector.sweepIsDue(now: at(600))
        #expect(!isDueAgain)
        #expect(sweep(&detector, at: 510) == at(-990))
        #expect(detector.deadline == at(1_010))
        #expect(sweep(&detector, at: 511) == nil)
    }

    @Test("a sweep that ran late suspends expiry for one lifetime") func late() {
        var detector = detector()
        _ = detector.sweepIsDue(now: at(1_001))
        #expect(sweep(&detector, at: 1_001) == nil)
        for milliseconds: Int64 in [1_501, 2_001] {
            _ = detector.sweepIsDue(now: at(milliseconds))
            #expect(sweep(&detector, at: milliseconds) == nil)
        }
        _ = detector.sweepIsDue(now: at(2_501))
        #expect(sweep(&detector, at: 2_501) == at(1_001))
    }

    @Test("late by no more than an interval is not late") func punctualEnough() {
        var detector = detector()
        _ = detector.sweepIsDue(now: at(1_000))
        #expect(sweep(&detector, at: 1_000) == at(-500))
    }

    @Test("a token proves life within its lifetime; its owner's first one too, and no other's") func tokens() {
        var tokens = PulseTokens()
        let lifetime = Duration.milliseconds(1_500)
        let own = PulseTokens.Issued(token: 42, at: at(0))
        tokens.issue(7, now: at(100), lifetime: lifetime)
        let cases: [(token: UInt64, at: Int64, isFresh: Bool)] = [
            (7, 100, true), (7, 1_600, true), (7, 1_601, false), (42, 1_500, true), (42, 1_501, false), (8, 100, false),
        ]
        for (token, milliseconds, isFresh) in cases {
            let isLife = tokens.isFresh(token, own: own, now: at(milliseconds), lifetime: lifetime)
            #expect(isLife == isFresh, "token \(token) at \(milliseconds) ms")
        }
    }

    @Test("however many are issued, 256 tokens are kept") func bounded() {
        var tokens = PulseTokens()
        let own = PulseTokens.Issued(token: 0, at: at(0))
        for token in 1...UInt64(Limits.issuedTokens + 1) { tokens.issue(token, now: at(0), lifetime: .seconds(1)) }
        #expect(!tokens.isFresh(1, own: own, now: at(0), lifetime: .seconds(1)))
        #expect(tokens.isFresh(2, own: own, now: at(0), lifetime: .seconds(1)))
    }
}
