import SecureMesh
import Testing

@Suite("Bounded table") struct BoundedTableTests {
    @Test("a full table evicts the key that was inserted first, in turn") func evicts() {
        var table = BoundedTable<Int, String>(limit: 3)
        for key in 1...3 { table.set("\(key)", for: key) }
        #expect(table.count == 3 && table[1] == "1")
        table.set("4", for: 4)
        #expect(table.count == 3 && table[1] == nil && table[2] == "2" && table[4] == "4")
        for key in 5...7 { table.set("\(key)", for: key) }
        #expect((1...7).filter { table[$0] != nil } == [5, 6, 7])
    }

    @Test("a new value of a known key evicts nothing and does not postpone the eviction of its key") func updates() {
        var table = BoundedTable<Int, String>(limit: 2)
        table.set("a", for: 1)
        table.set("b", for: 2)
        table.set("c", for: 1)
        #expect(table.count == 2 && table[1] == "c" && table[2] == "b")
        table.set("d", for: 3)
        #expect(table[1] == nil && table[2] == "b" && table[3] == "d")
        table.set("e", for: 1)
        #expect(table[1] == "e" && table[2] == nil)
    }
}
