internal import MeshSimulator
internal import SecureMesh
internal import SelfTest
internal import Testing

/// Tests that keys are wiped as soon as they are no longer needed.
@Suite("The lifetime of secrets") struct SecretLifetimeTests {
    @Test("a peer wipes e_p and the keys of a session when the session has been replaced")
    func replacedSession() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        try mesh.broadcast("so that keys of messages exist", from: peers[0])
        mesh.run(for: .seconds(1))
        let secrets = SecretReferences(in: peers[1].machine)
        #expect(secrets.count > 4 && secrets.areAllAlive)
        mesh.killServer()
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(10)) { peers.allSatisfy { $0.joins == 2 } })
        // Messages to the replaced session can still be opened.
        #expect(!secrets.areAllWiped)
        mesh.run(for: ProtocolConstants.pairLingering * 2)
        #expect(secrets.areAllWiped)
    }

    @Test("a peer that has left, and one that is revoked, have wiped all secrets of their sessions")
    func endedMembership() throws {
        let mesh = TestMesh { $0.roster = Roster(authorized: [:]) }
        let keys = (0..<2).map { _ in mesh.makeKey() }
        let roster = try keys.enumerated().map { ($1.publicKey, try PeerName("peer-\($0)")) }
        mesh.setRoster(Roster(authorized: Dictionary(uniqueKeysWithValues: roster)))
        let peers = try keys.enumerated().map { try mesh.addPeer("peer-\($0)", key: $1) }
        #expect(mesh.run(atMost: .seconds(5)) { mesh.hasConverged })
        let secrets = peers.map { SecretReferences(in: $0.machine) }
        #expect(secrets.allSatisfy { $0.count > 2 })
        mesh.leave(0)
        mesh.setRoster(Roster(authorized: [:]))
        mesh.run(for: .seconds(10))
        #expect(secrets.allSatisfy { $0.areAllWiped })
    }

    @Test("a peer wipes the e_p of its oldest attempt to join when it makes a third one") func oldestAttempt() throws {
        let mesh = TestMesh()
        mesh.killServer()
        let peer = try mesh.addPeer("a")
        mesh.run(for: .seconds(1))
        let secrets = SecretReferences(in: peer.machine)
        #expect(secrets.count > 0)
        mesh.run(for: .seconds(2))
        #expect(secrets.areAllAlive)
        mesh.run(for: .seconds(2))
        #expect(secrets.areAllWiped)
    }
}
