internal import MeshControl
internal import SecureMesh
internal import Testing

/// Compares the history that a process keeps of its members with a slow, simple model.
@Suite("member history")
struct MemberHistoryTests {
    private static let keys = (0..<12).map { _ in SigningKey().publicKey }

    private static func member(_ index: Int) throws -> Member {
        Member(
            name: try PeerName("m\(index)"), publicKey: keys[index],
            address: try SocketAddress("127.0.0.1:\(3000 + index)"))
    }

    private static func since(_ history: MemberHistory) -> [PublicKey: Timestamp] {
        Dictionary(uniqueKeysWithValues: history.present.values.map { ($0.member.publicKey, $0.since) })
    }

    /// All joins and departures so far, in order.
    private struct Model {
        var since: [Int: Timestamp] = [:]
        var departures: [(index: Int, departure: Departure?, at: Timestamp)] = []
        var forgotten: Set<Int> = []

        /// Returns the last departure of each absent member that the history must still remember, the newest first.
        func absences(_ now: Timestamp, limit: Int, time: Duration) -> [(
            index: Int, departure: Departure?, at: Timestamp
        )] {
            var seen: Set<Int> = []
            return Array(
                departures.reversed().filter {
                    seen.insert($0.index).inserted && since[$0.index] == nil && !forgotten.contains($0.index)
                        && now - $0.at <= time
                }.prefix(limit))
        }
    }

    @Test("remembers departures up to a number and an age, and counts the members by state")
    func random() throws {
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var generator = RandomSource.seeded(seed)
        let (limit, time) = (4, Duration.seconds(100))
        let listed = Dictionary(uniqueKeysWithValues: try (0..<8).map { (Self.keys[$0], try PeerName("m\($0)")) })
        var history = MemberHistory(roster: Roster(authorized: listed), limit: limit, time: time)
        var model = Model()
        var now = Timestamp(milliseconds: 1_000_000)
        let departures: [Departure?] = [.left, .expired, .revoked, .misbehaved, .stopping, nil]
        for step in 0..<5_000 {
            now = Timestamp(milliseconds: now.milliseconds + Int64(generator.next() % 20_000))
            let index = Int(generator.next() % UInt64(Self.keys.count))
            let member = try Self.member(index)
            switch generator.next() % 5 {
            case 0, 1:
                history.noteJoin(member, at: now)
                (model.since[index], _) = (now, model.forgotten.remove(index))
            case 2:
                history.noteRejoin(member, at: now)
                model.since[index] = model.since[index] ?? now
                model.forgotten.remove(index)
            case 3:
                let departure = departures[Int(generator.next() % 6)]
                history.noteDeparture(member, departure, at: now)
                model.since[index] = nil
                model.departures.append((index, departure, now))
                // A departure that was dropped because of the limit is not remembered again when there is room.
                model.forgotten.remove(index)
                let kept = Set(model.absences(now, limit: limit, time: time).map(\.index))
                model.forgotten.formUnion(Set(0..<Self.keys.count).subtracting(kept).subtracting(model.since.keys))
            default:
                history.noteMessage(from: member)
            }
            let expected = model.absences(now, limit: limit, time: time)
            let found = history.absences(now)
            try #require(
                found.map(\.member.publicKey) == expected.map { Self.keys[$0.index] }
                    && found.map(\.departure) == expected.map(\.departure) && found.map(\.at) == expected.map(\.at),
                "step \(step), seed \(seed)")
            try #require(
                Self.since(history)
                    == Dictionary(
                        uniqueKeysWithValues: model.since.map { (Self.keys[$0.key], $0.value) }),
                "step \(step), seed \(seed)")
            #expect(history.departureCount <= 2 * limit + 1 && history.absenceCount <= limit)

            let known = Set(model.since.keys).union(expected.map(\.index))
            var counts = ["alive": model.since.count, "suspect": 0, "left": 0, "failed": 0, "revoked": 0]
            counts["never"] = (0..<8).count { !known.contains($0) }
            for absence in expected { counts[MemberState(absence.departure).rawValue, default: 0] += 1 }
            try #require(history.counts(late: 0, now) == counts, "step \(step), seed \(seed)")
        }
    }

    @Test("counts members that are late as suspects, and another roster's keys as those that never joined")
    func counts() throws {
        let now = Timestamp(milliseconds: 0)
        var history = MemberHistory()
        for index in 0..<3 { history.noteJoin(try Self.member(index), at: now) }
        #expect(history.counts(late: 2, now)["suspect"] == 2 && history.counts(late: 2, now)["alive"] == 1)
        #expect(history.counts(late: 9, now)["suspect"] == 3 && history.counts(late: 9, now)["never"] == 0)
        history.roster = Roster(authorized: [Self.keys[0]: try PeerName("m0"), Self.keys[5]: try PeerName("m5")])
        #expect(history.counts(late: 0, now)["never"] == 1)
    }

    @Test("after events were missed, those who are gone have left for an unknown reason")
    func replaced() throws {
        let now = Timestamp(milliseconds: 5)
        var history = MemberHistory()
        for index in 0..<2 { history.noteJoin(try Self.member(index), at: Timestamp(milliseconds: 0)) }
        history.replace([try Self.member(1), try Self.member(2)], at: now)
        #expect(Self.since(history).mapValues(\.milliseconds) == [Self.keys[1]: 0, Self.keys[2]: 5])
        #expect(history.absences(now).map(\.member.name.description) == ["m0"])
        #expect(history.absence(named: "m0")?.departure == nil && history.absence(named: "m1") == nil)
    }
}
