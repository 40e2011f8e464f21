import SecureMesh
import SelfTest
import Testing

/// Tests expiry, lost connections and rejoins (PROTOCOL.md, section 6).
@Suite("Liveness") struct LivenessTests {
    private let mesh = TestMesh()

    @Test("a killed peer leaves every directory within its lifetime and a sweep") func killed() throws {
        let peers = try mesh.join(4)
        mesh.run(for: .milliseconds(730))
        mesh.kill(peers[0])
        let limit = ProtocolConstants.lifetime + ProtocolConstants.sweepInterval + mesh.latency * 3
        #expect(mesh.run(atMost: limit) { mesh.hasConverged })
        #expect(mesh.departures(of: peers[0]) == [.expired])
        for peer in peers[1...] {
            #expect(peer.count { if case .memberLeft(_, .expired) = $0 { true } else { false } } == 1)
        }
    }

    @Test("a peer that was paused for 5 s is back within 3 s") func paused() throws {
        let peers = try mesh.join(4)
        mesh.pause(peers[0])
        mesh.run(for: .seconds(5))
        #expect(!mesh.isMember(peers[0]))
        mesh.resume(peers[0])
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        #expect(peers[0].joins == 2)
    }

    @Test("a peer that was paused for less than its lifetime stays a member") func pausedBriefly() throws {
        let peers = try mesh.join(3)
        mesh.pause(peers[0])
        mesh.run(for: .milliseconds(900))
        mesh.resume(peers[0])
        mesh.run(for: .seconds(3))
        #expect(mesh.hasConverged)
        #expect(mesh.departures(of: peers[0]).isEmpty)
    }

    @Test("when the server is killed and restarted at once, all are back within 3 s") func restartedServer() throws {
        let peers = try mesh.join(20)
        mesh.killServer()
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(3)) { mesh.hasConverged })
        #expect(peers.allSatisfy { $0.joins == 2 })
        // The directory of a new server is empty at first, but no peer that comes back is reported as gone.
        for peer in peers {
            #expect(peer.count { if case .memberLeft = $0 { true } else { false } } == 0)
            #expect(peer.count { if case .memberJoined = $0 { true } else { false } } == 19)
        }
    }

    @Test("without a fresh PULSE for three intervals a peer reports it and joins again") func lost() throws {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(2))
        let silence = mesh.now
        mesh.drop(.pulse)
        mesh.run(for: .seconds(2))
        let lost = try #require(peer.events.first { $0.event == .connectionLost })
        #expect(lost.at - silence >= .milliseconds(500) && lost.at - silence <= .milliseconds(1_500))
        #expect(mesh.sent(.hello).contains { $0.sentAt == lost.at })
    }

    @Test("a PULSE that waits in the socket keeps the connection: the socket is drained before it is lost")
    func undrainedPulse() throws {
        for isHeard in [true, false] {
            let server = ScriptedMesh(seed: 13)
            var (client, entry) = try server.onlyMember()
            var newest: UInt64 = 1
            for bytes in server.wait(&client, until: server.now + ProtocolConstants.lifetime) where bytes[1] == 0x10 {
                newest = try #require(client.server).open(Heartbeat.self, bytes).number
            }
            client.machine.handleTimeout(now: server.now)
            var events: [PeerEvent] = []
            while let output = client.machine.pollOutput() {
                if case .event(let event) = output { events.append(event) }
                guard case .drain = output else { continue }
                #expect(events.isEmpty)
                if isHeard {
                    try server.deliver(
                        .pulse(echo: newest, token: 9), server.pulse(number: 50, version: 2, of: [entry]), to: &client)
                }
                client.machine.handleDrained(now: server.now)
            }
            #expect(events == (isHeard ? [] : [.connectionLost]))
        }
    }

    @Test("a peer that is late itself does not take its server for silent, until 20 intervals have passed")
    func lateItself() throws {
        let server = ScriptedMesh(seed: 14)
        var (client, _) = try server.onlyMember()
        _ = server.events(&client)
        // The peer runs only every 1.4 s. By then, every heartbeat is so old that its echo does not count.
        let begun = server.now
        var lost: Instant?
        for _ in 0..<10 where lost == nil {
            server.now = server.now + .milliseconds(1_400)
            client.machine.handleTimeout(now: server.now)
            if server.events(&client).contains(.connectionLost) { lost = server.now }
        }
        let bound = ProtocolConstants.heartbeatInterval * Limits.postponedSilence
        let silence = try #require(lost) - begun
        #expect(silence >= bound && silence <= bound + .milliseconds(1_400))
    }

    @Test("a peer that was held up for 3 s and is still a member goes on") func heldUp() throws {
        let mesh = TestMesh { $0.lifetime = .seconds(10) }
        let peers = try mesh.join(3)
        mesh.pause(peers[0])
        mesh.run(for: .seconds(3))
        mesh.resume(peers[0])
        mesh.run(for: .seconds(3))
        #expect(mesh.hasConverged)
        #expect(!peers[0].has(.connectionLost) && peers[0].joins == 1)
    }

    @Test("one lost PULSE costs no peer its connection, at any phase of its join") func oneLostPulse() throws {
        for index in 0..<20 {
            try mesh.addPeer("p\(index)")
            mesh.run(for: .milliseconds(127))
        }
        mesh.run(for: .seconds(3))
        mesh.drop(.pulse, count: 20)
        mesh.run(for: .seconds(5))
        #expect(mesh.peers.allSatisfy { !$0.has(.connectionLost) })
    }

    @Test("a peer that misses a PULSE sends heartbeats faster until one comes, within its bucket at the server")
    func fasterHeartbeats() throws {
        let peers = try mesh.join(20)
        mesh.run(for: .seconds(3))
        func heartbeats(in duration: Duration) -> [Int] {
            let begun = mesh.flights.count
            mesh.run(for: duration)
            let sent = mesh.flights[begun...].filter { $0.kind == .heartbeat }
            return peers.map { peer in sent.count { $0.source == peer.address } }
        }
        #expect(heartbeats(in: .seconds(10)).allSatisfy { (19...21).contains($0) })
        // A PULSE has just arrived. The next PULSE is lost, and so is each PULSE that answers one of the faster
        // heartbeats.
        let pulses = mesh.sent(.pulse).count
        mesh.run(atMost: .seconds(1)) { mesh.sent(.pulse).count > pulses }
        mesh.run(for: .milliseconds(10))
        let from = mesh.now
        mesh.rules = [{ $0.kind == .pulse && $0.sentAt - from < .milliseconds(900) ? .drop : nil }]
        #expect(heartbeats(in: .seconds(2)).reduce(0, +) >= 20 * 5)
        mesh.rules = []
        mesh.run(for: .seconds(1))
        #expect(heartbeats(in: .seconds(10)).allSatisfy { (19...21).contains($0) })
        #expect(peers.allSatisfy { !$0.has(.connectionLost) })
        #expect(mesh.registry?.rejections[.memberOverRate] == 0)
    }

    @Test("a peer whose echoes stop sends a dozen heartbeats before a lifetime is over, so that one gets through")
    func moreAndMoreHeartbeats() throws {
        for seed in 1...20 {
            let mesh = TestMesh(seed: UInt64(seed))
            let peer = try mesh.join(1)[0]
            mesh.run(for: .seconds(3))
            let accepted = try #require(mesh.sent(.heartbeat, from: peer.address).last)
            mesh.run(for: mesh.latency * 2)
            mesh.drop(.heartbeat)
            mesh.run(for: accepted.sentAt + ProtocolConstants.lifetime - mesh.now)
            let sent = mesh.sent(.heartbeat, from: peer.address).count { $0.sentAt > accepted.sentAt }
            #expect((11...25).contains(sent), "seed \(seed)")
        }
    }

    @Test("a token that comes after two lost PULSEs is returned at once, and again until a heartbeat with it is echoed")
    func newTokenReturned() throws {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(3))
        var isCut = true
        mesh.drop(.pulse) { _ in isCut }
        mesh.run(for: .milliseconds(1_050))
        isCut = false
        let pulses = mesh.sent(.pulse).count
        #expect(mesh.run(atMost: .seconds(1)) { mesh.sent(.pulse).count > pulses })
        mesh.drop(.heartbeat, count: 2)
        mesh.run(for: mesh.latency)
        let heard = mesh.now
        mesh.run(for: .milliseconds(500))
        // Two heartbeats are lost, and the third one is answered. This shows that the peer has a new token: otherwise
        // it would have stopped sending heartbeats after the first PULSE.
        let sent = mesh.sent(.heartbeat, from: peer.address).filter { $0.sentAt >= heard }
        #expect(sent.count >= 3 && sent[2].sentAt - heard <= .milliseconds(460))
    }

    @Test("a peer that loses its server soon after each join joins ever more rarely, until a time of calm")
    func backsOff() throws {
        let peer = try mesh.join(1)[0]
        var isBroken = true
        // In each session, only the PULSEs of the first second reach the peer.
        var begun: [UInt64: Instant] = [:]
        mesh.rules = [
            { flight in
                guard isBroken, flight.kind == .pulse else { return nil }
                let first = begun[flight.to] ?? flight.sentAt
                begun[flight.to] = first
                return flight.sentAt - first > .seconds(1) ? .drop : nil
            }
        ]
        let before = peer.joins
        mesh.run(for: .seconds(120))
        #expect((3...14).contains(peer.joins - before))
        isBroken = false
        mesh.run(for: ProtocolConstants.longestRejoinPause + ProtocolConstants.calm + .seconds(5))
        #expect(mesh.hasConverged)
        isBroken = true
        #expect(mesh.run(atMost: .seconds(3)) { !peer.machine.isConnected })
        #expect(mesh.run(atMost: .seconds(1)) { peer.machine.isConnected && mesh.hasConverged })
    }

    @Test(
        "round trips up to an interval, of 0.8 s plus 0.2 s at random, and of 0.98 s cost no peer its connection",
        arguments: [
            (count: 20, oneWay: 100, jitter: 0), (20, 200, 0), (20, 220, 0), (20, 240, 0), (20, 250, 0),
            (10, 380, 0), (10, 400, 0), (10, 400, 100), (10, 450, 0), (10, 490, 0),
        ])
    func roundTrips(count: Int, oneWay: Int, jitter: Int) throws {
        let mesh = TestMesh(seed: UInt64(oneWay + jitter))
        mesh.latency = .milliseconds(oneWay)
        var dice = RandomSource.seeded(1)
        mesh.rules = [{ _ in .delay(.milliseconds(Int(dice.next() % UInt64(jitter + 1)))) }]
        for index in 0..<count {
            try mesh.addPeer("p\(index)")
            mesh.run(for: .milliseconds(27))
        }
        mesh.run(for: .seconds(60))
        for peer in mesh.peers {
            #expect(!peer.has(.connectionLost) && peer.joins == 1 && mesh.departures(of: peer).isEmpty)
        }
        #expect(mesh.registry?.rejections[.memberOverRate] == 0)
    }

    @Test("a session goes on if its server is heard again before a new session begins") func recovered() throws {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(2))
        let session = peer.machine.session
        var isCut = true
        mesh.rules = [{ flight in flight.kind == .hello || isCut && flight.kind == .pulse ? .drop : nil }]
        #expect(mesh.run(atMost: .seconds(2)) { peer.has(.connectionLost) })
        isCut = false
        #expect(mesh.run(atMost: .seconds(1)) { peer.has(.connectionRecovered) })
        mesh.run(for: .seconds(5))
        #expect(peer.machine.session == session)
        let hellos = mesh.sent(.hello).count
        mesh.run(for: .seconds(20))
        #expect(mesh.sent(.hello).count == hellos)
    }

    @Test("an old session that recovers while a CONFIRM is under way does not cost the peer 60 s") func race() throws {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(2))
        mesh.latency = .milliseconds(200)
        var isCut = true
        mesh.rules = [{ flight in isCut && flight.kind == .pulse ? .drop : nil }]
        #expect(mesh.run(atMost: .seconds(3)) { !mesh.sent(.welcome).dropFirst().isEmpty })
        isCut = false
        mesh.run(for: .seconds(5))
        #expect(mesh.hasConverged)
        #expect(peer.departures.isEmpty)
        #expect(peer.machine.isTrusted(mesh.now))
    }

    @Test("a CONFIRM that is accepted after its peer gave it up does not cost the peer 60 s") func lateConfirm() throws
    {
        let peer = try mesh.join(1)[0]
        mesh.run(for: .seconds(2))
        let session = peer.machine.session
        var confirms = 0
        mesh.rules = [
            { flight in
                if flight.kind == .confirm { confirms += 1 }
                if flight.kind == .confirm { return confirms == 1 ? .delay(.seconds(3)) : .drop }
                return flight.kind == .pulse && confirms == 0 ? .drop : nil
            }
        ]
        #expect(mesh.run(atMost: .seconds(3)) { confirms == 1 })
        mesh.run(for: .milliseconds(2_500))
        #expect(peer.has(.connectionRecovered))
        #expect(peer.machine.session == session)
        mesh.rules = []
        #expect(
            mesh.run(atMost: ProtocolConstants.rejoinPause + .seconds(2)) {
                mesh.departures(of: peer).contains(.replaced) && mesh.hasConverged
            })
        #expect(peer.departures.isEmpty)
    }

    @Test("a change of keys causes no event but `joined`, and messages go on") func rekey() throws {
        let mesh = TestMesh { $0.rekey = .seconds(20) }
        let peers = try mesh.join(3)
        var sent = 0
        for _ in 0..<600 {
            mesh.run(for: .milliseconds(100))
            if (try? mesh.broadcast("tick", from: peers[0])) != nil { sent += 1 }
        }
        mesh.run(for: .seconds(1))
        #expect(peers.allSatisfy { $0.joins >= 3 && $0.count { $0 == .connectionLost } == 0 })
        #expect(peers.allSatisfy { $0.count { if case .memberLeft = $0 { true } else { false } } == 0 })
        #expect(peers.allSatisfy { $0.departures.isEmpty })
        // In a new session, a peer may send messages as soon as a PULSE shows that the directory lists the session.
        // This takes at most one interval.
        #expect(sent >= 600 - 3 * 6)
        #expect(peers[1].messages.count == sent)
        #expect(peers[2].messages.count == sent)
    }

    @Test("the server ends a session 300 s after its keys should have changed") func tooOld() throws {
        let mesh = TestMesh { $0.rekey = .seconds(20) }
        let peer = try mesh.join(1)[0]
        mesh.drop(.hello)
        mesh.run(for: .seconds(319))
        #expect(mesh.isMember(peer))
        mesh.run(for: .seconds(2))
        #expect(peer.departures == [.tooOld])
        #expect(mesh.departures(of: peer) == [.tooOld])
    }

    @Test("a server that was paused for 3 s expires nobody") func pausedServer() throws {
        let peers = try mesh.join(10)
        mesh.pauseServer()
        mesh.run(for: .seconds(3))
        mesh.resumeServer()
        mesh.run(for: .seconds(5))
        #expect(mesh.hasConverged)
        #expect(peers.allSatisfy { !mesh.departures(of: $0).contains(.expired) })
    }

    @Test("a member whose heartbeats wait in the socket is not expired") func undrained() throws {
        let peers = try mesh.join(2)
        // The sweep is not so late that the server suspends expiry. Only one thing keeps the members from expiring: the
        // server drains its socket before the sweep.
        for _ in 0..<20 {
            mesh.pauseServer()
            mesh.run(for: .milliseconds(990))
            mesh.resumeServer()
            mesh.run(for: .milliseconds(10))
        }
        #expect(peers.allSatisfy { mesh.departures(of: $0).isEmpty })
    }

    @Test("when twenty peers stand still for 5 s, all of them stay members, and the server says so")
    func standstill() throws {
        let peers = try mesh.join(20)
        mesh.run(for: .milliseconds(1_730))
        for peer in peers { mesh.pause(peer) }
        mesh.run(for: .seconds(5))
        for peer in peers { mesh.resume(peer) }
        mesh.run(for: .seconds(6))
        #expect(mesh.hasConverged)
        #expect(peers.allSatisfy { !mesh.departures(of: $0).contains(.expired) })
        #expect(suspicions == [.suspected(20), .suspicionEnded(returned: 20, ended: 0)])
    }

    @Test("when twenty peers die at once, all have expired after five lifetimes and two sweeps") func massDeath() throws
    {
        let host = try joinHost()
        mesh.run(for: .milliseconds(1_730))
        for peer in host { mesh.kill(peer) }
        mesh.run(for: .milliseconds(5_000))
        #expect(mesh.members.count == 22)
        let limit = ProtocolConstants.lifetime * 5 + ProtocolConstants.sweepInterval * 2 + mesh.latency * 3
        #expect(mesh.run(atMost: limit - .milliseconds(5_000)) { mesh.hasConverged })
        mesh.run(for: ProtocolConstants.lifetime + ProtocolConstants.sweepInterval * 2)
        #expect(suspicions == [.suspected(20), .suspicionEnded(returned: 0, ended: 20)])
    }

    @Test("of 20 peers that went silent at once, those that came back and those that did not are counted")
    func someReturn() throws {
        let host = try joinHost()
        for peer in host { mesh.pause(peer) }
        mesh.run(for: .seconds(3))
        for peer in host.prefix(12) { mesh.resume(peer) }
        mesh.run(for: .seconds(10))
        #expect(suspicions == [.suspected(20), .suspicionEnded(returned: 12, ended: 8)])
    }

    @Test("when a host with twenty peers starts again, the suspicion ends") func hostRestart() throws {
        let host = try joinHost()
        for peer in host { mesh.kill(peer) }
        mesh.run(for: .seconds(3))
        for peer in host { mesh.restart(peer) }
        mesh.run(for: .seconds(10))
        #expect(mesh.hasConverged)
        #expect(suspicions == [.suspected(20), .suspicionEnded(returned: 0, ended: 20)])
    }

    @Test("a suspicion ends once if the server is paused during it") func pauseDuringSuspicion() throws {
        let host = try joinHost()
        for peer in host { mesh.pause(peer) }
        mesh.run(for: .seconds(2))
        mesh.pauseServer()
        mesh.run(for: .milliseconds(1_200))
        mesh.resumeServer()
        for peer in host { mesh.resume(peer) }
        mesh.run(for: .seconds(10))
        #expect(mesh.hasConverged)
        #expect(suspicions == [.suspected(20), .suspicionEnded(returned: 20, ended: 0)])
    }

    /// Lets 22 peers join. Returns the 20 of them that run on one host.
    private func joinHost() throws -> ArraySlice<VirtualPeer> { try mesh.join(22).prefix(20) }

    private var suspicions: [ServerEvent] {
        mesh.serverEvents.map(\.event).filter {
            switch $0 {
            case .suspected, .suspicionEnded: true
            default: false
            }
        }
    }

    @Test(
        "of 100 peers, those that stand still for 3 s stay members only if many peers have just joined",
        arguments: [1, 10])
    func newMesh(count: Int) throws {
        let peers = try mesh.join(100)
        func standStill() {
            for peer in peers.prefix(count) { mesh.pause(peer) }
            mesh.run(for: .seconds(3))
            for peer in peers.prefix(count) { mesh.resume(peer) }
            mesh.run(for: .seconds(8))
        }
        standStill()
        #expect(peers.allSatisfy { mesh.departures(of: $0).isEmpty })
        standStill()
        #expect(peers.prefix(count).allSatisfy { mesh.departures(of: $0) == [.expired] })
    }
}
