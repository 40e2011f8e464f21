import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests attacks on a session, from outside and by the member itself (docs/conformance.md, cases 25 to 35).
@Suite("Session attacks") struct SessionAttackTests {
    private let mesh = TestMesh()

    private func member() throws -> ScriptedMember {
        let hand = try ScriptedMember("hand", in: mesh)
        try hand.join()
        return hand
    }

    private func rejections(_ rejection: Rejection) -> UInt64 { mesh.registry?.rejections[rejection] ?? 0 }

    @Test("a counter 2,047 behind the newest is accepted once, one 2,048 behind is not") func windowEdges() throws {
        let hand = try member()
        hand.inject(try hand.heartbeat(counter: 3_000))
        let edge = try hand.heartbeat(counter: 3_000 - 2_047)
        hand.inject(edge)
        #expect(mesh.registry?.rejections.total == 0)
        hand.inject(edge)
        #expect(rejections(.counterReplayed) == 1)
        hand.inject(try hand.heartbeat(counter: 3_000 - 2_048))
        #expect(rejections(.counterTooOld) == 1)
        hand.inject(try hand.heartbeat(counter: 1))
        #expect(rejections(.counterTooOld) == 2)
        hand.inject(try hand.heartbeat(counter: 0))
        hand.inject(try hand.heartbeat(counter: 1 << 48))
        #expect(rejections(.counterOutOfRange) == 2)
        hand.inject(try hand.heartbeat(counter: 1 << 48 - 1))
        #expect(mesh.registry?.rejections.total == 5)
    }

    @Test("a broken seal leaves the window unchanged") func brokenSeal() throws {
        let hand = try member()
        let genuine = try hand.heartbeat()
        for offset in [30, 60, 133] {
            var broken = genuine
            broken[offset] ^= 1
            hand.inject(broken)
        }
        #expect(rejections(.sealBroken) == 3)
        hand.inject(genuine)
        #expect(mesh.registry?.rejections.total == 3)
        #expect(mesh.members.count == 1)
    }

    @Test("a wrong signature under an intact seal ends the session and bars the identity for 60 s")
    func misbehaved() throws {
        let witness = try mesh.join(1)[0]
        let hand = try member()
        mesh.run(for: .milliseconds(50))
        hand.inject(try hand.heartbeat(by: mesh.makeKey()))
        #expect(rejections(.memberMisbehaved) == 1)
        #expect(try hand.peer.open(Goodbye.self, hand.received(.goodbye)).reason == .misbehaved)
        mesh.run(for: .milliseconds(50))
        #expect(witness.machine.members.isEmpty)
        let reject = try hand.askForReject()
        #expect(reject.reason == .busy && reject.retrySeconds == 60)
        mesh.run(for: .seconds(60))
        try hand.join()
        #expect(mesh.members.count == 2)
    }

    @Test("a number that does not rise is refused, under a new counter too") func numbers() throws {
        let hand = try member()
        let first = try hand.heartbeat()
        hand.peer.number -= 1
        let again = try hand.heartbeat()
        hand.inject(first)
        hand.inject(again)
        #expect(rejections(.numberStale) == 1)
    }

    @Test("a member's datagram from another address is refused and moves nothing") func elsewhereSource() throws {
        let hand = try member()
        hand.inject(try hand.heartbeat(), from: .elsewhere)
        #expect(rejections(.sourceMismatch) == 1)
        #expect(mesh.members.map(\.address) == [.place])
    }

    @Test("a datagram reflected to its sender is refused") func reflection() throws {
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(1))
        try mesh.broadcast("hello", from: peers[0])
        let before = peers.map(\.machine.rejections.total)
        let sent = mesh.flights
        var toServer: UInt64 = 0
        for flight in sent {
            if flight.source == TestMesh.server {
                mesh.inject(flight.bytes, from: flight.destination)
                toServer += 1
            } else if flight.kind != .message {
                mesh.inject(flight.bytes, from: TestMesh.server, to: flight.source)
            } else {
                mesh.inject(flight.bytes, from: flight.destination, to: flight.source)
            }
        }
        let events = peers.map(\.events.count)
        let version = mesh.registry?.version
        mesh.run(for: .milliseconds(1))
        #expect(rejections(.misdirected) == toServer)
        for (index, peer) in peers.enumerated() {
            let own = sent.count { $0.source == peer.address }
            #expect(peer.machine.rejections.total == before[index] + UInt64(own))
            #expect(peer.events.count == events[index])
        }
        #expect(mesh.registry?.version == version)
    }

    @Test("hoarded heartbeats keep no peer listed beyond two lifetimes and a sweep") func hoarding() throws {
        let hand = try member()
        mesh.run(for: .seconds(1))
        let hoard = try (0..<40).map { _ in try hand.heartbeat() }
        for (index, heartbeat) in hoard.enumerated() {
            mesh.inject(heartbeat, from: .place, after: .milliseconds(250 * index))
        }
        let limit = ProtocolConstants.lifetime * 2 + ProtocolConstants.sweepInterval
        #expect(mesh.run(atMost: limit) { mesh.members.isEmpty })
        #expect(mesh.serverEvents.count == 2)
    }

    @Test("a member that does not receive is not kept listed by another member that passes PULSEs' tokens on")
    func accomplice() throws {
        let deaf = try member()
        let ears = try ScriptedMember("ears", at: SocketAddress(ip: .v4(0x0A02_0003), port: 5_000), in: mesh)
        try ears.join()
        mesh.run(for: .seconds(1))
        mesh.rules = [{ [address = deaf.address] in $0.destination == address ? .drop : nil }]
        let limit = ProtocolConstants.lifetime * 2 + ProtocolConstants.sweepInterval
        for _ in 0..<Int(limit.wholeNanoseconds / 250_000_000) {
            mesh.run(for: .milliseconds(250))
            ears.inject(try ears.heartbeat())
            deaf.peer.advance()
            let heartbeat = Heartbeat(number: deaf.peer.number, token: ears.peer.token, version: 0, part: 0)
            deaf.inject(try #require(deaf.peer.draft(.heartbeat, heartbeat)).bytes)
        }
        #expect(mesh.members.map(\.publicKey) == [ears.key.publicKey])
    }

    @Test("PULSEs delayed for 59 s prove nothing") func delayedPulses() throws {
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(2))
        let cut = mesh.now
        mesh.rules = [
            { flight in
                guard flight.destination == peers[0].address else { return nil }
                if flight.kind == .pulse { return .delay(.seconds(59)) }
                return flight.kind == .welcome || flight.kind == .goodbye ? .drop : nil
            }
        ]
        #expect(mesh.run(atMost: .milliseconds(1_510)) { peers[0].has(.connectionLost) })
        mesh.run(for: cut + .milliseconds(58_900) - mesh.now)
        #expect(peers[0].machine.isTrusted(mesh.now))
        mesh.run(for: cut + .seconds(60) - mesh.now)
        #expect(!peers[0].machine.isTrusted(mesh.now))
        #expect(!peers[0].has(.connectionRecovered))
    }

    @Test("PULSEs that are delayed a little more each time go stale within three intervals of delay")
    func stretched() throws {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(2))
        let begin = mesh.now
        var stretch = Duration.zero
        mesh.drop(.hello)
        mesh.rules.append { flight in
            guard flight.kind == .pulse else { return nil }
            stretch = (flight.sentAt - begin) / 10
            return .delay(stretch)
        }
        #expect(mesh.run(atMost: .seconds(20)) { mesh.members.isEmpty })
        // A PULSE that is delayed by three intervals is not fresh, so the peer does not return its token. With the
        // token of its last fresh PULSE, the peer can prove life for one more lifetime. The server expires the peer
        // after another lifetime and a sweep. The peer itself loses its connection after three intervals. During all
        // this time, the delay grows by a tenth of the time that passes.
        let longest = ProtocolConstants.heartbeatInterval * ProtocolConstants.freshIntervals
        let unnoticed = ProtocolConstants.lifetime * 2 + ProtocolConstants.sweepInterval
        #expect(stretch <= longest + unnoticed / 10 + mesh.latency)
        let lost = try #require(peer.events.first { $0.event == .connectionLost })
        #expect((lost.at - begin) / 10 <= longest + longest / 10 + mesh.latency)
        mesh.run(for: .seconds(2))
        let recoveries = peer.count { $0 == .connectionRecovered }
        mesh.run(for: ProtocolConstants.trust)
        #expect(!peer.machine.isTrusted(mesh.now))
        #expect(peer.count { $0 == .connectionRecovered } == recoveries)
    }

    @Test("while DELTAs are dropped and PULSEs pass, trust is not extended and ends after 60 s")
    func hiddenRevocation() throws {
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(10))
        let revoked = mesh.now
        let names = Dictionary(uniqueKeysWithValues: peers.dropLast().map { ($0.publicKey, $0.name) })
        let isHidden: (Flight) -> Bool = { $0.destination == peers[0].address }
        mesh.drop(.delta, if: isHidden)
        mesh.drop(.snapshot, if: isHidden)
        mesh.setRoster(Roster(authorized: names))
        #expect(mesh.departures(of: peers[2]) == [.revoked])
        mesh.run(for: .seconds(59) - .milliseconds(500))
        #expect(!peers[0].has(.connectionLost))
        try mesh.broadcast("still trusted", from: peers[0])
        mesh.run(for: revoked + .milliseconds(60_001) - mesh.now)
        #expect(!peers[0].machine.isTrusted(mesh.now))
        #expect(throws: SendError.notJoined) { try mesh.broadcast("too late", from: peers[0]) }
        try mesh.broadcast("to one who cannot know", from: peers[1])
        mesh.run(for: .milliseconds(10))
        #expect(peers[0].messages.isEmpty)
        #expect(peers[0].machine.rejections[.untrusted] == 1)
        mesh.rules = []
        #expect(mesh.run(atMost: .seconds(1)) { peers[0].machine.isTrusted(mesh.now) })
        #expect(peers[0].machine.members.map(\.publicKey) == [peers[1].publicKey])
    }

    @Test("a late GOODBYE of an old session ends nothing") func lateGoodbye() throws {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(2))
        mesh.rules = [{ $0.kind == .goodbye ? .delay(.seconds(2)) : nil }]
        mesh.drop(.pulse) { [unowned mesh = mesh] _ in peer.joins == 1 && mesh.sent(.confirm).count == 1 }
        #expect(mesh.run(atMost: .seconds(3)) { peer.joins == 2 })
        mesh.run(for: .seconds(4))
        #expect(mesh.sent(.goodbye).count == 1)
        #expect(peer.machine.rejections[.unknownSession] >= 1)
        #expect(peer.joins == 2 && peer.departures.isEmpty)
        #expect(mesh.hasConverged)
    }

    @Test("a flood of HELLOs ends no membership and keeps no peer from joining") func flood() throws {
        let peers = try mesh.join(5)
        let end = mesh.now + .seconds(3)
        var index: UInt32 = 0
        var late: TestPeer?
        while mesh.now < end {
            // The HELLOs come at 16,000 per second. Each of them costs the budget a key agreement, and all together
            // exceed the budget.
            for _ in 0..<80 {
                index += 1
                let source = SocketAddress(ip: .v4(0x0B00_0000 + index % 5_000), port: 9)
                mesh.inject(mesh.garbageHello(), from: source)
            }
            if late == nil, end - mesh.now < .seconds(2) { late = try mesh.addPeer("late") }
            mesh.run(for: .milliseconds(5))
        }
        #expect(mesh.sent(.retry).count > 1_000)
        #expect(peers.allSatisfy { $0.joins == 1 && mesh.departures(of: $0).isEmpty && !$0.has(.connectionLost) })
        #expect(late?.joins == 1)
    }

    @Test("a thousand rejoins per second by one peer hardly load the others") func rejoins() throws {
        let peers = try mesh.join(5)
        mesh.run(for: .seconds(2))
        let hand = try ScriptedMember("hand", in: mesh)
        let start = mesh.flights.count
        for _ in 0..<2_000 {
            mesh.run(for: .milliseconds(1))
            let welcomes = mesh.flights.count
            hand.inject(hand.hello())
            guard mesh.flights[welcomes...].contains(where: { $0.kind == .welcome }) else { continue }
            try hand.peer.open(welcome: hand.received(.welcome))
            hand.inject(try hand.confirm())
        }
        let deltas = mesh.flights[start...].count { $0.kind == .delta }
        // The peer may join three times at once, and then once per second. Each join causes one DELTA to each member.
        #expect(deltas <= 6 * 6)
        #expect(mesh.sent(.snapshot, to: .place).count <= 6)
        #expect(peers.allSatisfy { mesh.departures(of: $0).isEmpty })
    }

    @Test("a member that always asks for the same parts gets them once per 250 ms, and no more")
    func greed() throws {
        _ = try mesh.join(40)
        let hand = try member()
        mesh.run(for: .seconds(1))
        let start = mesh.flights.count
        for _ in 0..<500 {
            mesh.run(for: .milliseconds(10))
            hand.inject(try hand.heartbeat(part: 3))
        }
        let sent = mesh.flights[start...].filter { $0.destination == .place && $0.kind != .pulse }
        let bursts = Dictionary(grouping: sent, by: \.sentAt)
        // The first request for part 3 asks for more parts than the request before it. So the server answers it at
        // once.
        #expect(bursts.count <= 22)
        for burst in bursts.values {
            #expect(burst.count { $0.kind == .snapshot } <= Limits.resentParts)
            #expect(burst.count { $0.kind == .delta } <= Limits.deltasPerHeartbeat)
        }
        #expect(rejections(.memberOverRate) > 400)
        #expect(mesh.isMember(mesh.peers[0]))
    }
}
