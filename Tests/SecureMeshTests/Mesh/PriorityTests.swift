import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the priorities of the datagrams that a server and a peer send. A socket whose send buffer fills drops answers
/// to strangers first, then messages, and never datagrams of sessions.
@Suite("Priorities") struct PriorityTests {
    private func transmits<Machine: MeshMachine>(_ machine: inout Machine) -> [Transmit] {
        var result: [Transmit] = []
        while let output = machine.pollOutput() {
            if case .transmit(let transmit) = output { result.append(transmit) }
        }
        return result
    }

    private func kinds(_ transmits: [Transmit], _ priority: Transmit.Priority) -> Set<Kind> {
        Set(transmits.filter { $0.priority == priority }.compactMap { Kind(rawValue: $0.bytes[1]) })
    }

    @Test("RETRY, WELCOME and REJECT have the priority of answers", arguments: [Kind.retry, .welcome, .reject])
    func answers(_ kind: Kind) throws {
        let mesh = TestMesh { if kind == .reject { $0.roster = Roster(authorized: [:]) } }
        if kind == .retry {
            mesh.exhaustBudget()
            mesh.run(for: mesh.latency)
        }
        let hand = try ScriptedMember("hand", in: mesh)
        var registry = try #require(mesh.registry)
        registry.handle(hand.hello().span, path: Path(remote: .place), now: mesh.now)
        let sent = transmits(&registry)
        #expect(sent.count == 1 && kinds(sent, .answer) == [kind])
    }

    @Test("what a server sends to a member has the priority of sessions") func sessions() throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", in: mesh)
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        var registry = try #require(mesh.registry)
        registry.handle(confirm.span, path: Path(remote: .place), now: mesh.now)
        let sent = transmits(&registry)
        #expect(kinds(sent, .session).isSuperset(of: [.pulse, .snapshot]))
        #expect(kinds(sent, .answer).isEmpty && kinds(sent, .message).isEmpty)
    }

    @Test("a MESSAGE and an ACK have the priority of messages, a heartbeat that of sessions") func messages() throws {
        let mesh = ScriptedMesh(seed: 8)
        var (a, b) = (try mesh.peer("a"), try mesh.peer("b"))
        try mesh.introduce(&a, &b)
        _ = (transmits(&a.machine), transmits(&b.machine))
        _ = try b.machine.send(
            [1], to: a.key.publicKey, acknowledgedWithin: .seconds(1), limit: PeerMessage.ordinaryBody, now: mesh.now)
        let sent = transmits(&b.machine)
        #expect(sent.count == 1 && kinds(sent, .message) == [.message])
        mesh.hand(try #require(sent.first).bytes, to: &a, from: b.address)
        let acknowledgments = transmits(&a.machine)
        #expect(acknowledgments.count == 1 && kinds(acknowledgments, .message) == [.ack])
        mesh.now = mesh.now + ProtocolConstants.heartbeatInterval * 2
        a.machine.handleTimeout(now: mesh.now)
        #expect(kinds(transmits(&a.machine), .session).contains(.heartbeat))
    }
}
