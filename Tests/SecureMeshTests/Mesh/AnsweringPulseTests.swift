import SecureMesh
import SelfTest
import Testing

/// Tests the PULSEs that the server sends because a heartbeat asks for one (PROTOCOL.md, section 6.1).
@Suite("Answering PULSEs") struct AnsweringPulseTests {
    private let mesh = TestMesh()

    @Test("a peer that missed a PULSE gets one as soon as its next heartbeat arrives, and no other peer gets one")
    func missed() throws {
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(2))
        let pulses = mesh.sent(.pulse).count
        #expect(mesh.run(atMost: .seconds(1)) { mesh.sent(.pulse).count > pulses })
        mesh.run(for: .milliseconds(490))
        mesh.drop(.pulse, count: 1) { $0.destination == peers[0].address }
        mesh.run(for: .milliseconds(20))
        let start = mesh.flights.count
        #expect(mesh.run(atMost: .milliseconds(480)) { mesh.flights[start...].contains { $0.kind == .pulse } })
        let answer = try #require(mesh.flights[start...].first { $0.kind == .pulse })
        #expect(answer.destination == peers[0].address)
        let heartbeat = try #require(mesh.sent(.heartbeat, from: peers[0].address).last)
        #expect(answer.sentAt == heartbeat.sentAt + mesh.latency)
    }

    @Test(
        "at rest the server sends each member one PULSE per interval, and at most one more if the round trip is long",
        arguments: [(latency: 1, answers: 0), (30, 20), (120, 80), (200, 200)])
    func rest(latency: Int, answers: Int) throws {
        mesh.latency = .milliseconds(latency)
        for name in ["a", "b", "c", "d", "e"] {
            try mesh.addPeer(name)
            mesh.run(for: .milliseconds(170))
        }
        mesh.run(for: .seconds(5))
        let pulses = mesh.sent(.pulse).count
        mesh.run(for: .seconds(20))
        #expect((0...answers).contains(mesh.sent(.pulse).count - pulses - 5 * 40))
    }

    @Test("a member that asks for PULSEs again and again is answered four times at once and eight times per second")
    func greed() throws {
        let hand = try ScriptedMember("hand", at: TestMesh.address(99), in: mesh)
        try hand.join()
        mesh.run(for: .seconds(1))
        mesh.drop(.pulse)
        let first = try hand.heartbeat()
        hand.inject(first)
        hand.peer.token = 1
        let start = mesh.now
        let pulses = mesh.sent(.pulse).count
        for _ in 0..<50 {
            hand.peer.advance()
            hand.inject(try hand.heartbeat())
            mesh.run(for: .milliseconds(100))
        }
        // In addition to the answers, the server sends every member two PULSEs per second. `hand` has expired by the
        // end.
        let answers = mesh.sent(.pulse).count - pulses
        let seconds = Int((mesh.now - start) / .seconds(1))
        #expect(answers > 8)
        #expect(answers <= 4 + (8 + 2) * seconds)
    }

    @Test("a newcomer that hears no PULSE for most of a lifetime gets PULSEs of its own in time, and stays a member")
    func silentNewcomer() throws {
        _ = try mesh.join(3)
        mesh.run(for: .seconds(2))
        let peer = try mesh.addPeer("newcomer")
        #expect(mesh.run(atMost: .milliseconds(100)) { mesh.isMember(peer) })
        let joined = mesh.now
        let isItsPulse = { (flight: Flight) in flight.kind == .pulse && flight.destination == peer.address }
        mesh.rules = [{ isItsPulse($0) && $0.sentAt - joined < .milliseconds(1_200) ? .drop : nil }]
        let start = mesh.flights.count
        mesh.run(for: .milliseconds(1_200))
        // At most three of these PULSEs are periodic. The newcomer's CONFIRMs do not ask for PULSEs.
        #expect(mesh.flights[start...].count(where: isItsPulse) >= 6)
        mesh.run(for: .seconds(3))
        #expect(mesh.departures(of: peer).isEmpty && peer.joins == 1)
    }

    @Test("if many members are silent at once, none of them gets PULSEs of its own") func manySilent() throws {
        let peers = try mesh.join(20)
        mesh.run(for: .seconds(2))
        for peer in peers { mesh.kill(peer) }
        let pulses = mesh.sent(.pulse).count
        mesh.run(for: .milliseconds(1_500))
        // Each member was sent at most three PULSEs, which are the periodic ones.
        #expect(mesh.sent(.pulse).count - pulses <= 20 * 3)
    }
}
