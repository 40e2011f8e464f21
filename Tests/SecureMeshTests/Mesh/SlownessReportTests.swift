import SecureMesh
import SelfTest
import Testing

/// Tests the event for a round trip that is too long for the server's heartbeat interval (PROTOCOL.md, section 6.3).
@Suite("Slow round trips") struct SlownessReportTests {
    private func reports(_ peer: VirtualPeer) -> [(measured: Duration, bearable: Duration)] {
        peer.events.compactMap {
            if case .slowRoundTrip(let measured, let bearable) = $0.event { (measured, bearable) } else { nil }
        }
    }

    @Test(
        "a round trip that is too long for the interval is reported with both figures, at most once per minute",
        arguments: [700, 900, 1_500])
    func slow(oneWay: Int64) throws {
        let mesh = TestMesh(seed: UInt64(oneWay))
        mesh.latency = .milliseconds(oneWay)
        let peer = try mesh.addPeer("far")
        mesh.run(for: .seconds(58))
        let reports = reports(peer)
        #expect(reports.count == 1)
        for report in reports {
            #expect(report.bearable == .seconds(1))
            #expect(report.measured >= .milliseconds(2 * oneWay) - .milliseconds(1))
        }
    }

    @Test("loss alone, and a server that is gone, are not taken for a long round trip") func notSlow() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        mesh.drop(.pulse)
        mesh.run(for: .seconds(20))
        mesh.killServer()
        mesh.run(for: .seconds(20))
        #expect(peers.allSatisfy { reports($0).isEmpty })
    }
}
