import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the events of a peer before `.joined`. Before that event, the peer may not send messages.
@Suite("JoinedGate") struct JoinedGateTests {
    private let server = ScriptedMesh(seed: 12)

    /// Creates a peer that has received a message and trusts its directory. The directory does not list the peer yet,
    /// so the peer may not send messages.
    ///
    /// - Parameters:
    ///   - isEarly: True if the message arrives before the directory.
    ///   - asks: True if the message asks for an acknowledgment.
    private func hearer(
        isEarly: Bool = false, asks: Bool = false
    ) throws -> (client: ScriptedMesh.Client, own: Entry, sender: Entry) {
        var sender = try server.peer("sender")
        let senders = try server.join(&sender)
        var client = try server.peer("hearer")
        let own = try server.join(&client)
        try server.tell(&sender, [senders, own], version: 2)
        _ = server.transmits(&sender)
        if asks {
            _ = try sender.machine.broadcast([1], acknowledgedWithin: .seconds(1), limit: 1, now: server.now)
        } else {
            #expect(try sender.machine.broadcast([1], limit: 1, now: server.now) == 1)
        }
        let message = try #require(server.transmits(&sender).first)
        if isEarly { server.hand(message, to: &client) }
        #expect(client.machine.earlyMessageCount == (isEarly ? 1 : 0))
        try server.deliver(
            .snapshot, Snapshot(version: 2, part: 0, parts: 1, entries: [senders]), to: &client)
        if !isEarly { server.hand(message, to: &client) }
        #expect(client.machine.rejections.total == 0)
        #expect(server.events(&client).isEmpty)
        return (client, own, senders)
    }

    private func list(
        _ own: Entry, beside sender: Entry?, removing gone: [SessionID], to client: inout ScriptedMesh.Client
    ) throws {
        try server.deliver(.delta, Delta(from: 2, removed: gone, added: [own]), to: &client)
        let pulse = server.pulse(number: 50, version: 3, of: [own, sender].compactMap(\.self))
        try server.deliver(.pulse(echo: 1, token: 9), pulse, to: &client)
    }

    private let now = Instant(nanoseconds: 0)
    private let trusted = Instant(nanoseconds: 1)

    private func messages(_ events: [PeerEvent]) -> Int {
        events.count { if case .message = $0 { true } else { false } }
    }

    @Test(
        "a message received before its receiver may speak, or before the directory, is delivered after .joined",
        arguments: [(isEarly: false, asks: false), (true, false), (true, true)])
    func delivered(isEarly: Bool, asks: Bool) throws {
        var (client, own, sender) = try hearer(isEarly: isEarly, asks: asks)
        try list(own, beside: sender, removing: [], to: &client)
        let events = server.events(&client)
        #expect(events.first == .joined(address: own.address))
        #expect(messages(events) == 1)
        #expect(client.machine.rejections.total == 0)
    }

    @Test("an early message of a stranger is refused when its receiver has joined") func earlyStranger() throws {
        var (client, own, sender) = try hearer()
        let stranger = try Entry.sample(9)
        server.hand(server.message(from: stranger, to: own, shared: server.random.secret()), to: &client)
        #expect(client.machine.earlyMessageCount == 1)
        #expect(client.machine.rejections.total == 0)
        try list(own, beside: sender, removing: [], to: &client)
        #expect(messages(server.events(&client)) == 1)
        #expect(client.machine.rejections[.unknownSender] == 1)
        #expect(client.machine.earlyMessageCount == 0)
    }

    @Test("early messages have limits of number, bytes and time") func earlyLimits() {
        let path = Path(remote: TestMesh.address(1))
        var messages = EarlyMessages()
        let small = [UInt8](repeating: 0, count: 100)
        for index in 0...Limits.earlyMessages {
            let until = now + .seconds(index % 2 + 1)
            let isKept = messages.keep(small.span, path: path, failed: .untrusted, until: until)
            #expect(isKept == (index < Limits.earlyMessages))
        }
        let expired = [messages.takeExpired(now + .seconds(1)), messages.takeExpired(now + .seconds(1))]
        #expect(expired.map(\.count) == [Limits.earlyMessages / 2, 0])
        let others = messages.takeAll()
        #expect(others.count == Limits.earlyMessages / 2)
        #expect(messages.isEmpty)
        let large = [UInt8](repeating: 0, count: Limits.earlyMessageBytes / 2)
        for hasRoom in [true, true, false] {
            let isKept = messages.keep(large.span, path: path, failed: .untrusted, until: now)
            #expect(isKept == hasRoom)
        }
        #expect(messages.usages.allSatisfy { $0.isKept })
        let both = messages.takeExpired(now)
        #expect(both.count == 2)
        let isKept = messages.keep(large.span, path: path, failed: .untrusted, until: now)
        #expect(isKept)
    }

    @Test("a buffered message is dropped if its sender has left when .joined is emitted") func revokedMeanwhile() throws
    {
        var (client, own, sender) = try hearer()
        try list(own, beside: nil, removing: [sender.session], to: &client)
        let events = server.events(&client)
        #expect(events.first == .joined(address: own.address))
        #expect(messages(events) == 0)
    }

    @Test("a buffered message is dropped if the session ends before .joined") func ended() throws {
        var (client, own, _) = try hearer()
        try server.deliver(.goodbye, Goodbye(session: own.session, reason: .stopping), to: &client)
        let events = server.events(&client)
        #expect(events == [.dismissed(.stopping)])
    }

    private func present(_ members: [Member]) -> (PublicKey) -> Member? {
        { key in members.first { $0.publicKey == key } }
    }

    /// Emits `.joined` and the events that were buffered, while `members` are present.
    private func announce(_ gate: inout JoinedGate, _ members: Member...) -> [PeerEvent] {
        gate.announce(TestMesh.address(1), now: now, member: present(members))
    }

    @Test(".joined is emitted, and first, however many members there are") func manyMembers() throws {
        var gate = JoinedGate.begun
        var members: [PublicKey: Member] = [:]
        for session in 1...UInt64(Limits.events + 10) {
            let key = [UInt8(session >> 8), UInt8(session & 0xFF)] + [UInt8](repeating: 0, count: 30)
            let member = Member(
                name: try PeerName("n\(session)"), publicKey: PublicKey(bytes: Bytes32(key.span)),
                address: TestMesh.address(Int(session)))
            members[member.publicKey] = member
            #expect(gate.pass(.memberJoined(member)).isEmpty)
        }
        let events = gate.announce(TestMesh.address(1), now: now) { members[$0] }
        #expect(events.first == .joined(address: TestMesh.address(1)))
        #expect(events.count == Limits.events + 11)
    }

    /// Returns an event that reports a message, and the sender of that message.
    private func message() throws -> (event: PeerEvent, sender: Member) {
        var (client, own, sender) = try hearer()
        try list(own, beside: sender, removing: [], to: &client)
        let event = try #require(server.events(&client).first { if case .message = $0 { true } else { false } })
        return (event, Member(sender))
    }

    @Test("at most Limits.events messages are buffered; members that join after them are not dropped")
    func manyMessages() throws {
        var gate = JoinedGate.begun
        let (message, sender) = try message()
        for _ in 0..<Limits.events + 10 { #expect(gate.pass(message, trustedUntil: trusted).isEmpty) }
        let late = Member(try .sample(2))
        #expect(gate.pass(.memberJoined(late)).isEmpty)
        let events = announce(&gate, sender, late)
        #expect(events.count == 1 + Limits.events + 1)
        #expect(events.last == .memberJoined(late))
    }

    @Test("a message that waits for .joined is dropped once the session that received it is no longer trusted")
    func untrusted() throws {
        let (message, sender) = try message()
        let end = Instant(nanoseconds: 60_000_000_000)
        for (now, expected) in [(end - .nanoseconds(1), 1), (end, 0)] {
            var gate = JoinedGate.begun
            #expect(gate.pass(message, trustedUntil: end).isEmpty)
            #expect(messages(gate.announce(TestMesh.address(1), now: now, member: present([sender]))) == expected)
        }
    }

    @Test("messages before .joined are kept up to a number of bytes, and one without room is refused")
    func largeMessages() throws {
        var gate = JoinedGate.begun
        let sender = Member(try .sample(1))
        let size = PeerMessage.largestBody
        let message = ReceivedMessage(
            sender: sender, number: 1, isBroadcast: true, body: [UInt8](repeating: 1, count: size))
        var kept = 0
        while kept < Limits.events, gate.hasRoom(for: message, isOfPrevious: false) {
            #expect(gate.pass(.message(message), trustedUntil: trusted).isEmpty)
            kept += 1
        }
        #expect(kept == Limits.eventBytes / size)
        #expect(gate.pass(.message(message), trustedUntil: trusted).isEmpty)
        #expect(announce(&gate, sender).count == 1 + kept)
        // `announce` has emptied the buffer.
        #expect(gate.hasRoom(for: message, isOfPrevious: false))
        #expect(gate.usages.allSatisfy { $0.count == 0 })
    }

    @Test("a buffered message of a member that leaves and comes back follows its memberJoined") func cameBack() throws {
        let (event, sender) = try message()
        var gate = JoinedGate.begun
        for event in [.memberJoined(sender), event, .memberLeft(sender, reason: .expired), .memberJoined(sender)] {
            #expect(gate.pass(event, trustedUntil: trusted).isEmpty)
        }
        let address = TestMesh.address(1)
        let events = announce(&gate, sender)
        #expect(events == [.joined(address: address), .memberJoined(sender), event])
        #expect(gate.usages.allSatisfy { $0.count == 0 })
    }

    @Test("a sender that has left is forgotten when its message is: the session ends, or trust does")
    func departedSender() throws {
        let (event, sender) = try message()
        var gate = JoinedGate()
        for end in [PeerEvent.dismissed(.expired), .dismissed(.stopping)] {
            gate.begin()
            for event in [.memberJoined(sender), event, .memberLeft(sender, reason: .expired)] {
                #expect(gate.pass(event, trustedUntil: trusted).isEmpty)
            }
            #expect(gate.usages[0].count == 1 && gate.usages[3].count == 1)
            _ = gate.pass(end)
            #expect(gate.usages.allSatisfy { $0.count == 0 })
        }
    }

    @Test("the buffer is bounded when a server moves ever more names before .joined") func endlessNames() throws {
        var gate = JoinedGate.begun
        let (old, new) = (try Entry.sample(1).identity, try Entry.sample(2).identity)
        for number in 0..<Limits.rememberedIdentities + 10 {
            _ = gate.pass(.nameMoved(try PeerName("n\(number)"), from: old, to: new))
        }
        #expect(gate.usages.filter { !$0.isKept }.isEmpty)
        // The name n1 moves back while the event of its first move is still in the buffer. The two events cancel each
        // other.
        _ = gate.pass(.nameMoved(try PeerName("n1"), from: new, to: old))
        let events = announce(&gate)
        #expect(events.count == 1 + Limits.rememberedIdentities - 1)
    }

    @Test("the buffer is bounded when a server lists and removes members, and moves names, without end")
    func endlessMembers() throws {
        var gate = JoinedGate.begun
        for session in 1...UInt64(1_000) {
            let member = Member(try .sample(session))
            _ = gate.pass(.memberJoined(member))
            _ = gate.pass(.nameMoved(try PeerName("n1"), from: try Entry.sample(1).identity, to: member.publicKey))
            _ = gate.pass(.memberLeft(member, reason: nil))
        }
        #expect(gate.usages.map(\.count) == [0, 0, 1, 0, 0])
        let moved = PeerEvent.nameMoved(
            try PeerName("n1"), from: try Entry.sample(1).identity, to: try Entry.sample(1_000).identity)
        #expect(announce(&gate) == [.joined(address: TestMesh.address(1)), moved])
    }

    @Test("changes of a member before .joined are reported as the difference from the last report")
    func differences() throws {
        var gate = JoinedGate.begun
        let (first, second, third) = (Member(try .sample(1)), Member(try .sample(2)), Member(try .sample(3)))
        for member in [first, second, third] { _ = gate.pass(.memberJoined(member)) }
        _ = announce(&gate, first, second, third)
        gate.begin()
        let renamed = Member(try .sample(11, identity: 1, name: "renamed", port: 1))
        _ = gate.pass(.memberLeft(first, reason: .stopping))
        _ = gate.pass(.memberLeft(second, reason: .stopping))
        _ = gate.pass(.memberRejoined(renamed, previousName: first.name))
        _ = gate.pass(.memberLeft(third, reason: nil))
        _ = gate.pass(.memberJoined(third))
        let events = announce(&gate, renamed, third)
        let expected: [PeerEvent] = [
            .joined(address: TestMesh.address(1)), .memberRejoined(renamed, previousName: first.name),
            .memberLeft(second, reason: .stopping), .memberRejoined(third, previousName: nil),
        ]
        #expect(events == expected)
    }

    @Test("a name moves before the event of its new owner, also if an earlier change of the owner was buffered")
    func renamedBeforeJoined() throws {
        let (former, other) = (Member(try .sample(1)), Member(try .sample(2)))
        let renamed = Member(try .sample(12, identity: 2, name: former.name.description, port: 2))
        let address = TestMesh.address(1)
        var (gate, order) = (JoinedGate(), EventOrder())
        func take(_ events: [PeerEvent], in session: UInt64) {
            for event in events { #expect(order.take(event, in: SessionID(rawValue: session)) == nil) }
        }
        gate.begin()
        _ = gate.pass(.memberJoined(former))
        take(announce(&gate, former), in: 1)
        gate.begin()
        _ = gate.pass(.memberJoined(other))
        _ = gate.pass(.memberLeft(former, reason: .left))
        _ = gate.pass(.nameMoved(former.name, from: former.publicKey, to: other.publicKey))
        _ = gate.pass(.memberRejoined(renamed, previousName: other.name))
        let events = announce(&gate, renamed)
        let moved = PeerEvent.nameMoved(former.name, from: former.publicKey, to: other.publicKey)
        #expect(
            events == [.joined(address: address), moved, .memberJoined(renamed), .memberLeft(former, reason: .left)])
        take(events, in: 2)
    }

    @Test("members that change while there is no membership are reported after the next .joined") func between() throws
    {
        var gate = JoinedGate()
        let member = Member(try .sample(1))
        #expect(gate.pass(.memberJoined(member)).isEmpty)
        gate.begin()
        let events = announce(&gate, member)
        #expect(events == [.joined(address: TestMesh.address(1)), .memberJoined(member)])
    }

    @Test("if a server stops before a peer is back, the peer's events and its list of members still agree")
    func stoppedBeforeJoined() throws {
        var gate = JoinedGate.begun
        let (first, second, third) = (Member(try .sample(1)), Member(try .sample(2)), Member(try .sample(3)))
        for member in [first, second] { _ = gate.pass(.memberJoined(member)) }
        _ = announce(&gate, first, second)
        // The next session has a different directory. Its server stops before the peer may send messages.
        gate.begin()
        #expect(gate.pass(.memberLeft(first, reason: nil)).isEmpty)
        #expect(gate.pass(.memberJoined(third)).isEmpty)
        let events = gate.stop(member: present([second, third]))
        #expect(events == [.memberLeft(first, reason: nil), .memberJoined(third), .dismissed(.stopping)])
        #expect(gate.pass(.memberLeft(second, reason: nil)) == [.memberLeft(second, reason: nil)])
        #expect(gate.usages.map(\.count) == [0, 0, 0, 0, 0])
    }

    @Test(".joined is emitted once") func once() {
        var gate = JoinedGate()
        #expect(announce(&gate).isEmpty)
        gate.begin()
        #expect(announce(&gate).count == 1)
        #expect(announce(&gate).isEmpty)
    }

    @Test("a loss and a recovery before .joined are not reported, and .joined still is") func lostBefore() {
        var gate = JoinedGate.begun
        #expect(gate.pass(.connectionLost).isEmpty)
        #expect(gate.pass(.connectionRecovered).isEmpty)
        #expect(announce(&gate) == [.joined(address: TestMesh.address(1))])
        #expect(gate.pass(.connectionRecovered).isEmpty)
        #expect(gate.pass(.connectionLost) == [.connectionLost])
        #expect(gate.pass(.connectionLost).isEmpty)
        #expect(gate.pass(.connectionRecovered) == [.connectionRecovered])
    }

    @Test("a peer that loses and recovers its server before it may speak reports .joined, once and first")
    func recoveredBefore() throws {
        let mesh = TestMesh()
        let peer = try mesh.addPeer("peer")
        var isCut = false
        // Without the SNAPSHOT, the peer may not send messages.
        mesh.rules = [
            { $0.kind == .snapshot || isCut && $0.kind == .pulse || $0.kind == .hello && isCut ? .drop : nil }
        ]
        mesh.run(for: .seconds(1))
        #expect(peer.machine.isConnected)
        isCut = true
        #expect(mesh.run(atMost: .seconds(3)) { !peer.machine.isConnected })
        isCut = false
        mesh.rules = []
        mesh.run(for: .seconds(3))
        #expect(peer.machine.isConnected && mesh.hasConverged)
        #expect(peer.joins == 1)
        #expect(peer.events.allSatisfy { if case .joined = $0.event { true } else { false } })
    }
}

extension JoinedGate {
    /// A gate that buffers the events of a new session.
    fileprivate static var begun: JoinedGate {
        var gate = JoinedGate()
        gate.begin()
        return gate
    }
}
