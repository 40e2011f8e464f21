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
        let diedBefore = detector.sweep(now: at(510))
        #expect(diedBefore == at(-1_000))
        #expect(detector.deadline == at(1_010))
        let again = detector.sweep(now: at(511))
        #expect(again == nil && detector.deadline == at(1_010))
    }

    @Test("a sweep that ran late suspends expiry for one lifetime") func late() {
        var detector = detector()
        for milliseconds: Int64 in [1_001, 1_501, 2_001] {
            _ = detector.sweepIsDue(now: at(milliseconds))
            let diedBefore = detector.sweep(now: at(milliseconds))
            #expect(diedBefore == nil)
        }
        _ = detector.sweepIsDue(now: at(2_501))
        let diedBefore = detector.sweep(now: at(2_501))
        #expect(diedBefore == at(1_001))
    }

    @Test("a sweep that is late by at most an interval suspends nothing") func punctualEnough() {
        var detector = detector()
        _ = detector.sweepIsDue(now: at(1_000))
        let diedBefore = detector.sweep(now: at(1_000))
        #expect(diedBefore == at(-500))
    }

    @Test("a process that is paused while the sockets are drained expires nobody for one lifetime") func pausedDrain() {
        var detector = detector()
        _ = detector.sweepIsDue(now: at(500))
        let diedBefore = detector.sweep(now: at(8_500))
        #expect(diedBefore == nil)
        for milliseconds: Int64 in [9_000, 9_500] {
            _ = detector.sweepIsDue(now: at(milliseconds))
            let diedBefore = detector.sweep(now: at(milliseconds))
            #expect(diedBefore == nil)
        }
        _ = detector.sweepIsDue(now: at(10_000))
        let next = detector.sweep(now: at(10_400))
        // A member expires if it was silent for a whole lifetime before the drain began, at 10,000 ms.
        #expect(next == at(8_500))
    }

    @Test("a flood that makes every drain long suspends expiry once") func longDrains() {
        var detector = detector()
        var expiries: [Instant?] = []
        for second: Int64 in 1...4 {
            _ = detector.sweepIsDue(now: at(second * 1_200 - 700))
            expiries.append(detector.sweep(now: at(second * 1_200)))
        }
        #expect(expiries == [nil, nil, at(1_400), at(2_600)])
    }

    @Test("while many are late, each member gets five lifetimes in place of one") func suspicion() {
        var detector = detector()
        let (ordinary, long) = (ProtocolConstants.lifetime, ProtocolConstants.lifetime * 5)
        let steps = [
            (8, 10, ordinary), (9, 10, long), (5, 10, long), (4, 10, ordinary), (15, 100, ordinary), (16, 100, long),
            (8, 100, long), (7, 100, ordinary), (8, 100, ordinary),
        ]
        for (late, members, expected) in steps {
            #expect(detector.patience(late: late, of: members) == expected, "\(late) of \(members)")
        }
    }
}
