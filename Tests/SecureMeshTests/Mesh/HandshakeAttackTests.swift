import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests attacks on the handshake (docs/conformance.md, cases 12 to 24).
@Suite("Handshake attacks") struct HandshakeAttackTests {
    private let mesh = TestMesh()
    private let hand: ScriptedMember

    init() throws {
        hand = try ScriptedMember("hand", in: mesh)
    }

    @Test("HELLO twice gets the same WELCOME twice and one membership") func helloTwice() throws {
        let hello = hand.hello()
        hand.inject(hello)
        hand.inject(hello)
        let welcomes = mesh.sent(.welcome, to: .place).map(\.bytes)
        #expect(welcomes.count == 2 && Set(welcomes).count == 1)
        try hand.peer.open(welcome: welcomes[1])
        hand.inject(try hand.confirm())
        #expect(mesh.members.count == 1)
        #expect(mesh.registry?.version == 2)
    }

    @Test("the same HELLO from another source is a new HELLO, and its WELCOME cannot be opened there")
    func helloElsewhere() throws {
        let hello = hand.hello()
        hand.inject(hello)
        hand.inject(hello, from: .elsewhere)
        #expect(mesh.sent(.welcome, to: .elsewhere).count == 1)
        #expect(mesh.sent(.welcome, to: .place).map(\.bytes) != mesh.sent(.welcome, to: .elsewhere).map(\.bytes))
        try hand.peer.open(welcome: hand.received(.welcome))
        hand.inject(try hand.confirm())
        #expect(mesh.members.map(\.address) == [.place])
    }

    @Test("WELCOME for another HELLO is refused") func foreignWelcome() throws {
        try hand.beWelcomed()
        let foreign = try hand.received(.welcome)
        var count = 0
        mesh.rules.append { flight in
            guard flight.kind == .welcome else { return nil }
            count += 1
            // `foreign` replaces the first WELCOME. With the tag of this peer's HELLO, `foreign` also replaces the
            // second WELCOME.
            if count == 1 { return .replace(foreign) }
            guard count == 2 else { return nil }
            var retagged = foreign
            retagged.replaceSubrange(4..<12, with: flight.bytes[4..<12])
            return .replace(retagged)
        }
        let peer = try mesh.addPeer("peer")
        mesh.run(for: .seconds(2))
        #expect(peer.machine.rejections[.unknownTag] == 1)
        #expect(peer.machine.rejections[.sealBroken] == 1)
        #expect(peer.joins == 1)
    }

    @Test("WELCOME with the right seal and the signature of another key, even an enrolled peer's, is refused")
    func welcomeByAnother() throws {
        let (key, name) = (mesh.makeKey(), try PeerName("peer"))
        let pinned = mesh.serverKey.publicKey
        var joining = Joining(
            Peer.Configuration(key: key, name: name, servers: [pinned], server: TestMesh.server))
        joining.start(at: mesh.now)
        let hello = try #require(joining.poll(now: mesh.now, random: &mesh.random).first).bytes
        let session = try #require(SessionID(rawValue: 7))
        let server = try ScriptedServer(
            key: mesh.serverKey, context: SigningContext(mesh: pinned), hello: hello, from: .place, session: session,
            epoch: 9, ephemeral: mesh.random.secret())
        for (signer, isRight) in [(mesh.makeKey(), false), (key, false), (mesh.serverKey, true)] {
            let bytes = server.welcome.signed(by: signer).bytes
            let handle = { () throws(Rejection) -> JoinAction in
                try joining.handle(bytes, now: mesh.now, random: &mesh.random)
            }
            if isRight {
                guard case .confirm(let opened) = try handle() else { throw Rejection.unknownKind }
                #expect(opened.id == session)
            } else {
                #expect(throws: Rejection.signatureInvalid) { try handle() }
            }
        }
    }

    @Test("CONFIRM is accepted once") func confirmTwice() throws {
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        hand.inject(confirm)
        let sent = mesh.flights.count
        hand.inject(confirm)
        #expect(mesh.flights.count == sent)
        #expect(mesh.registry?.rejections[.unknownTicket] == 1)
        #expect(mesh.members.count == 1)
    }

    @Test("a CONFIRM of a session that is a member is refused under a new number too, and moves nothing")
    func confirmOfMember() throws {
        try hand.join()
        let sent = mesh.flights.count
        hand.peer.advance()
        hand.inject(try hand.confirm())
        #expect(mesh.flights.count == sent)
        #expect(mesh.registry?.rejections[.unknownTicket] == 1)
        mesh.run(for: ProtocolConstants.heartbeatInterval)
        let pulse = try hand.received(.pulse)
        #expect(try Datagram(decoding: pulse.span).header.echo == 1)
    }

    @Test("the PULSEs to a new member and those to all share one sequence of numbers") func pulseNumbers() throws {
        let hands = [hand, try ScriptedMember("other", at: .elsewhere, in: mesh)]
        for hand in hands { try hand.join() }
        mesh.run(for: ProtocolConstants.heartbeatInterval)
        var numbers: [[UInt64]] = [[], []]
        for (index, hand) in hands.enumerated() {
            for flight in mesh.sent(.pulse, to: hand.address) {
                numbers[index].append(try hand.peer.open(Pulse.self, flight.bytes).number)
            }
        }
        #expect(numbers.allSatisfy { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } })
        // Only the last PULSE was sent to both members. Every number was used once.
        #expect(Set(numbers[0]).intersection(numbers[1]).count == 1)
        let last = try #require(numbers[0].last)
        #expect(Set(numbers.joined()) == Set(1...last))
    }

    @Test("CONFIRM repeated after LEAVE is refused") func confirmAfterLeave() throws {
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        hand.inject(confirm)
        hand.inject(try hand.leave(number: 2))
        #expect(mesh.members.isEmpty)
        hand.inject(confirm)
        #expect(mesh.members.isEmpty)
        #expect(mesh.registry?.rejections[.unknownTicket] == 1)
    }

    @Test("CONFIRM is refused after 5 s") func confirmAfterExpiry() throws {
        try hand.beWelcomed()
        mesh.run(for: .seconds(5))
        hand.inject(try hand.confirm())
        #expect(mesh.members.isEmpty)
        #expect(mesh.registry?.rejections[.ticketExpired] == 1)
    }

    @Test("CONFIRM from another address is refused, and its owner can still use the ticket")
    func confirmElsewhere() throws {
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        hand.inject(confirm, from: .elsewhere)
        #expect(mesh.members.isEmpty)
        #expect(mesh.registry?.rejections[.ticketSourceMismatch] == 1)
        hand.inject(confirm)
        #expect(mesh.members.map(\.address) == [.place])
    }

    @Test("CONFIRM is refused after a restart of the server, and at a twin of it") func confirmAfterRestart() throws {
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        // The twin is another server with the same key. It has an epoch of its own, and no ticket of this handshake.
        let twin = TestMesh(seed: 2) { $0.key = mesh.serverKey }
        var redirected = try #require(hand.peer.confirm)
        redirected.to = try #require(twin.registry).epoch
        for bytes in [confirm, redirected.bytes] { twin.inject(bytes, from: .place) }
        twin.run(for: .zero)
        #expect(twin.members.isEmpty)
        #expect(twin.registry?.rejections[.misdirected] == 1)
        #expect(twin.registry?.rejections[.unknownTicket] == 1)
        mesh.killServer()
        mesh.startServer()
        hand.inject(confirm)
        #expect(mesh.members.isEmpty)
        #expect(mesh.registry?.rejections[.misdirected] == 1)
    }

    @Test("CONFIRM with a wrong seal or token is refused; one with a wrong signature ends its handshake")
    func confirmForged() throws {
        try hand.beWelcomed()
        let body = Heartbeat(number: 1, token: hand.peer.token, version: 0, part: 0)
        var broken = try hand.confirm()
        broken[60] ^= 1
        hand.inject(broken)
        #expect(mesh.registry?.rejections[.sealBroken] == 1)
        let wrongToken = Heartbeat(number: 3, token: ~body.token, version: 0, part: 0)
        hand.inject(try #require(hand.peer.draft(.confirm, wrongToken)).bytes)
        #expect(mesh.registry?.rejections[.tokenMismatch] == 1)
        let genuine = try hand.confirm()
        // This CONFIRM is signed without the binder. A signature like this could come from another handshake.
        var unbound = try #require(hand.peer.draft(.confirm, body))
        unbound.extra = .none
        hand.inject(unbound.bytes)
        #expect(mesh.registry?.rejections[.signatureInvalid] == 1)
        hand.inject(genuine)
        #expect(mesh.registry?.rejections[.unknownTicket] == 1)
        #expect(mesh.members.isEmpty)
        try hand.join()
        #expect(mesh.members.count == 1)
    }

    @Test("one joiner's garbage for its own CONFIRM keeps no other out", arguments: [false, true])
    func confirmGarbage(isSealed: Bool) throws {
        try hand.beWelcomed()
        let body = Heartbeat(number: 1, token: hand.peer.token, version: 0, part: 0)
        // The server cannot verify all of these CONFIRMs within its budget.
        let count = Int(Limits.handshakeBurst / Limits.confirmCost) + 1
        for _ in 0..<count {
            var unbound = try #require(hand.peer.draft(.confirm, body))
            unbound.extra = .none
            var garbage = unbound.bytes
            if !isSealed { garbage[60] ^= 1 }
            mesh.inject(garbage, from: .place)
        }
        mesh.run(for: .zero)
        let other = try ScriptedMember("other", at: .elsewhere, in: mesh)
        try other.join()
        #expect(mesh.members.map(\.publicKey) == [other.key.publicKey])
        #expect(mesh.registry?.rejections[.overBudget] == 0)
    }

    @Test("an older CONFIRM after a newer one is refused") func olderConfirm() throws {
        try hand.beWelcomed()
        let older = try hand.confirm()
        try hand.join()
        let session = hand.peer.session
        hand.inject(older)
        #expect(mesh.registry?.rejections[.unknownTicket] == 1)
        // The newer session still works.
        hand.inject(try hand.heartbeat())
        #expect(mesh.registry?.rejections.total == 1)
        #expect(hand.peer.session == session && mesh.members.count == 1)
    }

    @Test("a key that is revoked between WELCOME and CONFIRM does not join and gets no answer") func revoked() throws {
        try hand.beWelcomed()
        mesh.setRoster(Roster(authorized: [:]))
        let sent = mesh.flights.count
        hand.inject(try hand.confirm())
        #expect(mesh.members.isEmpty)
        #expect(mesh.flights.count == sent)
        #expect(mesh.registry?.rejections[.admissionWithdrawn] == 1)
    }

    @Test("a name that was taken between WELCOME and CONFIRM stays with its holder") func overtaken() throws {
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        let quick = try ScriptedMember("hand", at: .elsewhere, in: mesh)
        try quick.join()
        hand.inject(confirm)
        #expect(mesh.members.map(\.publicKey) == [quick.key.publicKey])
        #expect(mesh.registry?.rejections[.admissionWithdrawn] == 1)
    }

    @Test("no answer is larger than its HELLO") func replySizes() throws {
        // `TestMesh` checks the size of every answer. This test only makes the server send each of the three answers.
        mesh.exhaustBudget()
        mesh.run(for: .milliseconds(10))
        mesh.run(for: .seconds(1))
        try hand.beWelcomed()
        mesh.setRoster(Roster(authorized: [:]))
        _ = try hand.askForReject()
        for kind in [Kind.retry, .welcome, .reject] {
            let replies = mesh.sent(kind)
            #expect(!replies.isEmpty)
            #expect(replies.allSatisfy { $0.bytes.count < Kind.hello.minimumSize })
        }
    }
}
