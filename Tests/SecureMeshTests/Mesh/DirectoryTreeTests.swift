import SecureMesh
import SelfTest
import Testing

/// Compares two ways to compute the digest of a directory: from stored hashes, and by the definition (PROTOCOL.md,
/// section 6.5).
@Suite("Directory tree") struct DirectoryTreeTests {
    /// Computes the digest by the definition in PROTOCOL.md, without stored hashes.
    private func definition(_ entries: some Collection<Entry>, id: UInt64, version: UInt64) -> Bytes32 {
        var groups: [UInt8] = []
        for group in 0..<16 {
            var buckets: [UInt8] = []
            for bucket in group * 16..<group * 16 + 16 {
                let listed = entries.filter { $0.session.rawValue >> 56 == bucket }
                let hashes = listed.sorted { $0.session < $1.session }.flatMap { entry in
                    var bytes: [UInt8] = []
                    entry.append(to: &bytes)
                    return Sodium.hash(.directoryEntry, bytes.span).array
                }
                buckets += hashes.isEmpty ? Bytes32.zero.array : Sodium.hash(.directoryBucket, hashes.span).array
            }
            groups += Sodium.hash(.directoryGroup, buckets.span).array
        }
        let root = [UInt8](bigEndian: id) + [UInt8](bigEndian: version) + groups
        return Sodium.hash(.directory, root.span)
    }

    /// Returns a random entry. In half of all calls, its session is in the first or last bucket of a group
    /// (PROTOCOL.md, section 6.5).
    private func draw(_ number: UInt64, _ random: inout RandomSource) throws -> Entry {
        let ends: [UInt64] = [0x00, 0x0F, 0x10, 0x7F, 0x80, 0xFF]
        let first = try #require(ends.randomElement(using: &random))
        let byte = Bool.random(using: &random) ? first : random.next() >> 56
        var entry = try Entry.sample(byte << 56 | (random.next() >> 16) << 8 | 1, name: "n\(number)")
        entry.address = SocketAddress(ip: .v4(UInt32(number) + 0x0A00_0001), port: 1)
        entry.identity = PublicKey(bytes: random.bytes32())
        return entry
    }

    @Test("after any changes, a directory has the digest of its entries", arguments: 0..<10 as Range<UInt64>)
    func likeDefinition(seed: UInt64) throws {
        var random = RandomSource.seeded(seed)
        var directory = Directory()
        var expected: [SessionID: Entry] = [:]
        for version: UInt64 in 1...300 {
            if let session = directory.sessions.randomElement(using: &random), random.next() % 3 == 0 {
                directory.remove(session)
                expected[session] = nil
            } else {
                let entry = try draw(version, &random)
                guard expected[entry.session] == nil else { continue }
                directory.insert(entry)
                expected[entry.session] = entry
            }
            guard random.next() % 4 == 0 else { continue }
            // A change of a copy must not change the stored hashes of the directory that was copied.
            var copy = directory
            if let session = copy.sessions.first { copy.remove(session) }
            let copied = definition(expected.values.filter { copy[$0.session] != nil }, id: 7, version: version)
            #expect(copy.digest(id: 7, version: version) == copied, "seed \(seed), version \(version)")
            let digest = directory.digest(id: 7, version: version)
            #expect(digest == definition(expected.values, id: 7, version: version), "seed \(seed), version \(version)")
        }
    }

    @Test("a server's digest is that of the published entries, while changes wait", arguments: 0..<10 as Range<UInt64>)
    func published(seed: UInt64) throws {
        let signer = Signer(key: Fixture.serverKey, context: Fixture.context, from: 1)
        var random = RandomSource.seeded(seed)
        var log = DirectoryLog(id: 7, now: at(0))
        var expected: [SessionID: Entry] = [:]
        for step in 1...400 {
            let number = UInt64(step)
            switch random.next() % 8 {
            case 0...3: log.insert(try draw(number, &random), replacing: nil)
            case 4:
                guard let old = log.directory.inOrder.randomElement(using: &random) else { continue }
                var new = try draw(number, &random)
                (new.identity, new.name, new.address) = (old.identity, old.name, old.address)
                log.insert(new, replacing: old.session)
            case 5...6:
                guard let session = log.directory.sessions.randomElement(using: &random) else { continue }
                log.remove(session, .expired)
            default:
                _ = log.flush(now: at(Int64(step)), limit: Int(random.next() % 3)) { delta in
                    for removal in delta.removed { expected[removal.session] = nil }
                    for entry in delta.added { expected[entry.session] = entry }
                    return signer.sign(.delta, delta)
                }
            }
            guard random.next() % 3 == 0 else { continue }
            let digest = log.digest()
            #expect(digest == definition(expected.values, id: 7, version: log.version), "seed \(seed), step \(step)")
        }
    }

    @Test("one change makes the next digest hash one bucket, in a directory of any size") func oneBucket() throws {
        var tree = DirectoryTree()
        var hashed: [Int] = []
        func digest(_ version: UInt64) -> Bytes32 {
            hashed = []
            return tree.digest(id: 7, version: version) { bucket, bytes in
                hashed.append(bucket)
                Bytes32(littleEndian: (UInt64(bucket), version, 0, 1)).append(to: &bytes)
            }
        }
        let first = digest(1)
        #expect(hashed == Array(0..<256))
        #expect(digest(1) == first)
        #expect(hashed.isEmpty)
        tree.change(try Fixture.session(0xA7 << 56 | 5))
        tree.change(try Fixture.session(0xA7 << 56 | 6))
        #expect(digest(1) == first)
        #expect(hashed == [0xA7])
        tree.change(try Fixture.session(0xFF << 56))
        tree.change(try Fixture.session(1))
        #expect(digest(2) != first)
        #expect(hashed == [0, 0xFF])
    }
}
