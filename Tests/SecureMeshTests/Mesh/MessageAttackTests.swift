import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests attacks by enrolled peers and by dishonest servers (docs/conformance.md, cases 26, 36 and 37).
@Suite("Message attacks") struct MessageAttackTests {
    private let mesh = TestMesh()

    /// Lets two honest peers, A and C, and a scripted peer, B, join the mesh.
    private func join() throws -> (a: TestPeer, b: ScriptedMember, c: TestPeer) {
        let peers = try mesh.join(2)
        return (peers[0], try mesh.joinScripted(), peers[1])
    }

    /// Sends a message of B to C.
    private func inject(_ message: [UInt8], to c: TestPeer) {
        mesh.inject(message, from: .place, to: c.address)
        mesh.run(for: .zero)
    }

    @Test("an honest message of a scripted peer is delivered") func honest() throws {
        let (_, b, c) = try join()
        inject(try b.message("hi", to: c, audience: nil, number: 1), to: c)
        inject(try b.message("hi", to: c, audience: c.publicKey, number: 2), to: c)
        #expect(c.messages.map(\.isBroadcast) == [true, false])
    }

    @Test("A's message that B seals again for C is refused, whether it was to B or to all") func resealed() throws {
        let (a, b, c) = try join()
        mesh.drop(.message) { $0.destination == c.address }
        try mesh.broadcast("to all", from: a)
        try mesh.with(a) { try $0.send([1], to: b.key.publicKey, limit: 10, now: mesh.now) }
        let toC = try b.entry(of: c)
        let flights = mesh.sent(.message, to: .place)
        #expect(flights.count == 2)
        for flight in flights {
            b.peer.hear(flight.bytes)
            for asItself in [true, false] {
                let bytes = b.peer.resealed(for: toC, asItself: asItself)
                inject(try #require(bytes), to: c)
            }
        }
        #expect(c.messages.isEmpty)
        // C refuses the message to B because it names B as its audience. C refuses the message to all because A signed
        // it, and not B.
        #expect(c.machine.rejections[.notAddressedToMe] == 1)
        #expect(c.machine.rejections[.signatureInvalid] == 1)
        #expect(c.machine.rejections[.sealBroken] == 2)
    }

    @Test("B's own message to A is refused by C") func audience() throws {
        let (a, b, c) = try join()
        inject(try b.message("for A", to: c, audience: a.publicKey, number: 1), to: c)
        #expect(c.messages.isEmpty)
        #expect(c.machine.rejections[.notAddressedToMe] == 1)
    }

    @Test("a wrong signature leaves the window unchanged: the same counter with the right one is delivered")
    func badSignature() throws {
        let (_, b, c) = try join()
        inject(try b.message("forged", to: c, audience: nil, number: 1, by: mesh.makeKey()), to: c)
        inject(try b.message("genuine", to: c, audience: nil, number: 1), to: c)
        #expect(c.machine.rejections[.signatureInvalid] == 1)
        #expect(c.messages.map { String(decoding: $0.body, as: UTF8.self) } == ["genuine"])
    }

    @Test("a revoked peer's message is refused once the DELTA has arrived") func revoked() throws {
        let (a, b, c) = try join()
        inject(try b.message("before", to: c, audience: nil, number: 1), to: c)
        let after = try b.message("after", to: c, audience: nil, number: 2)
        mesh.setRoster(Roster(authorized: [a.publicKey: a.name, c.publicKey: c.name]))
        mesh.run(for: mesh.latency)
        inject(after, to: c)
        #expect(c.messages.count == 1)
        #expect(c.machine.rejections[.unknownSender] == 1)
    }

    @Test("an entry whose ephemeral key the server has swapped is refused, for sending and for receiving")
    func swappedKey() throws {
        let server = ScriptedMesh(seed: 1)
        var (a, b) = (try server.peer("a"), try server.peer("b"))
        let own = try server.join(&a)
        var lie = try server.join(&b)
        let secret = server.random.secret()
        lie.agreementKey = secret.agreementPublicKey
        try server.tell(&a, [own, lie], version: 2)
        #expect(throws: SendError.bindingInvalid) {
            try a.machine.send([1], to: b.key.publicKey, limit: 10, now: server.now)
        }
        #expect(try a.machine.broadcast([1], limit: 10, now: server.now) == 0)
        let shared = try #require(secret.agree(with: own.agreementKey))
        let forged = server.message(from: lie, to: own, shared: shared)
        a.machine.handle(forged.span, path: server.path, now: server.now)
        #expect(a.machine.rejections[.bindingInvalid] == 2)
        #expect(server.transmits(&a).allSatisfy { $0[1] != Kind.message.rawValue })
    }

    @Test("messages to a false entry are refused for its binding, however many, and hold no broadcast back")
    func manyMessagesToFalseEntry() throws {
        let server = ScriptedMesh(seed: 5)
        var (a, b) = (try server.peer("a"), try server.peer("b"))
        let own = try server.join(&a)
        var lie = try server.join(&b)
        lie.agreementKey = server.random.secret().agreementPublicKey
        try server.tell(&a, [own, lie], version: 2)
        for _ in 0..<2 * Limits.messageRate.burst {
            #expect(throws: SendError.bindingInvalid) {
                try a.machine.send([1], to: b.key.publicKey, limit: 10, now: server.now)
            }
        }
        #expect(try a.machine.broadcast([1], limit: 10, now: server.now) == 0)
    }

    @Test("a message to a false entry ends the wait of earlier broadcasts for the ACK of this entry")
    func falseEntryAfterBroadcast() throws {
        let server = ScriptedMesh(seed: 4)
        var a = try server.peer("a")
        let own = try server.join(&a)
        // A slice of sealing ends before all of these members have a key, so the broadcast waits for the last one.
        var others = try server.strangers(40).sorted { $0.session < $1.session }
        others[39].name = try PeerName("boss")
        try server.tell(&a, [own] + others, version: 2)
        let timeout = Duration.seconds(2)
        let number = try a.machine.broadcast([1], acknowledgedWithin: timeout, limit: 10, now: server.now)
        #expect(a.machine.rejections[.bindingInvalid] == 0)
        #expect(throws: SendError.bindingInvalid) {
            try a.machine.send([2], to: others[39].identity, limit: 10, now: server.now)
        }
        #expect(a.machine.rejections[.bindingInvalid] == 1)
        server.wait(&a, until: server.now + timeout + .milliseconds(1))
        let result = try #require(a.machine.delivery(of: number))
        #expect(result.missing.count == 39 && !result.missing.contains(others[39].identity))
    }

    @Test("if a lying server gives two peers one session, neither can open messages to the other")
    func equalSessions() throws {
        let server = ScriptedMesh(seed: 2)
        var (a, b, c) = (try server.peer("a"), try server.peer("b"), try server.peer("c"))
        let ofA = try server.join(&a)
        let ofB = try server.join(&b, session: ofA.session)
        let ofC = try server.join(&c)
        try server.tell(&c, [ofA, ofC], version: 2)
        try server.tell(&b, [ofB, ofC], version: 2)
        try server.tell(&a, [ofA, ofC], version: 2)
        #expect(try c.machine.broadcast([1], limit: 10, now: server.now) == 1)
        let message = try #require(server.transmits(&c).last { $0[1] == Kind.message.rawValue })
        b.machine.handle(message.span, path: server.path, now: server.now)
        #expect(b.machine.rejections[.sealBroken] == 1)
        a.machine.handle(message.span, path: server.path, now: server.now)
        #expect(a.machine.rejections.total == 0)
    }

    @Test(
        "garbage in the names of all members neither keeps a new sender's message away nor is remembered as a sender",
        arguments: [false, true])
    func garbageInTheNamesOfAll(withForgedAddresses isForged: Bool) throws {
        let server = ScriptedMesh(seed: 7)
        var (a, b) = (try server.peer("a"), try server.peer("b"))
        let (ofA, ofB) = (try server.join(&a), try server.join(&b))
        let others = try server.strangers(399)
        try server.tell(&a, [ofA, ofB] + others, version: 2)
        try server.tell(&b, [ofA, ofB], version: 2)
        let garbage = { (entry: Entry) in server.message(from: entry, to: ofA, shared: server.random.secret()) }
        for _ in 0..<2 {
            // With forged addresses, the garbage in the name of the true sender comes first. There are not enough
            // tokens for all senders, so the last ones get none.
            for entry in isForged ? [ofB] + others : others + [ofB] {
                server.hand(garbage(entry), to: &a, from: isForged ? entry.address : .place)
            }
        }
        #expect(a.machine.rejections[.agreementOverRate] > 0)
        _ = server.events(&a)
        _ = try b.machine.broadcast([1], limit: 10, now: server.now)
        let message = try #require(server.transmits(&b).last { $0[1] == Kind.message.rawValue })
        server.hand(message, to: &a, from: ofB.address)
        let messages = server.events(&a).compactMap { if case .message(let message) = $0 { message } else { nil } }
        #expect(messages.map(\.sender.publicKey) == [b.key.publicKey])
        let usages = a.machine.usages
        #expect(usages.first { $0.name == "senders" }?.count == 1)
        // The peer remembers only those senders for which it had a token.
        #expect(usages.first { $0.name == "unproven senders" }?.count == (isForged ? 199 : 100))
    }

    @Test("an entry that the server has renamed is refused: its binding is for another name") func renamed() throws {
        let server = ScriptedMesh(seed: 3)
        var (a, b) = (try server.peer("a"), try server.peer("b"))
        let own = try server.join(&a)
        var lie = try server.join(&b)
        lie.name = try PeerName("boss")
        try server.tell(&a, [own, lie], version: 2)
        #expect(throws: SendError.bindingInvalid) {
            try a.machine.send([1], to: b.key.publicKey, limit: 10, now: server.now)
        }
    }
}
