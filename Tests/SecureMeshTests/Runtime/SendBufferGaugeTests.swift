internal import NIOCore
internal import Testing

@testable internal import SecureMesh

@Suite("The gauge of the send buffer")
struct SendBufferGaugeTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("a buffer that is a quarter full takes messages and no answers, and one that is half full takes neither")
    func shares() {
        for (used, answers, messages) in [(0, true, true), (24, true, true), (25, false, true), (50, false, false)] {
            var gauge = SendBufferGauge(size: 100)
            gauge.charge(use: SendBufferGauge.use(of: 100))
            #expect(gauge.isBelow(.quarter, now: start) { used } == answers)
            gauge = SendBufferGauge(size: 100)
            gauge.charge(use: SendBufferGauge.use(of: 100))
            #expect(gauge.isBelow(.half, now: start) { used } == messages)
        }
    }

    @Test("the buffer is read once it may be too full, and then once per millisecond")
    func readings() {
        var gauge = SendBufferGauge(size: 400_000)
        var readings = 0
        for _ in 0..<50 {
            #expect(
                gauge.isBelow(.quarter, now: start) {
                    readings += 1; return 0
                })
            gauge.charge(use: SendBufferGauge.use(of: 100))
        }
        #expect(readings == 0)
        for microsecond in 0..<10_000 {
            gauge.charge(use: SendBufferGauge.use(of: 100_000))
            let now = start + .microseconds(Int64(microsecond))
            #expect(
                !gauge.isBelow(.quarter, now: now) {
                    readings += 1; return 100_000
                })
        }
        #expect(readings == 10)
    }

    @Test("answers do not fill a quarter of a large buffer: each may take an entry of the table of neighbors")
    func largeBuffer() {
        var gauge = SendBufferGauge(size: 8 << 20)
        gauge.charge(use: SendBufferGauge.use(of: 8 << 20))
        #expect(!gauge.isBelow(.quarter, now: start) { Limits.answerBuffer })
        #expect(gauge.isBelow(.half, now: start) { Limits.answerBuffer })
    }

    @Test("datagrams that are about to be sent count as sent: a batch of messages leaves half of the buffer free")
    func pending() {
        var gauge = SendBufferGauge(size: 40_000)
        let use = SendBufferGauge.use(of: 2_000)
        let batch = (0..<16).prefix { gauge.isBelow(.half, pending: $0 * use, now: start) { 0 } }
        #expect(batch.count * use >= 20_000 && (batch.count - 1) * use < 20_000)
    }

    @Test("the room is the number of bytes for which the buffer is not read") func room() {
        for (share, room) in [(SendBufferGauge.Share.half, 13_000), (.quarter, 3_000)] {
            var gauge = SendBufferGauge(size: 40_000)
            gauge.charge(use: 7_000)
            #expect(gauge.room(below: share) == room)
            var readings = 0
            let fits = [room - 1, room].map { pending in
                gauge.isBelow(share, pending: pending, now: start) {
                    readings += 1
                    return 40_000
                }
            }
            #expect(fits == [true, false] && readings == 1)
        }
    }

    @Test("if the system does not report its use, the buffer counts as empty") func unknown() {
        var gauge = SendBufferGauge(size: 100)
        gauge.charge(use: SendBufferGauge.use(of: 1_000))
        #expect(gauge.isBelow(.quarter, now: start) { nil })
    }
}
