import SecureMesh
import Testing

/// Tests the schedule by which silent members expire (PROTOCOL.md, section 6).
@Suite("Failure detector") struct FailureDetectorTests {
    private func detector() -> FailureDetector { FailureDetector(lifetime: .milliseconds(1_500), now: at(0)) }

    @Test("a sweep is due once per interval, and none before the drain has ended") func rhythm() {
        var detector = detector()
        #expect(detector.deadline == at(500))
        let isEarly = detector.sweepIsDue(now: at(499))
        #expect(!isEarly)
        let isDue = detector.sweepIsDue(now: at(500))
        #expect(isDue && detector.deadline == nil)
        let isDueAgain = detector.sweepIsDue(now: at(600))
        #expect(!isDueAgain)
        #expect(detector.sweep(now: at(510)) == at(-1_000))
        #expect(detector.deadline == at(1_010))
        #expect(detector.sweep(now: at(511)) == nil)
        #expect(detector.deadline == at(1_010))
    }

    @Test("a sweep that ran late suspends expiry for one lifetime") func late() {
        var detector = detector()
        for milliseconds: Int64 in [1_001, 1_501, 2_001] {
            #expect(detector.sweep(due: milliseconds, drained: milliseconds) == nil)
        }
        #expect(detector.sweep(due: 2_501, drained: 2_501) == at(1_001))
    }

    @Test("a sweep that is late by at most an interval suspends nothing") func punctualEnough() {
        var detector = detector()
        #expect(detector.sweep(due: 1_000, drained: 1_000) == at(-500))
    }

    @Test("a process that is paused while the sockets are drained expires nobody for one lifetime") func pausedDrain() {
        var detector = detector()
        #expect(detector.sweep(due: 500, drained: 8_500) == nil)
        for milliseconds: Int64 in [9_000, 9_500] {
            #expect(detector.sweep(due: milliseconds, drained: milliseconds) == nil)
        }
        // A member expires if it was silent for a whole lifetime before the drain began, at 10,000 ms.
        #expect(detector.sweep(due: 10_000, drained: 10_400) == at(8_500))
    }

    @Test("a flood that makes every drain long suspends expiry once") func longDrains() {
        var detector = detector()
        var expiries: [Instant?] = []
        for second: Int64 in 1...4 {
            expiries.append(detector.sweep(due: second * 1_200 - 700, drained: second * 1_200))
        }
        #expect(expiries == [nil, nil, at(1_400), at(2_600)])
    }

    @Test(
        "a flood that makes some drains longer than others suspends expiry only at its beginning",
        arguments: [[1_200, 600], [600, 400]] as [[Int64]])
    func unevenDrains(drains: [Int64]) {
        var detector = detector()
        var (now, expiries): (Int64, [Instant?]) = (0, [])
        for sweep in 0..<20 {
            let due = now + 500
            now = due + drains[sweep % 2]
            expiries.append(detector.sweep(due: due, drained: now))
        }
        #expect(expiries[0] == nil && expiries[3...].allSatisfy { $0 != nil })
    }

    @Test("a pause during a long drain suspends expiry, even if the drain before was long too") func pausedFlood() {
        var detector = detector()
        _ = detector.sweep(due: 500, drained: 1_200)
        #expect(detector.sweep(due: 1_700, drained: 10_000) == nil)
        #expect(detector.sweep(due: 10_500, drained: 11_200) == nil)
        #expect(detector.sweep(due: 11_700, drained: 12_400) == at(10_200))
    }

    @Test("a suspicion goes on while many are late, and for one lifetime after that") func suspicion() {
        var detector = detector()
        let steps: [(milliseconds: Int64, late: Int, members: Int, newcomers: Int, isSuspicion: Bool)] = [
            (0, 8, 10, 10, false), (500, 9, 10, 10, true), (1_000, 5, 10, 10, true), (1_500, 4, 10, 10, true),
            (2_499, 4, 10, 10, true), (2_500, 4, 10, 10, false),
            (10_000, 15, 100, 15, false), (10_500, 16, 100, 15, true), (11_000, 8, 100, 15, true),
            (12_499, 7, 100, 15, true), (12_500, 7, 100, 15, false), (13_000, 8, 100, 15, false),
            // More than 64 members have joined recently, and then more than 15 % of all members too.
            (20_000, 1, 500, 75, false), (20_500, 1, 500, 76, true), (21_900, 1, 500, 76, true),
            (23_399, 0, 500, 76, true), (23_400, 0, 500, 76, false),
            // At the first sweep, a crowd has joined recently, and later not.
            (30_000, 1, 100, 65, true), (31_000, 7, 100, 64, true), (31_500, 7, 100, 64, false),
        ]
        for step in steps {
            detector.note(
                late: step.late, of: step.members, newcomers: step.newcomers, now: at(step.milliseconds))
            #expect(detector.suspectsCommonCause == step.isSuspicion, "\(step)")
        }
        #expect(detector.longestPatience == ProtocolConstants.lifetime * 5)
    }
}

extension FailureDetector {
    /// Sweeps at a time at which the sweep is due, after a drain of the sockets that ends at `drained`. Both times are
    /// in milliseconds.
    fileprivate mutating func sweep(due: Int64, drained: Int64) -> Instant? {
        _ = sweepIsDue(now: at(due))
        return sweep(now: at(drained))
    }
}
