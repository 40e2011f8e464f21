import SecureMesh
import SelfTest
import Testing

/// Tests how peers join, and how they recover from lost datagrams while they join (PROTOCOL.md, section 5).
@Suite("Joining") struct JoiningTests {
    private let mesh = TestMesh()

    @Test("a peer alone joins and holds a directory of itself") func alone() throws {
        let peer = try mesh.addPeer("alone")
        mesh.run(for: .seconds(1))
        #expect(mesh.hasConverged)
        #expect(mesh.members.map(\.name) == [peer.name])
        #expect(peer.machine.members.isEmpty)
        #expect(peer.events.map(\.event) == [.joined(address: peer.address)])
        #expect(mesh.sent(.hello).count == 1)
        #expect(peer.machine.rejections.total == 0)
        #expect(mesh.registry?.rejections.total == 0)
    }

    @Test("two peers join and list each other") func two() throws {
        let peers = try mesh.join(2)
        #expect(peers[0].machine.members.map(\.publicKey) == [peers[1].publicKey])
        #expect(peers[1].machine.members.map(\.publicKey) == [peers[0].publicKey])
        #expect(peers[0].count { if case .memberJoined = $0 { true } else { false } } == 1)
    }

    @Test("thirty peers join at once and hold equal directories") func many() throws {
        let peers = try mesh.join(30)
        mesh.run(for: .seconds(3))
        #expect(mesh.hasConverged)
        #expect(peers.allSatisfy { $0.joins == 1 && $0.count { $0 == .connectionLost } == 0 })
    }

    @Test("a join takes two round trips") func quick() throws {
        let peer = try mesh.addPeer("quick")
        #expect(mesh.run(atMost: mesh.latency * 4) { peer.joins == 1 && peer.machine.version > 0 })
        #expect(peer.machine.maySpeak(mesh.now))
    }

    @Test("LEAVE ends a membership at once, even if two of three are lost") func leave() throws {
        let peers = try mesh.join(3)
        mesh.drop(.leave, count: 2)
        mesh.with(peers[0]) { $0.leave(now: mesh.now) }
        mesh.run(for: .milliseconds(200))
        #expect(peers[0].has(.left))
        #expect(peers[0].machine.nextDeadline == nil)
        #expect(mesh.sent(.leave).count == 3)
        #expect(mesh.departures(of: peers[0]) == [.left])
        #expect(peers[1].machine.members.map(\.publicKey) == [peers[2].publicKey])
        #expect(peers[1].count { if case .memberLeft(_, .left) = $0 { true } else { false } } == 1)
    }

    @Test("a server that stops sends GOODBYE, and the peers join the next server at once") func stopping() throws {
        let peers = try mesh.join(3)
        mesh.stopServer()
        mesh.run(for: .milliseconds(10))
        #expect(peers.allSatisfy { $0.departures == [.stopping] })
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(1)) { mesh.hasConverged })
    }

    @Test(
        "a peer joins within a second if a handshake datagram is lost, and within 1.5 s if two are",
        arguments: [Kind.hello, .welcome, .confirm, .pulse, .snapshot], [1, 2])
    func loss(of kind: Kind, times: Int) throws {
        try mesh.addPeer("unlucky")
        mesh.drop(kind, count: times)
        // If the SNAPSHOT is lost, a heartbeat requests it again. In each interval, the heartbeat follows the PULSE.
        #expect(mesh.run(atMost: .milliseconds(times == 1 ? 1_020 : 1_520)) { mesh.hasConverged })
    }

    @Test("a peer that restarts replaces its session in one version of the directory") func replacement() throws {
        let peers = try mesh.join(2)
        let version = try #require(mesh.registry?.version)
        peers[1].events = []
        mesh.restart(peers[0])
        #expect(mesh.run(atMost: .seconds(1)) { mesh.hasConverged })
        #expect(mesh.registry?.version == version + 1)
        #expect(mesh.departures(of: peers[0]) == [.replaced])
        let seen = peers[1].events.map(\.event)
        #expect(seen.count == 1)
        if case .memberRejoined(let member, nil)? = seen.first { #expect(member.publicKey == peers[0].publicKey) }
    }

    @Test("of two processes with one key, the older is dismissed and waits for 60 s") func twoProcesses() throws {
        let older = try mesh.addPeer("shared")
        mesh.run(for: .seconds(2))
        let newer = try mesh.addPeer("shared", key: older.key)
        mesh.run(for: .seconds(1))
        #expect(older.departures == [.replaced])
        #expect(mesh.members.map(\.address) == [newer.address])
        let hellos = mesh.sent(.hello, from: older.address).count
        mesh.run(for: .seconds(58))
        #expect(mesh.sent(.hello, from: older.address).count == hellos)
        mesh.run(for: .seconds(2))
        #expect(mesh.members.map(\.address) == [older.address])
        #expect(newer.departures == [.replaced])
    }

    @Test("a HELLO is repeated byte for byte after 0.25 s and 0.75 s; new ones follow after growing gaps")
    func schedule() throws {
        mesh.killServer()
        let peer = try mesh.addPeer("patient")
        mesh.run(for: .seconds(60))
        let hellos = mesh.sent(.hello)
        let instants = hellos.map { $0.sentAt.nanoseconds / 1_000_000 }
        try #require(hellos.count > 7)
        #expect(Array(instants.prefix(4)) == [0, 250, 750, 1_750])
        #expect(Set(hellos.prefix(3).map(\.bytes)).count == 1)
        #expect(Set(hellos.map(\.bytes)).count == hellos.count - 2)
        let gaps = zip(hellos.dropFirst(3), hellos.dropFirst(4)).map { $1.sentAt - $0.sentAt }
        for (gap, nominal) in zip(gaps, [2, 4] + [Int](repeating: 8, count: gaps.count)) {
            #expect(gap >= .seconds(nominal) && gap <= .seconds(nominal) * 5 / 4)
        }
        #expect(peer.count { if case .unanswered = $0 { true } else { false } } == hellos.count - 3)
    }

    @Test("at most two attempts are outstanding: an answer to an older one is refused") func outstanding() throws {
        var welcomes: [[UInt8]] = []
        mesh.rules.append { flight in
            guard flight.kind == .welcome else { return nil }
            welcomes.append(flight.bytes)
            return .drop
        }
        let peer = try mesh.addPeer("slow")
        mesh.run(for: .milliseconds(4_500))
        #expect(Set(welcomes).count == 3)
        try mesh.inject(#require(welcomes.first), from: TestMesh.server, to: peer.address)
        mesh.run(for: .milliseconds(1))
        #expect(peer.machine.rejections[.unknownTag] == 1)
        try mesh.inject(#require(welcomes.last), from: TestMesh.server, to: peer.address)
        #expect(mesh.run(atMost: .seconds(1)) { mesh.hasConverged })
    }

    @Test("a server with another key cannot open the HELLO and does not answer") func twin() throws {
        let peer = try mesh.addPeer("astray", servers: [mesh.makeKey().publicKey])
        mesh.run(for: .seconds(5))
        #expect(mesh.flights.allSatisfy { $0.source == peer.address })
        #expect(mesh.registry?.rejections[.sealBroken] == UInt64(mesh.sent(.hello).count))
        #expect(peer.joins == 0)
    }

    @Test("a peer with two pinned keys joins the server that has the second") func pinnedKeys() throws {
        let peer = try mesh.addPeer("movable", servers: [mesh.makeKey().publicKey, mesh.serverKey.publicKey])
        #expect(mesh.run(atMost: .seconds(2)) { peer.joins == 1 })
    }
}
