import SecureMesh
import Testing

@Suite("Known names") struct KnownNamesTests {
    @Test("a name that appears late is watched, however many names came before") func late() throws {
        var known = KnownNames(limit: 16)
        var directory = Directory()
        for number in 1...200 as ClosedRange<UInt64> {
            let entry = SharedEntry(try .sample(number))
            directory.insert(entry.entry)
            #expect(known.note(entry, listed: directory) == nil)
            directory.remove(entry.entry.session)
            #expect(known.usage.isKept)
        }
        let late = try Entry.sample(300)
        directory.insert(late)
        #expect(known.note(SharedEntry(late), listed: directory) == nil)
        // The name of a listed member is not evicted to make room for the names of members that are not listed.
        for number in 400...600 as ClosedRange<UInt64> {
            _ = known.note(SharedEntry(try .sample(number)), listed: directory)
        }
        let thief = try Entry.sample(700, name: late.name.description)
        #expect(known.note(SharedEntry(thief), listed: directory) == late.identity)
        #expect(known.note(SharedEntry(thief), listed: directory) == nil)
    }
}
