import SecureMesh
import SelfTest
import Testing

/// Tests calls that a driver repeats, or makes too early or too late. They must change nothing.
@Suite("Spurious calls") struct SpuriousCallTests {
    private let mesh = TestMesh()

    @Test("a peer that has ended does nothing, whatever is called") func ended() throws {
        let peers = try mesh.join(2)
        mesh.with(peers[0]) { $0.leave(now: mesh.now) }
        let pulse = try #require(mesh.sent(.pulse, to: peers[0].address).last)
        // While the peer sends its LEAVEs, these calls must not start the sequence again, and must not send a LEAVE
        // early.
        let leaves = mesh.sent(.leave).count
        mesh.with(peers[0]) {
            $0.leave(now: mesh.now)
            $0.handleTimeout(now: mesh.now)
            $0.handle(pulse.bytes.span, path: Path(remote: TestMesh.server), now: mesh.now)
        }
        #expect(mesh.sent(.leave).count == leaves)
        mesh.run(for: .seconds(1))
        try #require(peers[0].has(.left))

        let events = peers[0].events.count
        let sent = mesh.sent(.leave).count
        mesh.with(peers[0]) {
            $0.leave(now: mesh.now)
            $0.handleTimeout(now: mesh.now)
            $0.handleDrained(now: mesh.now)
            $0.handle(pulse.bytes.span, path: Path(remote: TestMesh.server), now: mesh.now)
        }
        #expect(throws: SendError.notJoined) { try mesh.broadcast("after the end", from: peers[0]) }
        #expect(peers[0].events.count == events && mesh.sent(.leave).count == sent)
        #expect(peers[0].machine.nextDeadline == nil)
        #expect(peers[0].machine.rejections.total == 0)
    }

    @Test("a peer that has not joined leaves without a LEAVE") func leavesEarly() throws {
        mesh.killServer()
        let peer = try mesh.addPeer("early")
        mesh.with(peer) { $0.leave(now: mesh.now) }
        #expect(peer.has(.left))
        #expect(mesh.sent(.leave).isEmpty)
    }

    @Test("a replaced sender is refused after 5 s even if no timer ran") func lateTimer() throws {
        let peers = try mesh.join(2)
        try mesh.broadcast("first", from: peers[0])
        mesh.run(for: .milliseconds(10))
        mesh.drop(.message)
        try mesh.broadcast("late", from: peers[0])
        let late = try #require(mesh.sent(.message).last)
        mesh.restart(peers[0])
        mesh.run(for: .milliseconds(100))
        try #require(mesh.departures(of: peers[0]) == [.replaced])
        mesh.with(peers[1]) {
            let now = mesh.now + ProtocolConstants.pairLingering
            $0.handle(late.bytes.span, path: Path(remote: peers[0].address), now: now)
        }
        #expect(peers[1].messages.count == 1)
        #expect(peers[1].machine.rejections[.unknownSender] == 1)
    }

    @Test("removing an unknown session changes nothing, and an unknown version has no SNAPSHOT") func absent() throws {
        var directory = Directory()
        let (entry, absent) = (try Entry.sample(1), try Entry.sample(2))
        directory.insert(entry)
        directory.remove(absent.session)
        #expect(directory.inOrder == [entry])
        #expect(!directory.wasRemoved(absent.session))

        var log = DirectoryLog(id: 1, now: at(0))
        #expect(log.partCount(of: 7) == 0)
        let parts = log.parts(of: 7, from: 0, limit: 4) { _ in
            Issue.record("signed a snapshot that does not exist")
            return Signer(key: Fixture.serverKey, context: Fixture.context, from: Fixture.epoch)
                .sign(.leave, Leave(number: 1))
        }
        #expect(parts.isEmpty)
    }

    @Test("a session that ends twice is recorded once") func endsTwice() throws {
        var recent = RecentSessions()
        let sessions = try (1...UInt64(Limits.removedSessions)).map(Fixture.session)
        for session in sessions { recent.insert(session) }
        recent.insert(sessions[0])
        #expect(recent.contains(sessions[0]))
        recent.insert(try Fixture.session(.max))
        #expect(!recent.contains(sessions[0]) && recent.contains(sessions[1]))
    }
}
