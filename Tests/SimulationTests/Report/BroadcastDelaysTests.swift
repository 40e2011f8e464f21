import MeshReport
import MeshSimulator
import Testing

@Suite struct BroadcastDelaysTests {
    @Test("the delay to the last receiver is the longest one, whenever the number of receivers becomes known")
    func last() {
        for known in 0...3 {
            var delays = BroadcastDelays()
            for (index, delay) in [Duration.milliseconds(2), .milliseconds(7), .milliseconds(4)].enumerated() {
                if index == known { delays.noteReceivers(3, ofBroadcastAt: .seconds(1)) }
                #expect(delays.toLast.count == 0)
                delays.noteDelivery(ofBroadcastAt: .seconds(1), delay: delay)
            }
            if known == 3 { delays.noteReceivers(3, ofBroadcastAt: .seconds(1)) }
            #expect(delays.toLast.count == 1)
            #expect(delays.toLast.maximum == .milliseconds(7))
        }
    }

    @Test("a broadcast that one receiver lacks has no delay, and does not change that of others")
    func incomplete() {
        var delays = BroadcastDelays()
        for time in [Duration.seconds(1), .seconds(2)] { delays.noteReceivers(2, ofBroadcastAt: time) }
        delays.noteDelivery(ofBroadcastAt: .seconds(1), delay: .milliseconds(9))
        delays.noteDelivery(ofBroadcastAt: .seconds(2), delay: .milliseconds(1))
        delays.noteDelivery(ofBroadcastAt: .seconds(2), delay: .milliseconds(3))
        #expect(delays.toLast.count == 1)
        #expect(delays.toLast.maximum == .milliseconds(3))
    }

    @Test("incomplete broadcasts are forgotten when there are too many")
    func bound() {
        var delays = BroadcastDelays()
        for time in 1...BroadcastDelays.limit + 1 {
            delays.noteReceivers(2, ofBroadcastAt: .seconds(time))
            delays.noteDelivery(ofBroadcastAt: .seconds(time), delay: .milliseconds(1))
        }
        delays.noteDelivery(ofBroadcastAt: .seconds(1), delay: .milliseconds(1))
        #expect(delays.toLast.count == 0)
        delays.noteDelivery(ofBroadcastAt: .seconds(BroadcastDelays.limit + 1), delay: .milliseconds(1))
        #expect(delays.toLast.count == 1)
    }
}
