import Testing

@testable import SecureMesh

@Suite("EntryPool") struct EntryPoolTests {
    @Test("equal entries of two directories are one object") func sharing() throws {
        let pool = EntryPool()
        #expect(pool.shared(try .sample(1)) === pool.shared(try .sample(1)))
        #expect(pool.shared(try .sample(1)) !== pool.shared(try .sample(2)))
    }

    @Test("a server that gives one session to two members changes the entry of neither") func oneSession() throws {
        let pool = EntryPool()
        let first = try Entry.sample(1)
        let second = try Entry.sample(1, identity: 2)
        let shared = pool.shared(first)
        #expect(pool.shared(second).entry == second)
        #expect(shared.entry == first)
    }

    @Test("entries that no directory holds are removed") func cleanup() throws {
        let pool = EntryPool()
        let held = try (1...10 as ClosedRange<UInt64>).map { pool.shared(try .sample($0)) }
        for session in 11...5_000 as ClosedRange<UInt64> { _ = pool.shared(try .sample(session)) }
        #expect(pool.count <= 1_024)
        for shared in held { #expect(pool.shared(shared.entry) === shared) }
    }
}
