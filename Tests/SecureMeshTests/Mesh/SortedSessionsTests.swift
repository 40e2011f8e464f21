import SecureMesh
import Testing

@Suite("Sorted sessions") struct SortedSessionsTests {
    @Test("has the sessions of a sorted array, after any insertions and removals", arguments: 0..<10 as Range<UInt64>)
    func likeArray(seed: UInt64) throws {
        var random = RandomSource.seeded(seed)
        var sessions = SortedSessions()
        var expected: Set<SessionID> = []
        let ends = try [1, 0x00FF << 48, 0x0100 << 48, 0xFF00 << 48, UInt64.max].map { try Fixture.session($0) }
        // With odd seeds, the sessions are close together, so that a bucket has several chunks.
        let mask: UInt64 = seed % 2 == 0 ? .max : 0x03FF_FFFF_FFFF_FFFF
        for step in 0..<6_000 {
            if step % 2_000 < 1_400 || expected.isEmpty {
                let end = try #require(ends.randomElement(using: &random))
                let session = step % 500 == 0 ? end : try Fixture.session(max(random.next() & mask, 1))
                guard expected.insert(session).inserted else { continue }
                sessions.insert(session)
            } else {
                let session = try #require(sessions.all.randomElement(using: &random))
                expected.remove(session)
                sessions.remove(session)
                sessions.remove(session)
            }
            #expect(sessions.count == expected.count, "seed \(seed)")
            guard step % 250 == 249 else { continue }
            #expect(sessions.all == expected.sorted(), "seed \(seed), step \(step)")
            let buckets = (0..<256).map { bucket in
                var listed: [SessionID] = []
                sessions.forEach(inBucket: bucket) { listed.append($0) }
                return listed
            }
            let right = (0..<256).map { bucket in
                expected.filter { DirectoryTree.bucket(of: $0) == bucket }.sorted()
            }
            #expect(buckets == right, "seed \(seed), step \(step)")
        }
        for session in expected.shuffled(using: &random) { sessions.remove(session) }
        #expect(sessions.all.isEmpty && sessions.count == 0, "seed \(seed)")
    }
}
