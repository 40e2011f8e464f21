import SecureMesh
import Testing

@Suite("Prefix table")
final class PrefixTableTests {
    private static let rate = Rate(perSecond: 1, burst: 2)

    private static func make(_ key: UInt8 = 1) -> PrefixTable {
        PrefixTable(rate: rate, key: Bytes16([UInt8](repeating: key, count: 16).span))
    }

    private var table = PrefixTableTests.make()

    @Test("an IPv4 address has a bucket of its own, whatever its port")
    func ipv4() {
        #expect(table.accept(Fixture.address(1, port: 1), now: .start) == true)
        #expect(table.accept(Fixture.address(1, port: 2), now: .start) == true)
        #expect(table.accept(Fixture.address(1, port: 3), now: .start) == false)
        #expect(table.accept(Fixture.address(2), now: .start) == true)
        #expect(table.accept(Fixture.address(1), now: .after(.seconds(1))) == true)
    }

    @Test("the addresses of a /64 share a bucket")
    func slash64() {
        #expect(table.accept(Fixture.address6(1, 1), now: .start) == true)
        #expect(table.accept(Fixture.address6(1, .max), now: .start) == true)
        #expect(table.accept(Fixture.address6(1, 77), now: .start) == false)
        #expect(table.accept(Fixture.address6(2, 1), now: .start) == true)
    }

    @Test("the /64s of a /48 share a bucket eight times as large; another /48 has its own")
    func slash48() {
        let accepted = (0..<100 as Range<UInt32>).count { table.accept(Fixture.address6($0, 1), now: .start) }
        #expect(accepted == 2 * Limits.widePrefixFactor)
        // This address differs in the third group of 16 bits, which is the last one of a /48.
        #expect(table.accept(Fixture.address6(0x0001_0000, 1), now: .start) == true)
    }

    @Test("IPv4 and IPv6 prefixes have separate buckets")
    func families() {
        for _ in 0..<3 { _ = table.accept(SocketAddress(ip: .v4(5), port: 1), now: .start) }
        #expect(table.accept(SocketAddress(ip: .v6(5, 1), port: 1), now: .start) == true)
    }

    @Test("a hundred thousand prefixes take no more memory than one")
    func neverGrows() {
        let slots = storedCount("slots", of: table)
        #expect(slots == Limits.prefixTableSlots)
        var accepted = 0
        for address in 0..<(100_000 as UInt32) {
            if table.accept(SocketAddress(ip: .v4(address), port: 1), now: .start) { accepted += 1 }
        }
        #expect(storedCount("slots", of: table) == slots)
        // Each slot has two tokens, and every slot has been used.
        #expect((Limits.prefixTableSlots..<(2 * Limits.prefixTableSlots + 1)).contains(accepted))
    }

    @Test("which prefixes share a slot depends on the key")
    func keyed() {
        let sharers = (UInt8(1)...4).map { key in
            var table = Self.make(key)
            for _ in 0..<2 { _ = table.accept(Fixture.address(1), now: .start) }
            return Set(
                (0..<(60_000 as UInt32)).filter { !table.accept(SocketAddress(ip: .v4($0 << 8), port: 1), now: .start) }
            )
        }
        #expect(Set(sharers).count == sharers.count)
    }
}
