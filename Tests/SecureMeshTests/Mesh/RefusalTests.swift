import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests REJECT and RETRY (PROTOCOL.md, section 5).
@Suite("Refusals") struct RefusalTests {
    private let mesh = TestMesh()

    @Test("a key that is not authorized gets REJECT and stops") func notAuthorized() throws {
        let mesh = TestMesh { $0.roster = Roster(authorized: [:]) }
        let peer = try mesh.addPeer("stranger")
        mesh.run(for: .seconds(30))
        #expect(peer.events.map(\.event) == [.ended(.notAuthorized)])
        #expect(peer.machine.nextDeadline == nil)
        #expect(mesh.sent(.hello).count == 1)
        #expect(
            mesh.serverEvents.map(\.event)
                == [.turnedAway(name: peer.name, publicKey: peer.publicKey, .notAuthorized)])
    }

    @Test("a peer that stays asks again after growing pauses, joins when it is listed, and comes back after a mistake")
    func stays() throws {
        let mesh = TestMesh { $0.roster = Roster(authorized: [:]) }
        let peer = try mesh.addPeer("early", returns: true)
        mesh.run(for: .seconds(1_000))
        let asked = mesh.sent(.hello).map(\.sentAt)
        let gaps = zip(asked.dropFirst(), asked).map { $0 - $1 }
        #expect((9...16).contains(gaps.count))
        for (index, gap) in gaps.enumerated() {
            let longest = min(Limits.exclusionPause * (1 << index), Limits.longestExclusionPause)
            #expect(gap >= longest / 2 && gap <= longest + .milliseconds(500), "\(index): \(gap)")
        }
        let listed = Roster(authorized: [peer.publicKey: peer.name])
        mesh.setRoster(listed)
        #expect(mesh.run(atMost: .seconds(301)) { peer.joins == 1 })

        mesh.setRoster(Roster(authorized: [:]))
        mesh.run(for: .milliseconds(500))
        #expect(peer.departures == [.revoked] && peer.machine.session == nil)
        mesh.setRoster(listed)
        // When the peer became a member, its pauses were reset to the shortest one.
        #expect(mesh.run(atMost: .seconds(3)) { peer.joins == 2 })
    }

    @Test("the thief of one of two pinned keys cannot stop a peer", arguments: [false, true])
    func thief(returns: Bool) throws {
        let thief = mesh.makeKey()
        let pinned = [thief.publicKey, mesh.serverKey.publicKey]
        let peer = try mesh.addPeer("movable", servers: pinned, returns: returns)
        mesh.run(for: .milliseconds(1))
        let hello = try #require(mesh.sent(.hello).first)
        let answer = try ScriptedServer(
            key: thief, context: SigningContext(mesh: thief.publicKey), hello: hello.bytes, from: peer.address,
            session: try sessions(7)[0], epoch: 9, ephemeral: .random()
        ).reject(Reject(reason: .notAuthorized, retrySeconds: 0), salt: Fixture.digest(8))
        mesh.with(peer) { $0.handle(answer.bytes.span, path: Path(remote: TestMesh.server), now: mesh.now) }
        let events = peer.events.map(\.event)
        let exclusion = events.compactMap { event -> (PublicKey, Duration?)? in
            if case .excluded(.notAuthorized, let server, let again) = event { (server, again) } else { nil }
        }
        #expect(exclusion.count == 1 && exclusion.first?.0 == thief.publicKey)
        #expect((exclusion.first?.1 != nil) == returns)
        #expect(mesh.run(atMost: .seconds(3)) { peer.joins == 1 })
    }

    @Test("a server on a wildcard address does not answer its own port at an address of its host")
    func ownAddress() throws {
        let own = SocketAddress(ip: .v4(0x0A02_0001), port: 3_000)
        let mesh = TestMesh {
            $0.bound = [SocketAddress(ip: .v4(0), port: own.port)]
            $0.hostAddresses = [own.ip]
        }
        let neighbor = SocketAddress(ip: own.ip, port: 3_001)
        for (source, kinds) in [(own, []), (neighbor, [Kind.welcome])] {
            let hand = try ScriptedMember("hand", at: source, in: mesh)
            hand.inject(hand.hello())
            #expect(mesh.flights.filter { $0.destination == source }.map(\.kind) == kinds)
        }
        #expect(mesh.registry?.rejections[.sourceNotAllowed] == 1)
    }

    @Test("a listed key under another name is not authorized") func otherName() throws {
        let key = mesh.makeKey()
        let listed = try PeerName("listed")
        mesh.setRoster(Roster(authorized: [key.publicKey: listed]))
        let peer = try mesh.addPeer("other", key: key)
        mesh.run(for: .seconds(1))
        #expect(peer.has(.ended(.notAuthorized)))
    }

    @Test("a name is taken while another key is a member under it") func nameTaken() throws {
        let first = SigningKey()
        let second = SigningKey()
        let shared = try PeerName("shared")
        let mesh = TestMesh {
            $0.roster = Roster(authorized: [first.publicKey: shared, second.publicKey: shared])
        }
        let holder = try mesh.addPeer("shared", key: first)
        mesh.run(for: .seconds(1))
        let late = try mesh.addPeer("shared", key: second)
        mesh.run(for: .seconds(1))
        #expect(late.refusals == [.nameTaken])
        mesh.with(holder) { $0.leave(now: mesh.now) }
        #expect(mesh.run(atMost: .seconds(7)) { late.joins == 1 })
        let asked = mesh.sent(.hello, from: late.address).map(\.sentAt)
        let wait = asked[1] - asked[0]
        #expect(wait >= .seconds(5) && wait <= .milliseconds(6_260))
    }

    @Test("an address is taken while another identity is a member at it") func addressTaken() throws {
        let holder = try mesh.join(1)[0]
        let hand = try ScriptedMember("intruder", at: holder.address, in: mesh)
        let reject = try hand.askForReject()
        #expect(reject.reason == .addressTaken)
        #expect(reject.retrySeconds > 0)
    }

    @Test("a full server accepts no new peer, but a member may join again") func full() throws {
        let mesh = TestMesh { $0.maximumPeers = 2 }
        let peers = try mesh.join(2)
        let late = try mesh.addPeer("late")
        mesh.run(for: .milliseconds(100))
        #expect(late.refusals == [.full])
        mesh.kill(late)
        mesh.restart(peers[0])
        mesh.run(for: .milliseconds(100))
        #expect(peers[0].refusals.isEmpty)
        #expect(mesh.hasConverged)
    }

    @Test("an identity may join three times in a row, then once per second") func busy() throws {
        let peer = try mesh.addPeer("restless")
        for _ in 0..<3 {
            mesh.run(for: .milliseconds(50))
            mesh.restart(peer)
        }
        mesh.run(for: .milliseconds(50))
        #expect(peer.joins == 3)
        #expect(peer.refusals == [.busy])
        #expect(mesh.run(atMost: .milliseconds(1_300)) { peer.joins == 4 })
        #expect(peer.count { if case .unanswered = $0 { true } else { false } } == 0)
    }

    @Test("only CONFIRM charges the join bucket: replayed HELLOs do not empty it") func bucket() throws {
        let peer = try mesh.join(1)[0]
        let hello = try #require(mesh.sent(.hello).first).bytes
        for index in 0..<20 { mesh.inject(hello, from: TestMesh.address(100 + index)) }
        mesh.run(for: .milliseconds(50))
        mesh.restart(peer)
        #expect(mesh.run(atMost: .milliseconds(50)) { peer.joins == 2 })
    }

    @Test("when the budget is used up a HELLO gets RETRY, and the next one with the cookie is served")
    func retry() throws {
        mesh.exhaustBudget()
        let peer = try mesh.addPeer("patient")
        #expect(mesh.run(atMost: .milliseconds(50)) { peer.joins == 1 })
        let hellos = mesh.sent(.hello, from: peer.address)
        try #require(hellos.count == 2)
        #expect(hellos.first?.header?.cookie == .zero)
        #expect(hellos.last?.header?.cookie != .zero)
        // The second HELLO has another E_p, and therefore another k0. So no key and nonce are used for two plaintexts.
        #expect(hellos[0].header?.ephemeral != hellos[1].header?.ephemeral)
        #expect(mesh.sent(.retry, to: peer.address).allSatisfy { $0.bytes.count == 116 })
    }

    @Test("a second RETRY is ignored") func secondRetry() throws {
        mesh.exhaustBudget()
        let peer = try mesh.addPeer("patient")
        mesh.drop(.welcome)
        mesh.rules.append { $0.kind == .retry && $0.destination == peer.address ? .duplicate([.zero, .zero]) : nil }
        mesh.run(for: .milliseconds(100))
        #expect(mesh.sent(.hello, from: peer.address).count == 2)
        #expect(peer.machine.rejections[.unknownTag] == 2)
    }

    @Test("a peer sends nothing after an altered RETRY") func alteredRetry() throws {
        mesh.exhaustBudget()
        let peer = try mesh.addPeer("patient")
        mesh.rules.append { flight in
            guard flight.kind == .retry else { return nil }
            var bytes = flight.bytes
            bytes[60] ^= 1
            return .replace(bytes)
        }
        mesh.run(for: .milliseconds(200))
        #expect(mesh.sent(.hello, from: peer.address).count == 1)
        #expect(peer.machine.rejections[.signatureInvalid] == 1)
    }

    @Test("after four failed answers a HELLO accepts no more; the next HELLO does") func failedAnswers() throws {
        var first: [UInt8]?
        mesh.rules.append { flight in
            guard flight.kind == .welcome, first == nil else { return nil }
            first = flight.bytes
            return .drop
        }
        mesh.drop(.welcome) { $0.sentAt < Instant(nanoseconds: 1_700_000_000) }
        let peer = try mesh.addPeer("besieged")
        mesh.run(for: .milliseconds(20))
        let genuine = try #require(first)
        var forged = genuine
        forged[100] ^= 1
        for _ in 0..<5 { mesh.inject(forged, from: TestMesh.server, to: peer.address) }
        mesh.run(for: .milliseconds(20))
        #expect(peer.machine.rejections[.sealBroken] == 4)
        mesh.inject(genuine, from: TestMesh.server, to: peer.address)
        mesh.run(for: .milliseconds(20))
        #expect(peer.machine.rejections[.tooManyFailedAnswers] == 2)
        #expect(peer.joins == 0)
        #expect(mesh.run(atMost: .seconds(2)) { peer.joins == 1 })
    }
}

extension TestMesh {
    /// Sends so many garbage HELLOs that the budget for HELLOs without a cookie is exhausted. They come from four
    /// addresses.
    func exhaustBudget() {
        for index in 0..<UInt32(Limits.handshakeBurst / 2 / Limits.helloAgreementCost + 50) {
            let source = SocketAddress(ip: .v4(0xCB00_7101 + index % 4), port: 9)
            inject(garbageHello(), from: source, after: latency)
        }
    }

    /// Returns a HELLO that is well-formed, but whose seal does not open.
    func garbageHello() -> [UInt8] {
        let key = random.secret().agreementPublicKey
        var bytes = Header(.hello(cookie: .zero, ephemeral: key), to: 0, from: 0, counter: 0)
            .encode(size: Kind.hello.minimumSize)
        while bytes.count < Kind.hello.minimumSize { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
        return bytes
    }
}
