import SecureMesh
import Testing

/// The bounds of what a member is sent of the directory (PROTOCOL.md, section 6.5).
@Suite("Repair state") struct RepairStateTests {
    @Test("who asks for more is answered at once; who asks for the same, once per 250 ms") func pace() {
        var state = RepairState()
        var bucket = RateLimiter()
        let steps: [(at: Int64, isProgress: Bool, count: Int)] = [
            (0, false, 16), (1, false, 0), (1, true, 64), (2, true, 64), (249, false, 0), (250, false, 16),
        ]
        for step in steps {
            let wanted = step.isProgress ? 64 : 16
            let count = state.grant(wanted, isProgress: step.isProgress, from: &bucket, now: at(step.at))
            #expect(count == step.count, "at \(step.at) ms")
        }
    }

    @Test("with an empty bucket a member gets four datagrams per 250 ms, whatever it asks for") func emptyBucket() {
        var state = RepairState()
        var bucket = RateLimiter()
        var sent = 0
        for milliseconds in 0..<1_000 as Range<Int64> {
            _ = bucket.take(upTo: .max, Limits.repairRate, now: at(milliseconds))
            sent += state.grant(64, isProgress: true, from: &bucket, now: at(milliseconds))
        }
        #expect(sent == 16)
    }
}
