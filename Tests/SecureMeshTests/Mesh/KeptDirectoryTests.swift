import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests a server that keeps its directory across a restart (PROTOCOL.md, section 5.10).
@Suite("A kept directory") struct KeptDirectoryTests {
    private let mesh = TestMesh { $0.kept = KeptDirectory() }

    private func events(_ peer: TestPeer) -> [PeerEvent] {
        peer.events.map(\.event).filter { if case .message = $0 { false } else { true } }
    }

    /// Stops or kills the server and starts it again.
    private func restart(isClean: Bool = false, after pause: Duration = .milliseconds(200)) {
        if isClean { mesh.stopServer() } else { mesh.killServer() }
        mesh.run(for: pause)
        mesh.startServer()
    }

    private func kinds(since count: Int) -> Set<Kind> { Set(mesh.flights[count...].compactMap(\.kind)) }

    @Test(
        "no peer notices a restart of the server: each keeps its session without an event, and nobody is listed again",
        arguments: [true, false])
    func unnoticed(isClean: Bool) throws {
        let peers = try mesh.join(12)
        mesh.run(for: .seconds(1))
        let before = peers.map { ($0.machine.session, $0.machine.version, $0.machine.epoch, events($0).count) }
        let count = mesh.flights.count
        restart(isClean: isClean)
        #expect(mesh.run(atMost: .seconds(1)) { mesh.hasConverged })
        mesh.run(for: .seconds(30))
        #expect(mesh.hasConverged)
        for (peer, old) in zip(peers, before) {
            #expect(peer.machine.session == old.0 && peer.machine.version == old.1 && peer.machine.epoch != old.2)
            #expect(events(peer).count == old.3)
        }
        #expect(kinds(since: count) == [.resume, .confirm, .pulse, .heartbeat])
        #expect(mesh.sent(.resume).count == 12)
    }

    @Test("while a server is away and when it is back, all messages arrive", arguments: [true, false])
    func talking(isClean: Bool) throws {
        let peers = try mesh.join(6)
        mesh.run(for: .seconds(1))
        var sent = 0
        for second in 0..<20 {
            if second == 3 { if isClean { mesh.stopServer() } else { mesh.killServer() } }
            if second == 12 { mesh.startServer() }
            for peer in peers { sent += try mesh.broadcast("\(second)", from: peer) }
            mesh.run(for: .seconds(1))
        }
        #expect(peers.reduce(0) { $0 + $1.messages.count } == sent)
        #expect(mesh.hasConverged)
        for peer in peers {
            #expect(peer.joins == 1)
            #expect(peer.count { if case .connectionRecovered = $0 { true } else { false } } == 1)
            #expect(peer.count { if case .memberRejoined = $0 { true } else { false } } == 0)
        }
    }

    @Test("15 s after the restart, only the members that died with the server are removed as expired")
    func died() throws {
        let peers = try mesh.join(6)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.kill(peers[0])
        mesh.startServer()
        mesh.run(for: .seconds(14))
        #expect(peers[1...].allSatisfy { $0.machine.members.count == 5 })
        mesh.run(for: .seconds(3))
        #expect(mesh.hasConverged && mesh.members.count == 5)
        #expect(mesh.departures(of: peers[0]) == [.expired])
        for peer in peers[1...] {
            let gone = peer.events.compactMap { event -> Departure? in
                if case .memberLeft(let member, let reason) = event.event, member.publicKey == peers[0].publicKey {
                    reason
                } else {
                    nil
                }
            }
            #expect(gone == [.expired])
        }
    }

    @Test("a peer that was restarted together with the server joins again under the same key, at once")
    func restartedPeer() throws {
        let peers = try mesh.join(4)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.kill(peers[0])
        mesh.startServer()
        mesh.restart(peers[0])
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        #expect(mesh.departures(of: peers[0]).last == .replaced)
        #expect(peers[1...].allSatisfy { $0.joins == 1 })
    }

    @Test("a key that was revoked while the server was away is removed at once, and its peer is not resumed")
    func revoked() throws {
        let peers = try mesh.join(4)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        let allowed = Dictionary(uniqueKeysWithValues: peers[1...].map { ($0.publicKey, $0.name) })
        mesh.state.configuration.roster = Roster(authorized: allowed)
        mesh.startServer()
        mesh.run(for: .seconds(2))
        #expect(mesh.members.count == 3)
        #expect(peers[1...].allSatisfy { $0.machine.members.count == 2 && $0.joins == 1 })
        #expect(mesh.sent(.resume).allSatisfy { $0.destination != peers[0].address })
    }

    @Test("RESUME and CONFIRM are repeated when they are lost", arguments: [Kind.resume, .confirm, .pulse])
    func lost(kind: Kind) throws {
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.startServer()
        mesh.drop(kind, count: 6)
        #expect(mesh.run(atMost: .seconds(5)) { mesh.hasConverged })
        #expect(peers.allSatisfy { $0.joins == 1 })
    }

    @Test("members that have not come back yet count as late")
    func late() throws {
        _ = try mesh.join(3)
        mesh.run(for: .seconds(1))
        mesh.drop(.resume, count: 3)
        restart()
        mesh.run(for: .milliseconds(100))
        #expect(mesh.registry?.lateCount == 3)
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        mesh.run(for: .seconds(2))
        #expect(mesh.registry?.lateCount == 0)
    }

    @Test("an old copy of the directory gives all members a SNAPSHOT, and nobody is reported as gone")
    func oldCopy() throws {
        let peers = try mesh.join(5)
        mesh.run(for: .seconds(1))
        let copy = mesh.state.configuration.kept
        let late = try mesh.addPeer("late")
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        mesh.run(for: .seconds(5))
        mesh.killServer()
        mesh.state.configuration.kept = copy
        // The PULSEs of this server differ from the directory of its members.
        mesh.state.invariants.isClose = false
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(20)) { mesh.hasConverged })
        #expect(mesh.members.count == 6)
        for peer in peers {
            #expect(peer.joins == 1)
            #expect(peer.machine.members.contains { $0.publicKey == late.publicKey })
            #expect(peer.count { if case .memberLeft = $0 { true } else { false } } == 0)
        }
    }

    @Test("ten restarts within seconds end no session, and never use a key and a nonce twice")
    func manyRestarts() throws {
        let peers = try mesh.join(5)
        for round in 0..<10 {
            mesh.run(for: .milliseconds(300 + 150 * round))
            restart(isClean: round % 2 == 0)
        }
        #expect(mesh.run(atMost: .seconds(5)) { mesh.hasConverged })
        #expect(mesh.failure == nil)
        #expect(peers.allSatisfy { $0.joins == 1 })
    }

    @Test("a RESUME of an earlier restart, held back by an attacker, does not bring back its keys")
    func heldBack() throws {
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(1))
        var held: Flight?
        mesh.rules.append { flight in
            guard held == nil, flight.kind == .resume, flight.destination == peers[0].address else { return nil }
            held = flight
            return .drop
        }
        restart()
        mesh.run(for: .milliseconds(100))
        restart()
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        let epoch = peers[0].machine.epoch
        mesh.replay(try #require(held), from: TestMesh.server)
        mesh.run(for: .seconds(1))
        #expect(peers[0].machine.rejections[.numberStale] == 1)
        #expect(peers[0].machine.epoch == epoch && mesh.hasConverged)
    }

    @Test("a peer refuses RESUMEs with a wrong seal, and computes only a few shared secrets for them")
    func garbage() throws {
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(1))
        restart()
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        mesh.run(for: .seconds(5))
        let resume = try #require(mesh.sent(.resume).last { $0.destination == peers[0].address })
        for number in 0..<50 {
            var bytes = resume.bytes.replacing(at: 12, with: [UInt8](bigEndian: UInt64(number + 1)))
            bytes[171] ^= 1
            mesh.inject(bytes, from: number < 25 ? peers[1].address : TestMesh.server, to: peers[0].address)
        }
        mesh.run(for: .milliseconds(20))
        #expect(peers[0].machine.rejections[.sourceMismatch] == 25)
        #expect(peers[0].machine.rejections[.sealBroken] == 4)
        #expect(peers[0].machine.rejections[.tooManyFailedAnswers] == 21)
        mesh.run(for: .seconds(3))
        restart()
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        #expect(peers[0].joins == 1)
    }

    @Test("a server that is paused right after its start for longer than members may take to resume removes nobody")
    func paused() throws {
        let peers = try mesh.join(5)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.startServer()
        mesh.run(for: .milliseconds(1))
        mesh.pauseServer()
        mesh.run(for: .seconds(20))
        mesh.resumeServer()
        mesh.run(for: .seconds(3))
        #expect(mesh.hasConverged && peers.allSatisfy { !mesh.departures(of: $0).contains(.expired) })
        #expect(peers.allSatisfy { $0.count { if case .memberLeft = $0 { true } else { false } } == 0 })
    }

    @Test("a server publishes the changes that wait before it stops, so that no member that has left is resumed")
    func stopsWithChanges() throws {
        let peers = try mesh.join(30)
        mesh.run(for: .seconds(1))
        for peer in peers[..<20] { mesh.leave(peers.firstIndex { $0 === peer } ?? 0) }
        mesh.run(for: .milliseconds(6))
        mesh.stopServer()
        mesh.run(for: .milliseconds(50))
        mesh.startServer()
        mesh.run(for: .seconds(2))
        #expect(mesh.hasConverged && mesh.members.count == 10)
        #expect(peers[20...].allSatisfy { $0.joins == 1 && $0.machine.members.count == 9 })
    }

    @Test("a server that starts with other intervals gives them to the members that it has kept")
    func otherIntervals() throws {
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.state.configuration.heartbeatInterval = .milliseconds(200)
        mesh.state.configuration.lifetime = .milliseconds(600)
        mesh.startServer()
        mesh.run(for: .seconds(2))
        let count = mesh.flights.count
        mesh.run(for: .seconds(10))
        #expect(mesh.hasConverged && peers.allSatisfy { $0.joins == 1 })
        #expect(mesh.flights[count...].count { $0.kind == .heartbeat } >= 3 * 40)
    }
}
