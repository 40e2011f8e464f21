import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests messages that ask for acknowledgments (PROTOCOL.md, section 7.4).
@Suite("Deliveries") struct DeliveryTests {
    private let mesh = TestMesh()

    private func send(
        _ text: String, from peer: TestPeer, to other: TestPeer, within timeout: Duration = .seconds(5),
        in mesh: TestMesh? = nil
    ) throws -> UInt64 {
        let mesh = mesh ?? self.mesh
        return try mesh.with(peer) {
            try $0.send(
                Array(text.utf8), to: other.publicKey, acknowledgedWithin: timeout, limit: PeerMessage.ordinaryBody,
                now: mesh.now)
        }
    }

    private func broadcast(from peer: TestPeer, within timeout: Duration = .seconds(5)) throws -> UInt64 {
        try mesh.with(peer) {
            try $0.broadcast([1], acknowledgedWithin: timeout, limit: PeerMessage.ordinaryBody, now: mesh.now)
        }
    }

    @Test("a message is acknowledged after a round trip, and sent once") func acknowledged() throws {
        let peers = try mesh.join(3)
        let number = try send("once", from: peers[0], to: peers[1])
        #expect(peers[0].machine.delivery(of: number) == nil)
        mesh.run(for: .milliseconds(10))
        #expect(peers[0].machine.delivery(of: number).map { [$0.asked, $0.acknowledged] } == [1, 1])
        mesh.run(for: .seconds(5))
        #expect(mesh.sent(.message).count == 1 && mesh.sent(.ack).count == 1)
        #expect(peers[1].messages.count == 1)
    }

    @Test("a message that is lost is sent again, and delivered once") func lostMessage() throws {
        let peers = try mesh.join(2)
        mesh.drop(.message, count: 1)
        let number = try send("once", from: peers[0], to: peers[1])
        mesh.run(for: .milliseconds(400))
        #expect(peers[0].machine.delivery(of: number)?.isComplete == true)
        #expect(mesh.sent(.message).count == 2)
        #expect(peers[1].messages.count == 1)
    }

    @Test("if ACKs are lost, the message is delivered once and each copy acknowledged") func lostAcknowledgment() throws
    {
        let peers = try mesh.join(2)
        mesh.drop(.ack, count: 2)
        let number = try send("once", from: peers[0], to: peers[1])
        mesh.run(for: .seconds(2))
        #expect(peers[0].machine.delivery(of: number)?.isComplete == true)
        #expect(mesh.sent(.message).count == 3 && mesh.sent(.ack).count == 3)
        #expect(peers[1].messages.count == 1)
        #expect(peers[1].machine.rejections.total == 0)
    }

    @Test("a message for which nobody waits any more was repeated until its timeout, and kept its place in the queue")
    func canceled() throws {
        let peers = try mesh.join(2)
        mesh.drop(.message)
        let number = try send("lost", from: peers[0], to: peers[1], within: .seconds(60))
        mesh.run(for: .milliseconds(400))
        #expect(mesh.sent(.message).count == 2)
        mesh.with(peers[0]) { $0.cancelDelivery(of: number) }
        mesh.run(for: .seconds(10))
        #expect(mesh.sent(.message).count == 2)
        #expect(peers[0].machine.usages.filter { $0.name.contains("unacknowledged") }.map(\.count) == [0, 0])
    }

    @Test("without an ACK a message is repeated, at last with growing gaps, until its time is over")
    func unacknowledged() throws {
        let peers = try mesh.join(2)
        mesh.drop(.message)
        let start = mesh.now
        let number = try send("lost", from: peers[0], to: peers[1], within: .seconds(8))
        mesh.run(for: .milliseconds(7_990))
        #expect(peers[0].machine.delivery(of: number) == nil)
        mesh.run(for: .milliseconds(10))
        #expect(peers[0].machine.delivery(of: number).map { [$0.asked, $0.acknowledged] } == [1, 0])
        let times = mesh.sent(.message).map { $0.sentAt - start }
        let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
        #expect(gaps.count == Limits.steadyRepeats + 3)
        #expect(gaps.prefix(Limits.steadyRepeats).allSatisfy { $0 >= .milliseconds(250) && $0 < .milliseconds(320) })
        #expect(gaps[12] >= .milliseconds(500) && gaps[12] < .milliseconds(640))
        #expect(gaps[13] >= .milliseconds(1_000) && gaps[14] >= .seconds(2))
        let sent = mesh.sent(.message).count
        mesh.run(for: .seconds(5))
        #expect(mesh.sent(.message).count == sent)
    }

    @Test("while more than 16 messages wait, gaps grow from the first repeat") func manyUnacknowledged() throws {
        let peers = try mesh.join(2)
        mesh.drop(.message)
        for _ in 0...Limits.steadyMessages { _ = try send("lost", from: peers[0], to: peers[1]) }
        mesh.run(for: .seconds(3))
        // Each message is sent 0, 0.25, 0.75 and 1.75 s after the call of `send`.
        #expect(mesh.sent(.message).count == (Limits.steadyMessages + 1) * 4)
    }

    @Test("a broadcast to 50 with a loss of 20 % in each direction reaches all within 3 s, each once")
    func loss() throws {
        let peers = try mesh.join(51)
        var random = RandomSource.seeded(1)
        for kind in [Kind.message, .ack] { mesh.drop(kind) { _ in random.next() % 5 == 0 } }
        for round in 1...4 {
            let number = try broadcast(from: peers[0], within: .seconds(3))
            mesh.run(for: .seconds(3))
            #expect(peers[0].machine.delivery(of: number).map { [$0.asked, $0.acknowledged] } == [50, 50])
            #expect(peers[1...].allSatisfy { $0.messages.count == round })
        }
    }

    @Test("a broadcast is acknowledged by all, at different times, and repeated only to those whose ACK is missing")
    func toAll() throws {
        let peers = try mesh.join(10)
        mesh.drop(.ack, count: 1) { $0.source == peers[4].address }
        let number = try broadcast(from: peers[0])
        mesh.run(for: .milliseconds(50))
        #expect(peers[0].machine.delivery(of: number) == nil)
        let times = Set(mesh.sent(.ack).map(\.sentAt))
        #expect(mesh.sent(.ack).count == 9 && times.count > 4)
        mesh.run(for: .milliseconds(400))
        #expect(peers[0].machine.delivery(of: number).map { [$0.asked, $0.acknowledged] } == [9, 9])
        #expect(mesh.sent(.message).count == 10)
        #expect(peers[1...].allSatisfy { $0.messages.count == 1 })
    }

    @Test("a copy that comes to the receiver's new session is acknowledged and not delivered again")
    func receiverRejoins() throws {
        let mesh = TestMesh { $0.rekey = .seconds(10) }
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(5))
        // `late` joins later than the other peers, so it also changes its keys later.
        let late = try mesh.addPeer("late")
        mesh.run(for: .seconds(4))
        mesh.drop(.ack) { _ in peers[0].joins < 2 }
        let number = try send("once", from: late, to: peers[0], within: .seconds(20), in: mesh)
        let session = peers[0].machine.session
        mesh.run(for: .seconds(4))
        #expect(peers[0].joins == 2 && peers[0].machine.session != session && late.joins == 1)
        #expect(late.machine.delivery(of: number)?.isComplete == true)
        #expect(Set(try mesh.sent(.message).map { try Datagram(decoding: $0.bytes.span).header.to }).count == 2)
        #expect(peers[0].messages.count == 1)
    }

    @Test("a sender with a new session does not repeat the message, and does not report it as delivered")
    func senderRejoins() throws {
        let mesh = TestMesh { $0.rekey = .seconds(10) }
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(9))
        mesh.drop(.ack)
        let number = try send("unknown", from: peers[0], to: peers[1], within: .seconds(10), in: mesh)
        mesh.run(for: .seconds(3))
        #expect(peers[0].joins == 2)
        let sent = mesh.sent(.message).count
        mesh.run(for: .seconds(7))
        #expect(mesh.sent(.message).count == sent)
        #expect(peers[0].machine.delivery(of: number).map { [$0.asked, $0.acknowledged] } == [1, 0])
        #expect(peers[1].messages.count == 1)
    }

    @Test("an ACK by another member than the receiver counts for nothing") func otherMember() throws {
        let peers = try mesh.join(2)
        let hand = try mesh.joinScripted()
        mesh.drop(.message)
        let number = try send("lost", from: peers[0], to: peers[1])
        let entry = try hand.entry(of: peers[0])
        let acknowledgment = hand.peer.acknowledgment(of: number, to: entry, counter: 1)
        mesh.inject(try #require(acknowledgment).bytes, from: .place, to: peers[0].address)
        mesh.run(for: .milliseconds(10))
        #expect(peers[0].machine.rejections.total == 0)
        #expect(peers[0].machine.delivery(of: number) == nil)
    }

    @Test("a result names those who have and who have not acknowledged, and is forgotten when it is taken")
    func names() throws {
        let peers = try mesh.join(4)
        mesh.drop(.message) { $0.destination == peers[2].address }
        let number = try broadcast(from: peers[0], within: .seconds(1))
        mesh.run(for: .seconds(1))
        let result = try #require(peers[0].machine.delivery(of: number))
        #expect(Set(result.acknowledgedBy) == [peers[1].publicKey, peers[3].publicKey])
        #expect(result.missing == [peers[2].publicKey] && result.time == .seconds(1))
        mesh.with(peers[0]) { $0.forgetDelivery(of: number) }
        #expect(peers[0].machine.delivery(of: number)?.isForgotten == true)
    }

    @Test("a probe is acknowledged after a round trip, and no program gets it, whatever is lost") func probe() throws {
        let peers = try mesh.join(2)
        let probe = {
            try mesh.with(peers[0]) { try $0.probe(peers[1].publicKey, within: .seconds(5), now: mesh.now) }
        }
        let first = try probe()
        mesh.run(for: .milliseconds(100))
        let quick = try #require(peers[0].machine.delivery(of: first))
        #expect(quick.isComplete && quick.time > .zero && quick.time < .milliseconds(100))
        mesh.drop(.ack, count: 2)
        let second = try probe()
        mesh.run(for: .seconds(2))
        #expect(peers[0].machine.delivery(of: second)?.isComplete == true)
        #expect(peers[1].messages.isEmpty && peers[1].machine.rejections.total == 0)
        // The receiver delivers an ordinary message that follows the probe.
        _ = try send("seen", from: peers[0], to: peers[1])
        mesh.run(for: .milliseconds(100))
        #expect(peers[1].messages.count == 1)
    }

    @Test("results that nobody takes are kept up to 65,536 receivers, and the newest always") func manyReceivers() {
        var finished = FinishedDeliveries()
        let keys = (0..<40_000).map { _ in PublicKey(bytes: .zero) }
        for number in 1...3 as ClosedRange<UInt64> {
            finished.add(DeliveryResult(acknowledgedBy: keys, missing: [], time: .zero), for: number)
        }
        #expect(finished[1] == nil && finished[2] == nil && finished[3] != nil)
    }

    @Test("at most 256 messages wait, and none that is 2,048 numbers above the oldest") func limits() throws {
        let peers = try mesh.join(3)
        mesh.drop(.message)
        for _ in 0..<Limits.unacknowledgedMessages { _ = try send("x", from: peers[0], to: peers[1]) }
        #expect(throws: SendError.queueFull) { try send("x", from: peers[0], to: peers[2]) }
        #expect(throws: SendError.queueFull) { try broadcast(from: peers[0]) }
        // This limit does not apply to a message that asks for no acknowledgment.
        try mesh.send("x", from: peers[0], to: peers[2])
        let deliveries = deliveries(from: 1, to: [peers[1].publicKey])
        #expect(deliveries.hasRoom(number: 2_052, bodySize: 0, receivers: 1))
        #expect(!deliveries.hasRoom(number: 2_053, bodySize: 0, receivers: 1))
        #expect(!deliveries.hasRoom(number: 6, bodySize: Limits.unacknowledgedBytes, receivers: 1))
    }

    /// Returns the deliveries of a peer that has sent a message with the number 5 at 0 ms, in the session `session`.
    private func deliveries(from session: UInt64, to receivers: [PublicKey]) -> Deliveries {
        var deliveries = Deliveries()
        let message = PeerMessage(audience: nil, number: 5, flags: .acknowledge, body: [])
        let signer = Signer(key: Fixture.peerKey, context: Fixture.context, from: session)
        deliveries.begin(
            message, signer.sign(.message, message), to: receivers, timeout: .seconds(9), spread: .zero, now: at(0))
        return deliveries
    }

    @Test("a message is not repeated to a receiver that got it under another session's signature")
    func otherSession() {
        let receivers = [Fixture.otherKey.publicKey, Fixture.serverKey.publicKey]
        var deliveries = deliveries(from: 7, to: receivers)
        deliveries.noteSealed(5, for: receivers[0], from: 7)
        deliveries.noteSealed(5, for: receivers[1], from: 6)
        var random = RandomSource.seeded(1)
        let due = deliveries.due(in: SessionID(rawValue: 7), random: &random, now: at(250))
        #expect(due.map(\.receivers) == [[receivers[0]]])
        #expect(deliveries.misses(5, from: receivers[1]))
    }

    @Test("a message number is delivered once, however late a copy is, and one far below the newest is refused")
    func window() throws {
        var acknowledger = Acknowledger()
        let (session, other) = (try sessions(1)[0], try sessions(2)[0])
        #expect(acknowledger.note(3_000, from: session) == .first)
        #expect(acknowledger.note(3_000, from: session) == .repeated)
        #expect(acknowledger.note(953, from: session) == .first)
        #expect(acknowledger.note(952, from: session) == .tooOld)
        #expect(acknowledger.note(3_000, from: other) == .first)
        acknowledger.end(session, now: at(0))
        acknowledger.expire(now: at(4_999))
        #expect(acknowledger.note(3_000, from: session) == .repeated)
        acknowledger.expire(now: at(5_000))
        #expect(acknowledger.usages[0].count == 1)
        acknowledger.endAll(unless: { $0 == other }, now: at(6_000))
        acknowledger.expire(now: at(20_000))
        #expect(acknowledger.usages[0].count == 1)
        acknowledger.endAll(unless: { _ in false }, now: at(20_000))
        acknowledger.expire(now: at(25_000))
        #expect(acknowledger.usages[0].count == 0 && acknowledger.deadline == nil)
    }

    @Test("a sender that joins again and again and then uses its former session grows no table")
    func formerSessions() throws {
        let peer = try mesh.join(1)[0]
        let sender = try ScriptedMember("hand", in: mesh)
        try sender.join()
        func inject(_ bytes: [UInt8]) {
            mesh.inject(bytes, from: sender.address, to: peer.address)
            mesh.run(for: .zero)
        }
        for round in 1...UInt64(5) {
            mesh.run(for: .seconds(1))
            inject(try sender.message("first", to: peer, audience: nil, number: 2 * round))
            var former = sender.peer
            let entry = try sender.entry(of: peer)
            try sender.join()
            mesh.run(for: .milliseconds(600))
            let late = PeerMessage(audience: nil, number: 2 * round + 1, flags: .acknowledge, body: [])
            let message = former.message(late, to: entry, counter: late.number)
            inject(try #require(message).bytes)
            #expect(peer.messages.count == Int(2 * round))
        }
        mesh.run(for: .seconds(10))
        let count = peer.machine.usages.first { $0.name == "numbered senders" }?.count
        #expect(count == 0)
    }

    @Test("at most 4,000 ACKs are kept at once, in the order of their times") func delayed() throws {
        var acknowledger = Acknowledger()
        let session = try sessions(1)[0]
        for number in 1...UInt64(5_000) {
            let delay = Duration.milliseconds(Int(number * 7 % 100))
            acknowledger.schedule(
                Acknowledger.Acknowledgment(session: session, number: number, at: at(0) + delay), now: at(0))
        }
        let due = acknowledger.due(now: at(50))
        #expect(due.map(\.at) == due.map(\.at).sorted())
        #expect(due.count + acknowledger.due(now: at(100)).count == Limits.acknowledgmentRate.burst)
    }
}
