internal import MeshReport
internal import MeshSimulator
internal import SecureMeshCore
internal import Testing

@Suite struct SummaryTests {
    @Test("the summary fits a screen, with the verdict last")
    func summary() {
        let summary = SyntheticRecording.make(peers: 50, seconds: 120).summary
        #expect((15...25).contains(summary.count), "\(summary.count) lines")
        #expect(summary.last == "verdict       whole again 1.84 s after the faults ended")
        #expect(summary.contains("again         p2p simulate --peers 50 --duration 120s --seed 42"))
    }

    @Test func theFiguresAreTheRecords() throws {
        var recording = Recording(seed: 7, title: "two peers", names: ["A", "B"].compactMap { try? PeerName($0) })
        recording.duration = .seconds(90)
        recording.memberTime = .seconds(100)
        recording.steps = 12_345
        recording.stays = [Recording.Stay(peer: 0, from: .zero), Recording.Stay(peer: 1, from: .zero)]
        recording.stays[1].to = .seconds(5)
        recording.stays[1].departure = .expired
        recording.note(.crashed, peer: 1, at: .seconds(3))
        recording.connectionsLost = 3
        recording.joinTimes.add(.milliseconds(40))
        (recording.messagesSent, recording.deliveriesExpected, recording.deliveries) = (10, 10, 9)
        var traffic = Recording.Traffic()
        (traffic.datagrams, traffic.bytes) = (1_000, 150_000)
        recording.traffic = [(.heartbeat, traffic)]
        recording.losses = [(.lost, 20), (.overflow, 0)]
        recording.serverRefusals.count(.sealBroken)
        recording.failure = "broken\u{1B}[2J\nline"
        #expect(
            recording.summary == [
                "world         two peers",
                "              2 peers for 1 min 30 s, 12,345 steps, trace 0000000000000000",
                "joins         2",
                "departures    1: 1 expired",
                "connections   3 lost",
                "faults        1: 1 crash",
                "                  p50      p90      p99      max  samples",
                "join            40 ms    40 ms    40 ms    40 ms        1",
                "messages      90 % delivered: 9 of 10, from 10 sent",
                "traffic       1,000 datagrams, 150 kB: HEARTBEAT 100 %",
                "              per second and member: 10.0 datagrams, 1.50 kB",
                "losses        20 (2.0 %): 20 lost",
                "refusals      server 1 (sealBroken 1); peers 0",
                "seed          7",
                "verdict       invariant broken: broken\\u{1b}[2J\\nline",
            ])
    }
}
