import SecureMesh
import Testing

@Suite("The limits of the messages that a peer sends") struct SendLimiterTests {
    @Test("the wait for all receivers is the longest of their waits", arguments: 0..<20 as Range<UInt64>)
    func all(seed: UInt64) throws {
        var random = RandomSource.seeded(seed)
        var limiter = SendLimiter(
            within: MessageLimits(
                messages: Rate(perSecond: 20, burst: 12), bytes: Rate(perSecond: 4_000, burst: 3_000)))
        let entries = try (1...6).map { SharedEntry(try .sample($0)) }
        var now = Instant.start
        var waits = 0
        for step in 0..<400 {
            now = now + .milliseconds(Int64(random.next() % 30))
            let entry = entries[Int(random.next() % 6)].entry
            _ = limiter.admit(
                to: entry.session, count: Int(random.next() % 5), size: Int(random.next() % 600), now: now)
            if random.next() % 50 == 0 { limiter.end(entry.session) }
            let size = Int(random.next() % 1_200)
            let receivers = entries[Int(random.next() % 3)...]
            let longest = receivers.map { limiter.wait(for: $0.entry.session, size: size, now: now) }.max()
            #expect(limiter.wait(for: receivers, size: size, now: now) == longest, "seed \(seed), step \(step)")
            if longest != .zero { waits += 1 }
        }
        #expect((1..<400).contains(waits), "seed \(seed)")
    }
}
