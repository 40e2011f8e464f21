import SecureMesh
import Testing

@Suite("EntryTable") struct EntryTableTests {
    @Test("finds what a dictionary finds, after any insertions and removals", arguments: 0..<20 as Range<UInt64>)
    func likeDictionary(seed: UInt64) throws {
        var random = RandomSource.seeded(seed)
        let entries = try (1...200).map { SharedEntry(try .sample($0)) }
        var table = EntryTable<EntryBySession>()
        var expected: [SessionID: SharedEntry] = [:]
        for _ in 0..<2_000 {
            let shared = try #require(entries.randomElement(using: &random))
            if Bool.random(using: &random) {
                table.insert(shared)
                expected[shared.entry.session] = shared
            } else {
                table.remove(shared.entry.session)
                expected[shared.entry.session] = nil
            }
        }
        #expect(table.count == expected.count, "seed \(seed)")
        for shared in entries {
            #expect(table[shared.entry.session] === expected[shared.entry.session], "seed \(seed)")
        }
    }

    @Test("an entry takes the place of one with the same value of the field") func replacement() throws {
        let old = SharedEntry(try .sample(1))
        let new = SharedEntry(try .sample(2, name: old.entry.name.description))
        var table = EntryTable<EntryByName>()
        table.insert(old)
        table.insert(new)
        #expect(table.count == 1)
        #expect(table[old.entry.name] === new)
    }
}
