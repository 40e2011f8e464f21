import SecureMesh
import SelfTest
import Testing

/// Tests messages between members (PROTOCOL.md, section 7).
@Suite("Messages") struct MessageTests {
    private let mesh = TestMesh()

    private func texts(_ peer: TestPeer) -> [String] { peer.messages.map { String(decoding: $0.body, as: UTF8.self) } }

    @Test("a broadcast is delivered once to each other member, with its sender's name and number")
    func broadcast() throws {
        let peers = try mesh.join(5)
        #expect(try mesh.broadcast("one", from: peers[0]) == 4)
        #expect(try mesh.broadcast("two", from: peers[0]) == 4)
        mesh.run(for: .milliseconds(10))
        #expect(peers[0].messages.isEmpty)
        for peer in peers[1...] {
            #expect(texts(peer) == ["one", "two"])
            #expect(peer.messages.map(\.number) == [1, 2])
            #expect(peer.messages.allSatisfy { $0.isBroadcast && $0.sender.publicKey == peers[0].publicKey })
            #expect(peer.messages.allSatisfy { $0.sender.name == peers[0].name })
        }
        // Each broadcast is signed once, but sealed separately for each member.
        #expect(Set(mesh.sent(.message).map(\.bytes)).count == 8)
    }

    @Test("a message to one member is delivered to that member only") func direct() throws {
        let peers = try mesh.join(3)
        try mesh.send("direct", from: peers[0], to: peers[1])
        mesh.run(for: .milliseconds(10))
        #expect(texts(peers[1]) == ["direct"])
        #expect(peers[1].messages.allSatisfy { !$0.isBroadcast })
        #expect(peers[2].messages.isEmpty)
        #expect(mesh.sent(.message).count == 1)
    }

    @Test("a message that cannot be sent throws, and nothing is sent") func errors() throws {
        let early = try mesh.addPeer("early")
        #expect(throws: SendError.notJoined) { try mesh.broadcast("too early", from: early) }
        let absent = mesh.makeKey().publicKey
        #expect(throws: SendError.notJoined) {
            try mesh.with(early) { try $0.send([1], to: absent, limit: 10, now: mesh.now) }
        }
        mesh.run(for: .seconds(1))
        #expect(try mesh.broadcast("to nobody", from: early) == 0)
        #expect(throws: SendError.unknownMember) {
            try mesh.with(early) { try $0.send([1], to: absent, limit: 10, now: mesh.now) }
        }
        #expect(throws: SendError.unknownMember) {
            try mesh.with(early) { try $0.send([1], to: early.publicKey, limit: 10, now: mesh.now) }
        }
        let limit = PeerMessage.ordinaryBody
        let tooLarge = [UInt8](repeating: 1, count: limit + 1)
        #expect(throws: SendError.tooLarge(limit: limit)) {
            try mesh.with(early) { try $0.broadcast(tooLarge, limit: limit, now: mesh.now) }
        }
        #expect(mesh.sent(.message).isEmpty)
    }

    @Test("the largest ordinary body fills a datagram to the byte; a larger one is sent if its limit allows")
    func sizes() throws {
        let peers = try mesh.join(2)
        for (size, limit) in [
            (PeerMessage.ordinaryBody, PeerMessage.ordinaryBody), (PeerMessage.largestBody, PeerMessage.largestBody),
            (0, 0),
        ] {
            let body = [UInt8](repeating: 7, count: size)
            _ = try mesh.with(peers[0]) { try $0.broadcast(body, limit: limit, now: mesh.now) }
        }
        mesh.run(for: .milliseconds(10))
        #expect(mesh.sent(.message).map(\.bytes.count) == [1_232, 65_507, 149])
        #expect(peers[1].messages.map(\.body.count) == [PeerMessage.ordinaryBody, PeerMessage.largestBody, 0])
    }

    @Test("a message that is replayed, from anywhere, is delivered once") func replay() throws {
        let peers = try mesh.join(2)
        try mesh.broadcast("once", from: peers[0])
        let flight = try #require(mesh.sent(.message).first)
        mesh.replay(flight, from: TestMesh.address(77))
        mesh.run(for: .milliseconds(10))
        // The copy arrived first. It was accepted, because a message may come from any address.
        #expect(texts(peers[1]) == ["once"])
        #expect(peers[1].machine.rejections[.counterReplayed] == 1)
    }

    /// Broadcasts two messages. One arrives after 3 s, and the other one after 7 s.
    private func broadcastLate(from peer: TestPeer, in mesh: TestMesh) throws {
        for (text, delay) in [("in time", Duration.seconds(3)), ("too late", .seconds(7))] {
            mesh.rules = [{ $0.kind == .message ? .delay(delay) : nil }]
            try mesh.broadcast(text, from: peer)
        }
        mesh.rules = []
    }

    @Test("a message to a session that was replaced is accepted for 5 s") func receiverRejoins() throws {
        let mesh = TestMesh { $0.rekey = .seconds(10) }
        let peers = try mesh.join(2)
        try mesh.broadcast("first", from: peers[0])
        mesh.run(for: .milliseconds(9_000))
        #expect(peers[1].joins == 1)
        try broadcastLate(from: peers[0], in: mesh)
        mesh.run(for: .seconds(8))
        #expect(peers[1].joins == 2 && peers[0].joins == 2)
        #expect(texts(peers[1]) == ["first", "in time"])
    }

    @Test(
        "a message from a session that was replaced is accepted for 5 s, even if it is the first one",
        arguments: [true, false], [true, false])
    func senderRejoins(hasTalked: Bool, hasHeard: Bool) throws {
        let peers = try mesh.join(2)
        if hasTalked { try mesh.broadcast("first", from: peers[0]) }
        if hasHeard { try mesh.broadcast("to the sender", from: peers[1]) }
        try broadcastLate(from: peers[0], in: mesh)
        mesh.run(for: .milliseconds(20))
        mesh.restart(peers[0])
        mesh.run(for: .seconds(8))
        #expect(mesh.departures(of: peers[0]) == [.replaced])
        #expect(texts(peers[1]) == (hasTalked ? ["first", "in time"] : ["in time"]))
        #expect(peers[1].machine.rejections[.unknownSender] == 1)
    }

    @Test("a message from a session that has left is refused") func senderLeft() throws {
        let peers = try mesh.join(2)
        mesh.rules = [{ $0.kind == .message ? .delay(.seconds(1)) : nil }]
        try mesh.broadcast("late", from: peers[0])
        mesh.with(peers[0]) { $0.leave(now: mesh.now) }
        mesh.run(for: .seconds(2))
        #expect(peers[1].messages.isEmpty)
    }

    @Test("a receiver accepts 400 messages of a sender at once and 200 per second") func bucket() throws {
        let peers = try mesh.join(2)
        let hand = try mesh.joinScripted()
        var number: UInt64 = 0
        let flood = { (text: String, count: Int) in
            for _ in 0..<count {
                number += 1
                let message = try hand.message(text, to: peers[1], audience: nil, number: number)
                mesh.inject(message, from: hand.address, to: peers[1].address)
            }
        }
        try flood("flood", 500)
        try mesh.send("calm", from: peers[0], to: peers[1])
        mesh.run(for: .milliseconds(10))
        #expect(texts(peers[1]).count { $0 == "flood" } == 400)
        #expect(peers[1].machine.rejections[.senderOverRate] == 100)
        // Each sender has its own bucket.
        #expect(texts(peers[1]).last == "calm")
        mesh.run(for: .milliseconds(500))
        try flood("again", 200)
        mesh.run(for: .milliseconds(10))
        let again = texts(peers[1]).count { $0 == "again" }
        #expect((100...105).contains(again))
    }

    @Test("a sender gets an error before it exceeds the rate of a receiver, and no message is lost")
    func sendRate() throws {
        let peers = try mesh.join(3)
        for number in 0..<300 { try mesh.send("\(number)", from: peers[0], to: peers[1]) }
        #expect(throws: SendError.overRate(retryAfter: .milliseconds(5))) {
            try mesh.send("too fast", from: peers[0], to: peers[1])
        }
        // A broadcast is sent to every member or to none.
        #expect(throws: SendError.overRate(retryAfter: .milliseconds(5))) {
            try mesh.broadcast("too fast", from: peers[0])
        }
        try mesh.send("other receiver", from: peers[0], to: peers[2])
        mesh.run(for: .milliseconds(10))
        #expect(texts(peers[1]).count == 300)
        #expect(texts(peers[2]) == ["other receiver"])
        // For three seconds, the peer sends as fast as it may.
        var sent = 0
        for _ in 0..<3_000 {
            do {
                try mesh.send("steady", from: peers[0], to: peers[1])
                sent += 1
            } catch SendError.overRate {
                // The peer tries again in the next millisecond.
            }
            mesh.run(for: .milliseconds(1))
        }
        mesh.run(for: .milliseconds(10))
        #expect((599...605).contains(sent))
        #expect(peers[1].messages.count == 300 + sent)
        #expect(peers[1].machine.rejections[.senderOverRate] == 0)
        let buckets = peers[0].machine.usages.first { $0.name == "send buckets" }
        #expect(buckets?.count == 2)
        mesh.with(peers[1]) { $0.leave(now: mesh.now) }
        mesh.run(for: .seconds(1))
        #expect(peers[0].machine.usages.first { $0.name == "send buckets" }?.count == 1)
    }

    @Test("two senders at their limits in bytes are held to them, and leave room for a third") func bytes() throws {
        let mesh = ScriptedMesh(seed: 6)
        var clients = try ["a", "b", "c", "receiver"].map { try mesh.peer($0) }
        let entries = try clients.indices.map { try mesh.join(&clients[$0]) }
        for index in clients.indices { try mesh.tell(&clients[index], entries, version: 2) }
        let receiver = clients[3].key.publicKey
        let large = [UInt8](repeating: 0, count: 65_000)
        var sent: [Int] = []
        for index in 0..<2 {
            var count = 0
            while true {
                do throws(SendError) {
                    try clients[index].machine.send(large, to: receiver, limit: large.count, now: mesh.now)
                    count += 1
                } catch {
                    guard case .overRate(let pause) = error else { throw error }
                    // The pause ends when the bucket of 1.5 MiB has room for one more message.
                    #expect(pause > .zero && pause <= .milliseconds(63))
                    break
                }
            }
            sent.append(count)
        }
        #expect(sent == [24, 24])
        try clients[2].machine.send(large, to: receiver, limit: large.count, now: mesh.now)
        for index in 0..<3 {
            for bytes in mesh.transmits(&clients[index]) where bytes[1] == Kind.message.rawValue {
                mesh.hand(bytes, to: &clients[3])
            }
        }
        let delivered = mesh.events(&clients[3]).count { if case .message = $0 { true } else { false } }
        #expect(delivered == 49)
        #expect(clients[3].machine.rejections.total == 0)
    }

    @Test("a sender that ignores the limits in bytes takes at most a quarter of what all may send")
    func byteFlood() throws {
        let peers = try mesh.join(2)
        let hand = try mesh.joinScripted()
        let large = String(repeating: "x", count: 65_000)
        for number in 1...UInt64(100) {
            let message = try hand.message(large, to: peers[1], audience: nil, number: number)
            mesh.inject(message, from: hand.address, to: peers[1].address)
        }
        try mesh.send("calm", from: peers[0], to: peers[1])
        mesh.run(for: .milliseconds(10))
        // The receiver accepts a burst of 2 MiB, and the bytes that the rate allows in 10 ms.
        #expect((32...33).contains(peers[1].messages.count - 1))
        #expect(peers[1].machine.rejections[.senderOverRate] >= 67)
        #expect(peers[1].machine.rejections[.messagesOverRate] == 0)
        #expect(texts(peers[1]).contains("calm"))
    }

    @Test("a name that moves to another key is an event") func nameMoved() throws {
        let witness = try mesh.addPeer("witness")
        let first = try mesh.addPeer("shared")
        mesh.run(for: .seconds(1))
        mesh.with(first) { $0.leave(now: mesh.now) }
        mesh.run(for: .seconds(1))
        let second = mesh.makeKey()
        let roster = Roster(authorized: [witness.publicKey: witness.name, second.publicKey: first.name])
        mesh.setRoster(roster)
        try mesh.addPeer("shared", key: second)
        mesh.run(for: .seconds(1))
        #expect(witness.has(.nameMoved(first.name, from: first.publicKey, to: second.publicKey)))
        #expect(witness.machine.identity(named: first.name) == second.publicKey)
    }

    @Test("after a rejoin a peer sends nothing until a PULSE has the version that lists it")
    func mutedUntilListed() throws {
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        var undelivered = 0
        mesh.restart(peers[0])
        for _ in 0..<200 {
            mesh.run(for: .milliseconds(5))
            guard let reached = try? mesh.broadcast("new session", from: peers[0]) else { continue }
            undelivered += reached
        }
        mesh.run(for: .milliseconds(10))
        #expect(undelivered > 0)
        #expect(peers[1].messages.count + peers[2].messages.count == undelivered)
    }
}
