import SecureMesh
import Testing

/// Tests the schedule by which a peer requests parts of its directory (PROTOCOL.md, section 6.5).
@Suite("Repair requests") struct RepairRequestTests {
    private func progress(_ version: UInt64, part: Int? = nil, waiting: Int = 0) -> RepairRequest.Progress {
        RepairRequest.Progress(version: version, part: part, waiting: waiting)
    }

    /// Returns the request state of a peer that has measured a round trip of 20 ms, and has sent its CONFIRM at 0 ms.
    private func newcomer() -> RepairRequest {
        var request = RepairRequest(interval: .milliseconds(500), now: at(0))
        request.sent(version: 0, part: 0, isEarly: false, now: at(0))
        request.firstMeasured(.milliseconds(20))
        return request
    }

    @Test("the next burst is due as soon as all of the last one is there") func pace() {
        var request = newcomer()
        request.note(progress(0), wanted: 9, now: at(20))
        #expect(request.due == at(60))
        request.note(progress(0, part: 15, waiting: 15), wanted: 9, now: at(21))
        // The answer took 21 ms. The request uses this as its new round trip.
        #expect(request.due == at(63))
        request.note(progress(0, part: 16, waiting: 16), wanted: 9, now: at(22))
        #expect(request.due == at(22))
        request.sent(version: 0, part: 16, isEarly: true, now: at(22))
        #expect(request.due == at(64))
        request.note(progress(9), wanted: 9, now: at(40))
        #expect(request.due == nil)
    }

    @Test("a part that does not arrive is requested again, with pauses that double up to an interval") func patience() {
        var request = newcomer()
        request.note(progress(0, part: 3, waiting: 3), wanted: 9, now: at(20))
        var due = request.due
        var pauses: [Duration] = []
        for _ in 0..<6 {
            guard let now = due else { break }
            request.sent(version: 0, part: 3, isEarly: true, now: now)
            due = request.due
            pauses.append((due ?? now) - now)
        }
        #expect(pauses == [40, 80, 160, 320, 500, 500].map { .milliseconds($0) })
    }

    @Test("more DELTAs are requested after every 16, and nothing is requested once the version is held")
    func deltas() {
        var request = newcomer()
        request.note(progress(50), wanted: 50, now: at(20))
        #expect(request.due == nil)
        request.note(progress(50), wanted: 90, now: at(100))
        request.sent(version: 50, part: 0, isEarly: true, now: at(140))
        request.note(progress(65), wanted: 90, now: at(160))
        #expect(request.due.map { $0 > at(160) } == true)
        request.note(progress(66), wanted: 90, now: at(161))
        #expect(request.due == at(161))
    }

    @Test("requests stay within the rate that a server accepts") func rate() {
        var request = newcomer()
        var sent = 0
        var now = at(20)
        var part = 16
        while now < at(10_020) {
            request.note(progress(0, part: part, waiting: part), wanted: 9, now: now)
            guard let due = request.due else { break }
            now = max(due, now)
            request.sent(version: 0, part: part, isEarly: true, now: now)
            sent += 1
            part = SnapshotBurst.end(from: part)
        }
        #expect(sent <= Limits.requestRate.burst + 10 * Limits.requestRate.perSecond + 1)
        #expect(sent >= 10 * Limits.requestRate.perSecond)
    }
}
