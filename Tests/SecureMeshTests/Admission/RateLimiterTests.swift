import SecureMesh
import Testing

@Suite("Rate limiter")
struct RateLimiterTests {
    @Test("a bucket gives its burst at once, then its rate", arguments: [(10, 20), (1, 3), (200, 1_000), (3, 1)])
    func burstAndRate(perSecond: Int, burst: Int) {
        let rate = Rate(perSecond: perSecond, burst: burst)
        var limiter = RateLimiter()
        var now = Instant.start
        for _ in 0..<burst { #expect(limiter.accept(rate, now: now) == true) }
        #expect(limiter.accept(rate, now: now) == false)
        var accepted = 0
        for _ in 0..<10_000 {
            now = now + .milliseconds(1)
            if limiter.accept(rate, now: now) { accepted += 1 }
        }
        #expect((10 * perSecond - 1...10 * perSecond + 1).contains(accepted))
    }

    @Test("an idle bucket holds its burst, however long it was idle")
    func rest() {
        let rate = Rate(perSecond: 10, burst: 5)
        var limiter = RateLimiter()
        for now in [Instant.start, .after(.seconds(1)), .after(.seconds(1_000_000))] {
            var accepted = 0
            while limiter.accept(rate, now: now) { accepted += 1 }
            #expect(accepted == 5)
        }
    }

    @Test("the wait is exact to the nanosecond")
    func waits() {
        let rate = Rate(perSecond: 1, burst: 3)
        var limiter = RateLimiter()
        #expect(limiter.wait(rate, now: .start) == .zero)
        for _ in 0..<3 { _ = limiter.accept(rate, now: .start) }
        #expect(limiter.wait(rate, now: .start) == .seconds(1))
        #expect(limiter.wait(rate, now: .after(.milliseconds(400))) == .milliseconds(600))
        #expect(limiter.accept(rate, now: .after(.nanoseconds(999_999_999))) == false)
        #expect(limiter.accept(rate, now: .after(.seconds(1))) == true)
        #expect(limiter.accept(rate, now: .after(.seconds(1))) == false)
    }

    @Test("`take` takes as many tokens as there are")
    func takesMany() {
        let rate = Rate(perSecond: 10, burst: 20)
        var limiter = RateLimiter()
        #expect(limiter.take(upTo: 5, rate, now: .start) == 5)
        #expect(limiter.take(upTo: 0, rate, now: .start) == 0)
        #expect(limiter.take(upTo: -3, rate, now: .start) == 0)
        #expect(limiter.take(upTo: 50, rate, now: .start) == 15)
        #expect(limiter.take(upTo: 50, rate, now: .after(.milliseconds(99))) == 0)
        #expect(limiter.take(upTo: 50, rate, now: .after(.milliseconds(399))) == 3)
        #expect(limiter.accept(rate, now: .after(.milliseconds(399))) == false)
        #expect(limiter.accept(rate, now: .after(.milliseconds(400))) == true)
        #expect(limiter.take(upTo: 50, rate, now: .after(.seconds(100))) == 20)
    }

    @Test("neither a refusal nor `wait` costs a token")
    func refusalsAreFree() {
        let rate = Rate(perSecond: 1, burst: 1)
        var limiter = RateLimiter()
        _ = limiter.accept(rate, now: .start)
        let before = limiter
        for _ in 0..<100 { _ = limiter.accept(rate, now: .after(.milliseconds(500))) }
        _ = limiter.wait(rate, now: .after(.milliseconds(500)))
        #expect(limiter == before)
        #expect(limiter.accept(rate, now: .after(.seconds(1))) == true)
    }

    /// A slow model of the token bucket. It stores the level of the bucket, in nanoseconds.
    private struct SlowBucket {
        let interval: Int64
        let size: Int64
        var level: Int64
        var at = Instant.start

        init(_ rate: Rate) {
            interval = 1_000_000_000 / Int64(rate.perSecond)
            size = interval * Int64(rate.burst)
            level = size
        }

        mutating func accept(now: Instant) -> Bool {
            level = min(size, level + (now - at).wholeNanoseconds)
            at = now
            guard level >= interval else { return false }
            level -= interval
            return true
        }
    }

    @Test("the limiter agrees with a bucket that has an explicit level", arguments: Seeds.few)
    func againstModel(seed: UInt64) {
        var random = RandomPayloads(seed: seed)
        for _ in 0..<20 {
            let rate = Rate(perSecond: 1 + Int(random.below(500)), burst: 1 + Int(random.below(50)))
            var limiter = RateLimiter()
            var bucket = SlowBucket(rate)
            var now = Instant.start
            for step in 0..<500 {
                let pause = random.below(10) == 0 ? random.below(3_000_000_000) : random.below(10_000_000)
                now = now + .nanoseconds(Int64(pause))
                #expect(limiter.accept(rate, now: now) == bucket.accept(now: now), "\(rate), step \(step)")
            }
        }
    }
}
