import SecureMesh
import SelfTest
import Testing

/// Tests messages and events among members while their server is gone, and when a new directory replaces the old one
/// (PROTOCOL.md, sections 6.5, 6.8 and 7.1).
@Suite("Another directory") struct AnotherDirectoryTests {
    private let mesh = TestMesh()

    /// Counts the messages that peers send. Every 100 ms, each peer sends one message to the next peer.
    private struct Talk {
        var sent = 0
        var refused = 0

        mutating func go(_ mesh: TestMesh, _ peers: [VirtualPeer], for duration: Duration) {
            let end = mesh.now + duration
            while mesh.now < end {
                for (index, peer) in peers.enumerated() {
                    let other = peers[(index + 1) % peers.count]
                    do {
                        try mesh.send("hello", from: peer, to: other)
                        sent += 1
                    } catch {
                        refused += 1
                    }
                }
                mesh.run(for: .milliseconds(100))
            }
        }
    }

    private func received(_ peers: [VirtualPeer]) -> Int { peers.reduce(0) { $0 + $1.messages.count } }

    private func left(_ peer: VirtualPeer) -> Int {
        peer.count { if case .memberLeft = $0 { true } else { false } }
    }

    @Test(
        "after a stop or a crash of the server all messages flow until trust ends, and nobody is reported as gone",
        arguments: [true, false])
    func absent(isClean: Bool) throws {
        let mesh = TestMesh { $0.trust = .seconds(20) }
        let peers = try mesh.join(8)
        mesh.run(for: .seconds(1))
        if isClean { mesh.stopServer() } else { mesh.killServer() }
        var talk = Talk()
        talk.go(mesh, peers, for: .seconds(18))
        #expect(talk.refused == 0)
        #expect(received(peers) == talk.sent)
        mesh.run(for: .seconds(5))
        talk = Talk()
        talk.go(mesh, peers, for: .seconds(1))
        #expect(talk.sent == 0)
        for peer in peers {
            #expect(left(peer) == 0 && peer.joins == 1)
            #expect(peer.machine.members.count == 7)
            #expect(!peer.machine.isTrusted(mesh.now))
        }
    }

    @Test(
        "a server that stops or is killed, and starts again, interrupts no messages, and members that come back rejoin",
        arguments: [true, false])
    func restarted(isClean: Bool) throws {
        let peers = try mesh.join(12)
        mesh.run(for: .seconds(1))
        var talk = Talk()
        talk.go(mesh, peers, for: .seconds(1))
        if isClean { mesh.stopServer() } else { mesh.killServer() }
        talk.go(mesh, peers, for: .seconds(5))
        mesh.startServer()
        talk.go(mesh, peers, for: .seconds(30))
        #expect(mesh.hasConverged)
        mesh.run(for: .seconds(1))
        #expect(talk.refused == 0)
        #expect(received(peers) == talk.sent)
        for peer in peers {
            #expect(left(peer) == 0)
            #expect(peer.count { if case .memberJoined = $0 { true } else { false } } == 11)
            #expect(peer.count { if case .memberRejoined = $0 { true } else { false } } == 11)
        }
    }

    @Test("a peer that joined a restarted server counted as one that may send, although messages were refused")
    func maySendToNewMembers() throws {
        let peers = try mesh.join(4)
        let peer = peers[0]
        mesh.run(for: .seconds(1))
        mesh.stopServer()
        mesh.run(for: .milliseconds(500))
        #expect(peer.machine.maySend(mesh.now) && !peer.machine.maySpeak(mesh.now))
        mesh.startServer()
        var pending = 0
        let isReady = mesh.run(atMost: .seconds(10)) { [mesh] in
            let (maySpeak, maySend) = (peer.machine.maySpeak(mesh.now), peer.machine.maySend(mesh.now))
            guard peer.machine.session != nil, !maySpeak else { return maySpeak }
            pending += 1
            #expect(!maySend)
            return false
        }
        #expect(isReady && pending > 0)
    }

    @Test("a peer that joins a restarted server twice still talks with members that are not back yet")
    func joinedTwice() throws {
        let peers = try mesh.join(4)
        mesh.run(for: .seconds(1))
        let absent = peers[3].address
        mesh.drop(.hello) { $0.source == absent }
        mesh.killServer()
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(10)) { peers[..<3].allSatisfy { $0.joins == 2 } })
        let (own, silentUntil) = (peers[0].address, mesh.now + .seconds(3))
        mesh.drop(.pulse) { [unowned mesh] in $0.destination == own && mesh.now < silentUntil }
        #expect(mesh.run(atMost: .seconds(10)) { peers[0].joins == 3 })
        var talk = Talk()
        talk.go(mesh, [peers[0], peers[3]], for: .seconds(2))
        #expect(talk.refused == 0)
        #expect(received([peers[0], peers[3]]) == talk.sent)
    }

    @Test("two restarts of the server within seconds leave nothing of former sessions in a peer's tables")
    func restartedTwice() throws {
        let peers = try mesh.join(4)
        for _ in 0..<3 {
            mesh.run(for: .milliseconds(600))
            for peer in peers {
                _ = try mesh.with(peer) {
                    try $0.broadcast([1], acknowledgedWithin: .seconds(1), limit: 1, now: mesh.now)
                }
            }
            mesh.run(for: .milliseconds(200))
            mesh.killServer()
            mesh.startServer()
            #expect(mesh.run(atMost: .seconds(20)) { mesh.hasConverged })
        }
        mesh.run(for: .seconds(30))
        for peer in peers {
            for table in ["numbered senders", "send buckets"] {
                let count = peer.machine.usages.first { $0.name == table }?.count
                #expect(try #require(count) <= 3, "\(table)")
            }
        }
    }

    @Test("a member that does not come back to a restarted server is reported as gone 15 s later, others are not")
    func missing() throws {
        let peers = try mesh.join(6)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.kill(peers[0])
        mesh.pause(peers[1])
        mesh.startServer()
        let started = mesh.now
        mesh.run(for: .seconds(10))
        for peer in peers[2...] {
            #expect(left(peer) == 0 && peer.machine.members.count == 5)
        }
        mesh.resume(peers[1])
        mesh.run(for: ProtocolConstants.returnPeriod + .seconds(3))
        #expect(mesh.hasConverged)
        for peer in peers[2...] {
            let gone = peer.events.filter { if case .memberLeft = $0.event { true } else { false } }
            #expect(gone.count == 1)
            let event = try #require(gone.first)
            #expect(event.at - started >= ProtocolConstants.returnPeriod)
            guard case .memberLeft(let member, let reason) = event.event else { continue }
            #expect(member.publicKey == peers[0].publicKey && reason == .stopping)
        }
    }

    @Test("a member that is revoked while its server is away is trusted no longer than before") func revoked() throws {
        let mesh = TestMesh { $0.trust = .seconds(4) }
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        mesh.run(for: .seconds(2))
        let listed = peers[1...].map { ($0.publicKey, $0.name) }
        mesh.setRoster(Roster(authorized: Dictionary(uniqueKeysWithValues: listed)))
        mesh.state.invariants.revoked(peers[0].identity, now: mesh.now)
        mesh.startServer()
        mesh.run(for: .seconds(4))
        #expect(!peers[1].machine.trusts(peers[0].publicKey, mesh.now))
        #expect(throws: SendError.self) { try mesh.send("x", from: peers[1], to: peers[0]) }
    }

    @Test("a member that is revoked while its server is away is not trusted longer if the server restarts again")
    func revokedTwice() throws {
        let mesh = TestMesh { $0.trust = .seconds(20) }
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        mesh.killServer()
        let listed = peers[1...].map { ($0.publicKey, $0.name) }
        mesh.setRoster(Roster(authorized: Dictionary(uniqueKeysWithValues: listed)))
        mesh.state.invariants.revoked(peers[0].identity, now: mesh.now)
        mesh.startServer()
        mesh.run(for: .seconds(8))
        mesh.killServer()
        mesh.startServer()
        mesh.run(for: .seconds(4))
        #expect(peers[1].machine.members.contains { $0.publicKey == peers[0].publicKey })
        #expect(!peers[1].machine.trusts(peers[0].publicKey, mesh.now))
        #expect(throws: SendError.self) { try mesh.send("x", from: peers[1], to: peers[0]) }
    }

    @Test("two restarts in a row, and a server that goes before its directory is held, lose no member")
    func twice() throws {
        let peers = try mesh.join(10)
        mesh.run(for: .seconds(31))
        for gap: Int64 in [3_000, 600, 4_000] {
            mesh.killServer()
            mesh.run(for: .milliseconds(200))
            mesh.startServer()
            mesh.run(for: .milliseconds(gap))
        }
        mesh.run(for: .seconds(60))
        #expect(mesh.hasConverged)
        for peer in peers { #expect(left(peer) == 0) }
    }
}
