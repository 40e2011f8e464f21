import SecureMesh
import SelfTest
import Testing

/// Tests a running mesh with flipped bits. Before the first datagram of each kind arrives, its receiver gets copies of
/// that datagram: one copy for each bit, with that bit flipped.
@Suite("Bit flips in a mesh")
struct BitFlipMeshTests {
    @Test(
        "no single-bit flip of any kind, sent from the right address ahead of the datagram, changes anything"
    )
    func overtaken() throws {
        let mesh = TestMesh { $0.kept = KeptDirectory() }
        let seen = Overtaker(mesh)
        let peers = try (0..<2).map { try mesh.addPeer("peer-\($0)") }
        // The flipped copies use up attempts and tickets, so a peer needs more than one attempt to join.
        #expect(mesh.run(atMost: .seconds(30)) { mesh.hasConverged })
        #expect(mesh.members.count == 2)

        try mesh.broadcast("once", from: peers[0])
        mesh.run(for: .seconds(2))
        #expect(peers[1].messages.map { String(decoding: $0.body, as: UTF8.self) } == ["once"])

        // This restart causes a RESUME to each member. The flipped copies use up the rate limit for RESUMEs, so one
        // member joins again.
        mesh.killServer()
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(10)) { mesh.hasConverged })

        let others = Dictionary(uniqueKeysWithValues: peers.map { ($0.publicKey, $0.name) })
        let third = try mesh.addPeer("third")
        #expect(mesh.run(atMost: .seconds(10)) { mesh.hasConverged })
        // Removing `third` from the roster causes a GOODBYE. The step after this one causes a LEAVE.
        mesh.setRoster(Roster(authorized: others))
        mesh.run(for: .seconds(1))
        #expect(third.has(.ended(.revoked)))
        #expect(mesh.members.count == 2 && peers.allSatisfy { $0.departures.isEmpty })
        mesh.with(peers[0]) { $0.leave(now: mesh.now) }
        mesh.run(for: .milliseconds(200))
        #expect(mesh.departures(of: peers[0]) == [.replaced, .left])

        // The key of `third` was revoked, so this restart causes a REJECT. The step after this one causes a RETRY.
        mesh.restart(third)
        #expect(mesh.run(atMost: .seconds(10)) { third.has(.ended(.notAuthorized)) })
        mesh.setRoster(.open)
        mesh.exhaustBudget()
        mesh.restart(third)
        #expect(mesh.run(atMost: .seconds(30)) { mesh.isMember(third) })
        // No message here asks for an ACK. `AcknowledgmentTests` flips the bits of an ACK.
        #expect(seen.kinds == Set(Kind.allCases).subtracting([.ack]))
        #expect(mesh.registry?.rejections[.memberMisbehaved] == 0)
    }

    /// Sends the copies with flipped bits. They arrive before the first datagram of their kind.
    private final class Overtaker {
        private(set) var kinds: Set<Kind> = []

        init(_ mesh: TestMesh) {
            mesh.rules.append { [unowned self, unowned mesh] flight in
                guard let kind = flight.kind, kinds.insert(kind).inserted else { return nil }
                for bit in 0..<(flight.bytes.count * 8) {
                    mesh.inject(flight.bytes.flipping(bit: bit), from: flight.source, to: flight.destination)
                }
                return nil
            }
        }
    }
}
