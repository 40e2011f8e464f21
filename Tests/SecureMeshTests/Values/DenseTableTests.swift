import SecureMesh
import SelfTest
import Testing

@Suite("Dense table") struct DenseTableTests {
    private struct Value: Identifiable, Equatable {
        let id: UInt8
        var number: UInt64
    }

    @Test("a table finds, changes, replaces and removes the values that a dictionary does")
    func agrees() {
        var random = RandomSource.seeded(11)
        var (table, dictionary) = (DenseTable<Value>(), [UInt8: UInt64]())
        for _ in 0..<20_000 {
            let (id, number) = (UInt8(random.next() % 24), random.next())
            switch random.next() % 3 {
            case 0:
                table.set(Value(id: id, number: number))
                dictionary[id] = number
            case 1:
                table.change(id) { $0.number &+= 1 }
                dictionary[id].map { dictionary[id] = $0 &+ 1 }
            default:
                #expect(table.remove(id)?.number == dictionary.removeValue(forKey: id))
            }
            let found = (0..<24).map { id in table.index(of: id).map { table.values[$0] } }
            #expect(found == (0..<24).map { id in dictionary[id].map { Value(id: id, number: $0) } })
            #expect(table.count == dictionary.count && table.contains(id) == (dictionary[id] != nil))
        }
    }
}
