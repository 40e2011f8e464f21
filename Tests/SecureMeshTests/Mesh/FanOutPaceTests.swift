import SecureMesh
import Testing

/// Tests the rate at which joins are published while members keep up (PROTOCOL.md, section 6.5).
@Suite("Fan-out pace") struct FanOutPaceTests {
    /// Records the heartbeats of one interval, and then adapts the pace of a mesh of 100 members.
    ///
    /// - Parameter stale: The number of heartbeats with an old version of the directory.
    private func interval(_ pace: inout FanOutPace, heartbeats: Int = 100, stale: Int, fullDeltas: Int = 2) {
        for index in 0..<heartbeats {
            pace.note(HeardPulse(age: index < stale ? 1 : 0, version: 1, at: Instant(nanoseconds: 0)))
        }
        pace.note(fullDeltas: fullDeltas)
        pace.adapt(members: 100)
    }

    private func fastest() -> FanOutPace {
        var pace = FanOutPace()
        for _ in 0..<10 { interval(&pace, stale: 15) }
        return pace
    }

    @Test("while members keep up, the pace grows to four times the rate in seven intervals") func grows() {
        var pace = FanOutPace()
        #expect(pace.percent == 100)
        var paces: [Int] = []
        for _ in 0..<8 {
            interval(&pace, stale: 15)
            paces.append(pace.percent)
        }
        #expect(paces == [125, 156, 195, 243, 303, 378, 400, 400])
    }

    @Test("between 15 and 30 percent of stale heartbeats the pace stays") func stays() {
        var pace = fastest()
        interval(&pace, stale: 16)
        interval(&pace, stale: 30)
        #expect(pace.percent == 400)
    }

    @Test("when more than 30 percent of the heartbeats are stale, the pace is halved") func halves() {
        var pace = fastest()
        interval(&pace, stale: 31)
        #expect(pace.percent == 200)
        for _ in 0..<5 { interval(&pace, stale: 100) }
        #expect(pace.percent == 100)
    }

    @Test("when half of the heartbeats are missing, the pace is that of a mesh that is overloaded") func silence() {
        var pace = fastest()
        interval(&pace, heartbeats: 49, stale: 0)
        #expect(pace.percent == 100)
    }

    @Test("the pace does not grow if each full DELTA is published at once") func enough() {
        var pace = FanOutPace()
        for _ in 0..<5 { interval(&pace, stale: 0, fullDeltas: 1) }
        #expect(pace.percent == 100)
    }

    @Test("a mesh at rest loses the pace of its last crowd") func rest() {
        var pace = fastest()
        for _ in 0..<2 { interval(&pace, stale: 0, fullDeltas: 0) }
        #expect(pace.percent == 100)
    }
}
