import SecureMesh
import Testing

@Suite("Reserved names of an open mesh") final class NameReservationsTests {
    private var names = NameReservations()

    private func key(_ number: Int) -> PublicKey {
        PublicKey(bytes: Bytes32(littleEndian: (UInt64(number), 0, 0, 0)))
    }

    /// Reserves the names of `count` strangers that have joined and left. Each stranger has a different key.
    private func flood(_ count: Int, from first: Int = 1_000) throws {
        for number in first..<first + count {
            let name = try PeerName("n\(number)")
            names.reserve(name, for: key(number), now: at(1))
        }
    }

    @Test("a name is reserved for its last owner only, until the owner is a member again") func owner() throws {
        let mine = try PeerName("mine")
        names.reserve(mine, for: key(1), now: at(1))
        #expect(names.isReserved(mine, for: key(2), now: at(2)))
        #expect(!names.isReserved(mine, for: key(1), now: at(2)))
        names.endReservation(of: mine)
        #expect(!names.isReserved(mine, for: key(2), now: at(2)))
    }

    @Test("the table stays within its limits however many names come and go") func bounds() throws {
        try flood(Limits.rememberedIdentities + 5_000)
        #expect(names.usages.filter { !$0.isKept }.isEmpty)
    }

    @Test("a full table evicts the name that was left first") func eviction() throws {
        let (first, last) = (try PeerName("first"), try PeerName("last"))
        names.reserve(first, for: key(2), now: at(0))
        try flood(100)
        names.reserve(last, for: key(1), now: at(1))
        try flood(Limits.rememberedIdentities - 1, from: 10_000)
        #expect(!names.isReserved(first, for: key(3), now: at(2)))
        #expect(names.isReserved(last, for: key(3), now: at(2)))
    }

    @Test("one key cannot reserve all names") func oneKey() throws {
        for number in 0..<10 {
            let name = try PeerName("n\(number)")
            names.reserve(name, for: key(1), now: at(0))
        }
        let kept = try (0..<10).filter { names.isReserved(try PeerName("n\($0)"), for: key(2), now: at(1)) }
        #expect(kept == Array(10 - Limits.namesPerIdentity..<10))
    }

    @Test("an owner that comes back within 24 h and leaves again keeps the name for 24 h from then") func comesBack()
        throws
    {
        let mine = try PeerName("mine")
        for start in [0, 80_000_000] as [Int64] {
            names.endReservation(of: mine)
            names.reserve(mine, for: key(1), now: at(start))
        }
        #expect(names.isReserved(mine, for: key(2), now: at(86_400_000 + 79_999_999)))
        #expect(!names.isReserved(mine, for: key(2), now: at(86_400_000 + 80_000_000)))
    }
}
