import MetricsTestKit
import SelfTest
import Testing

@testable import SecureMesh

/// Tests the metrics that a server and a peer report to swift-metrics.
@Suite("Metrics") struct MeshMetricsTests {
    @Test("a join, a message and each reason of a departure are counted") func events() throws {
        let system = TestMetrics()
        let server = MeshMetrics<Registry>(role: "server", figures: [], factory: system)
        let peer = MeshMetrics<Peer>(role: "peer", figures: [], factory: system)
        let member = Member(try Entry.sample(1))
        server.count(.joined(member))
        server.count(.left(member, .expired))
        server.count(.left(member, .expired))
        peer.count(.memberLeft(member, reason: .revoked))
        peer.count(.memberLeft(member, reason: nil))
        #expect(try system.expectCounter("securemesh_server_joins_total").totalValue == 1)
        func departures(_ label: String, _ reason: String) throws -> Int64 {
            try system.expectCounter(label, [("reason", reason)]).totalValue
        }
        #expect(try departures("securemesh_server_departures_total", "expired") == 2)
        #expect(try departures("securemesh_server_departures_total", "revoked") == 0)
        #expect(try departures("securemesh_peer_member_departures_total", "revoked") == 1)
        #expect(try departures("securemesh_peer_member_departures_total", "unknown") == 1)
    }

    @Test("counts of datagrams, refusals and losses are those since the start") func counts() throws {
        let system = TestMetrics()
        let metrics = MeshMetrics<Registry>(
            role: "server", figures: [.init(label: "members") { registry, _ in registry.memberCount }],
            factory: system)
        let mesh = TestMesh()
        _ = try mesh.join(3)
        mesh.withServer { registry in
            registry.handle([UInt8](repeating: 7, count: 40).span, path: Fixture.path, now: mesh.now)
        }
        var lost = DatagramLosses()
        lost.count(.receiveBufferFull, 5)
        for _ in 0..<2 {
            metrics.report(try #require(mesh.registry), received: 9, sent: 4, losses: lost, now: mesh.now)
        }
        #expect(try system.expectMeter("securemesh_server_members").lastValue == 3)
        #expect(try system.expectCounter("securemesh_server_datagrams_received_total").totalValue == 9)
        #expect(try system.expectCounter("securemesh_server_datagrams_sent_total").totalValue == 4)
        func counter(_ label: String, _ reason: String) throws -> Int64 {
            try system.expectCounter("securemesh_server_\(label)", [("reason", reason)]).totalValue
        }
        #expect(try counter("datagrams_refused_total", "unsupportedVersion") == 1)
        #expect(try counter("datagrams_lost_total", "receiveBufferFull") == 5)
    }

    @Test("every counter of an event is announced before it counts") func announced() throws {
        let member = Member(try Entry.sample(1))
        let address = member.address
        let server: [ServerEvent] = [
            .joined(member), .left(member, .tooOld), .turnedAway(name: member.name, publicKey: member.publicKey, .full),
            .suspected(3),
        ]
        for event in server { #expect(event.counter.map(ServerEvent.counters.contains) == true, "\(event)") }
        let peer: [PeerEvent] = [
            .joined(address: address), .connectionLost, .memberJoined(member),
            .memberRejoined(member, previousName: nil), .memberLeft(member, reason: .stopping), .dismissed(.stopping),
            .refused(.busy, retryAfter: .seconds(1)),
        ]
        for event in peer { #expect(event.counter.map(PeerEvent.counters.contains) == true, "\(event)") }
        #expect(ServerEvent.missed(1).counter == nil && PeerEvent.left.counter == nil)
    }
}
