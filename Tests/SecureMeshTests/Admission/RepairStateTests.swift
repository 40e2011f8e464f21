import SecureMesh
import Testing

/// Tests the limits for sending parts of the directory to a member (PROTOCOL.md, section 6.5).
@Suite("Repair state") final class RepairStateTests {
    private var state = RepairState()
    private var bucket = RateLimiter()

    @Test("a request for more is answered at once, a repeated one once per 250 ms") func pace() {
        let steps: [(at: Int64, isProgress: Bool, count: Int)] = [
            (0, false, 16), (1, false, 0), (1, true, 64), (2, true, 64), (249, false, 0), (250, false, 16),
        ]
        for step in steps {
            let wanted = step.isProgress ? 64 : 16
            let count = state.grant(
                wanted, isProgress: step.isProgress, heard: heard(), from: &bucket, now: at(step.at))
            #expect(count == step.count, "at \(step.at) ms")
        }
    }

    @Test("a member that is late is not sent parts again that still wait in its socket") func late() {
        #expect(state.grant(16, isProgress: true, heard: heard(), from: &bucket, now: at(0)) == 16)
        #expect(state.grant(16, isProgress: false, heard: heard(age: 3, at: -900), from: &bucket, now: at(600)) == 0)
        #expect(state.grant(16, isProgress: false, heard: heard(age: 2, at: 0), from: &bucket, now: at(1_100)) == 0)
        #expect(state.grant(16, isProgress: false, heard: heard(age: 2, at: 100), from: &bucket, now: at(1_600)) == 16)
        #expect(state.grant(16, isProgress: false, heard: heard(age: 2, at: 600), from: &bucket, now: at(2_100)) == 0)
    }

    private func heard(age: Int = 0, at milliseconds: Int64 = 0) -> HeardPulse {
        HeardPulse(age: age, version: 1, at: at(milliseconds))
    }

    @Test("with an empty bucket a member gets four datagrams per 250 ms, whatever it asks for") func emptyBucket() {
        var sent = 0
        for milliseconds in 0..<1_000 as Range<Int64> {
            _ = bucket.take(upTo: .max, Limits.repairRate, now: at(milliseconds))
            sent += state.grant(64, isProgress: true, heard: heard(), from: &bucket, now: at(milliseconds))
        }
        #expect(sent == 16)
    }
}
