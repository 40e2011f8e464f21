import MeshReport
import MeshSimulator
import Testing

@Suite struct SwarmReportTests {
    @Test("at no moment are more messages delivered than sent, although messages arrive before the call returns")
    func early() {
        var report = SwarmReport(peers: 3)
        report.beginBroadcast(at: .seconds(1))
        report.noteDelivery(ofBroadcastAt: .seconds(1), after: .milliseconds(3))
        #expect(report.sent == 0 && report.delivered == 0 && report.lost == 0)
        #expect(report.awaitsMessages)
        report.endBroadcast(at: .seconds(1), receivers: 2)
        #expect(report.sent == 2 && report.delivered == 1 && report.lost == 1)
        #expect(report.awaitsMessages)
        report.noteDelivery(ofBroadcastAt: .seconds(1), after: .milliseconds(5))
        #expect(report.sent == 2 && report.delivered == 2 && report.lost == 0)
        #expect(!report.awaitsMessages)
        #expect(report.broadcasts == 1)
        #expect(report.delay.count == 2)
        #expect(report.broadcastDelays.toLast.maximum == .milliseconds(5))
    }

    @Test("a broadcast that was refused is not counted, and nothing waits for it")
    func refused() {
        var report = SwarmReport(peers: 3)
        report.beginBroadcast(at: .seconds(1))
        report.endBroadcast(at: .seconds(1), receivers: nil)
        #expect(report.broadcasts == 0 && report.sent == 0)
        #expect(!report.awaitsMessages)
    }
}
