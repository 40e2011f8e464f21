@testable internal import MeshReport
internal import MeshSimulator
internal import SecureMeshCore
internal import Testing

@Suite final class HistoryTests {
    private var recording = Recording(seed: 1, title: "", names: ["A", "B"].compactMap { try? PeerName($0) })

    init() {
        recording.duration = .seconds(20)
    }

    @Test("a crashed peer is missing until the server removes it")
    func missing() {
        recording.note(.started, peer: 0, at: .seconds(1))
        recording.note(.joined, peer: 0, at: .seconds(2))
        recording.note(.crashed, peer: 0, at: .seconds(5))
        recording.note(.left(.expired), peer: 0, at: .seconds(7))
        recording.note(.restarted, peer: 0, at: .seconds(10))
        recording.stays = [stay(0, 2, 7, .expired), stay(0, 11, nil, nil)]
        let lane = History(recording).lanes[0]
        #expect(lane.outside == [span(1, 2), span(10, 11)])
        #expect(lane.present == [span(2, 5), span(11, 20)])
        #expect(lane.missing == [span(5, 7)])
        #expect(lane.marks.map(\.sign) == [.crashed, .departed(.expired), .restarted])
        #expect(History(recording).lanes[1].listed.isEmpty)
    }

    @Test("a peer that crashes while it joins does not run")
    func crashWhileJoining() {
        recording.note(.started, peer: 0, at: .seconds(1))
        recording.note(.crashed, peer: 0, at: .seconds(2))
        recording.note(.joined, peer: 0, at: .seconds(3))
        recording.stays = [stay(0, 3, 5, .expired)]
        let lane = History(recording).lanes[0]
        #expect(lane.outside == [span(1, 2)])
        #expect(lane.missing == [span(3, 5)])
    }

    @Test("where events were not kept, members count as running")
    func omittedEvents() {
        recording.note(.started, peer: 0, at: .seconds(1))
        recording.note(.crashed, peer: 0, at: .seconds(4))
        recording.stays = [stay(0, 2, nil, nil), stay(1, 3, nil, nil)]
        recording.omittedEvents = 1
        let lanes = History(recording).lanes
        #expect(lanes[0].present == [span(2, 20)])
        #expect(lanes[1].missing == [span(3, 4)])
    }

    @Test("the server is down from its crash to its start")
    func serverDown() {
        recording.note(.serverStarted, at: .seconds(1))
        recording.note(.serverCrashed, at: .seconds(4))
        recording.note(.serverStarted, at: .seconds(6))
        recording.note(.serverStopping, at: .seconds(19))
        #expect(History(recording).serverDown == [span(0, 1), span(4, 6), span(19, 20)])
    }

    @Test("a partition ends by its label, or all end at once")
    func partitions() {
        recording.note(.partitioned("A"), at: .seconds(1))
        recording.note(.partitioned("B"), at: .seconds(2))
        recording.note(.rejoined("A"), at: .seconds(3))
        recording.note(.partitioned("A"), at: .seconds(4))
        recording.note(.rejoined("all"), at: .seconds(5))
        let partitions = History(recording).partitions
        #expect(partitions.map(\.label) == ["A", "B"])
        #expect(partitions.map(\.spans) == [[span(1, 3), span(4, 5)], [span(2, 5)]])
    }

    @Test("an attack without an end lasts to the end of the run")
    func attack() {
        recording.note(.attackBegan("replayer"), at: .seconds(12))
        #expect(History(recording).attacks.map(\.spans) == [[span(12, 20)]])
    }

    /// Compares operations on spans of time with the same operations on sets of seconds.
    @Test("operations on spans agree with operations on sets of seconds", arguments: 0..<200)
    func spans(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func set() -> Set<Int> {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Set((0..<40).filter { state >> UInt64($0) & 3 != 0 })
        }
        let (first, second) = (set(), set())
        #expect(spans(first).intersection(spans(second)) == spans(first.intersection(second)), "seed \(seed)")
        #expect(spans(first).subtracting(spans(second)) == spans(first.subtracting(second)), "seed \(seed)")
    }

    private func spans(_ seconds: Set<Int>) -> [TimeSpan] { seconds.map { span($0, $0 + 1) }.merged() }

    private func span(_ from: Int, _ to: Int) -> TimeSpan { TimeSpan(from: .seconds(from), to: .seconds(to)) }

    private func stay(_ peer: Int, _ from: Int, _ to: Int?, _ departure: Departure?) -> Recording.Stay {
        var stay = Recording.Stay(peer: peer, from: .seconds(from))
        stay.to = to.map { .seconds($0) }
        stay.departure = departure
        return stay
    }
}
