import SecureMesh
import Testing

@Suite("Rate limiter")
struct RateLimiterTests {
    @Test("a bucket gives its burst at once, and then its rate", arguments: [(10, 20), (1, 3), (200, 1_000), (3, 1)])
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

    @Test("a bucket at rest is full, however long, and never fuller")
    func rest() {
        let rate = Rate(perSecond: 10, burst: 5)
        var limiter = RateLimiter()
        for now in [Instant.start, .after(.seconds(1)), .after(.seconds(1_000_000))] {
            var accepted = 0
            while limiter.accept(rate, now: now) { accepted += 1 }
            #expect(accepted == 5)
        }
    }

    @Test("the wait that is told is exact")
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

    @Test("tokens can be taken as many as there are")
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

    @Test("a refusal costs no token, and neither does asking")
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

    /// A bucket as one draws it: tokens, counted in nanoseconds, that drip in.
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

    @Test("the limiter says what a drawn bucket says", arguments: Seeds.few)
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

@Suite("Prefix table")
struct PrefixTableTests {
    private static let rate = Rate(perSecond: 1, burst: 2)

    private static func table(_ key: UInt8 = 1) -> PrefixTable {
        PrefixTable(rate: rate, key: Bytes16([UInt8](repeating: key, count: 16).span))
    }

    @Test("an IPv4 address has a bucket of its own, whatever its port")
    func ipv4() {
        var table = Self.table()
        #expect(table.accept(Fixture.address(1, port: 1), now: .start) == true)
        #expect(table.accept(Fixture.address(1, port: 2), now: .start) == true)
        #expect(table.accept(Fixture.address(1, port: 3), now: .start) == false)
        #expect(table.accept(Fixture.address(2), now: .start) == true)
        #expect(table.accept(Fixture.address(1), now: .after(.seconds(1))) == true)
    }

    @Test("the addresses of a /64 share a bucket")
    func slash64() {
        var table = Self.table()
        #expect(table.accept(Fixture.address6(1, 1), now: .start) == true)
        #expect(table.accept(Fixture.address6(1, .max), now: .start) == true)
        #expect(table.accept(Fixture.address6(1, 77), now: .start) == false)
        #expect(table.accept(Fixture.address6(2, 1), now: .start) == true)
    }

    @Test("the /64s of a /48 share one eight times as large, and other /48s do not")
    func slash48() {
        var table = Self.table()
        let accepted = (0..<100 as Range<UInt32>).count { table.accept(Fixture.address6($0, 1), now: .start) }
        #expect(accepted == 2 * Limits.widePrefixFactor)
        // The third group of 16 bits is the /48's last.
        #expect(table.accept(Fixture.address6(0x0001_0000, 1), now: .start) == true)
    }

    @Test("an IPv4 bucket is not an IPv6 one")
    func families() {
        var table = Self.table()
        for _ in 0..<3 { _ = table.accept(SocketAddress(ip: .v4(5), port: 1), now: .start) }
        #expect(table.accept(SocketAddress(ip: .v6(5, 1), port: 1), now: .start) == true)
    }

    @Test("a hundred thousand prefixes take no more room than one, and each its own token or one it shares")
    func neverGrows() {
        var table = Self.table()
        let slots = storedCount("slots", of: table)
        #expect(slots == Limits.prefixTableSlots)
        var accepted = 0
        for address in 0..<(100_000 as UInt32) {
            if table.accept(SocketAddress(ip: .v4(address), port: 1), now: .start) { accepted += 1 }
        }
        #expect(storedCount("slots", of: table) == slots)
        // Two tokens a slot, and every slot has been met.
        #expect((Limits.prefixTableSlots..<(2 * Limits.prefixTableSlots + 1)).contains(accepted))
    }

    @Test("which prefixes share a slot depends on the key")
    func keyed() {
        let sharers = (UInt8(1)...4).map { key in
            var table = Self.table(key)
            for _ in 0..<2 { _ = table.accept(Fixture.address(1), now: .start) }
            return Set(
                (0..<(60_000 as UInt32)).filter { !table.accept(SocketAddress(ip: .v4($0 << 8), port: 1), now: .start) }
            )
        }
        #expect(Set(sharers).count == sharers.count)
    }
}
