import SecureMesh
import SelfTest
import Testing

/// The events of a peer before it may speak, and so before `.joined`.
@Suite("JoinedGate") struct JoinedGateTests {
    private let server = ScriptedMesh(seed: 12)

    /// Makes a peer that has received a message, trusts its directory, and may not speak because it is not listed yet.
    private func hearer() throws -> (client: ScriptedMesh.Client, own: Entry, sender: Entry) {
        var sender = try server.peer("sender")
        let senders = try server.join(&sender)
        var client = try server.peer("hearer")
        let own = try server.join(&client)
        try server.tell(&sender, [senders, own], version: 2)
        try server.deliver(
            .snapshot, Snapshot(version: 1, part: 0, parts: 1, entries: [senders]), to: &client)
        _ = server.transmits(&sender)
        #expect(try sender.machine.broadcast([1], limit: 1, now: server.now) == 1)
        let message = try #require(server.transmits(&sender).first)
        server.hand(message, to: &client)
        #expect(client.machine.rejections.total == 0)
        #expect(server.events(&client).isEmpty)
        return (client, own, senders)
    }

    private func list(_ own: Entry, removing gone: [SessionID], to client: inout ScriptedMesh.Client) throws {
        try server.deliver(.delta, Delta(from: 1, removed: gone, added: [own]), to: &client)
        let pulse = Pulse(number: 50, token: 9, version: 2)
        try server.deliver(.pulse(echo: 1), pulse, to: &client)
    }

    private func messages(_ events: [PeerEvent]) -> Int {
        events.count { if case .message = $0 { true } else { false } }
    }

    @Test("a message received before its receiver may speak is delivered after .joined") func delivered() throws {
        var (client, own, _) = try hearer()
        try list(own, removing: [], to: &client)
        let events = server.events(&client)
        #expect(events.first == .joined(address: own.address))
        #expect(messages(events) == 1)
    }

    @Test("a buffered message is dropped if its sender has left when .joined is emitted") func revokedMeanwhile() throws
    {
        var (client, own, sender) = try hearer()
        try list(own, removing: [sender.session], to: &client)
        let events = server.events(&client)
        #expect(events.first == .joined(address: own.address))
        #expect(messages(events) == 0)
    }

    @Test("a buffered message is dropped if the session ends before .joined") func ended() throws {
        var (client, own, _) = try hearer()
        try server.deliver(.goodbye, Goodbye(session: own.session, reason: .stopping), to: &client)
        let events = server.events(&client)
        #expect(events.last == .dismissed(.stopping))
        #expect(messages(events) == 0)
    }

    @Test(".joined is emitted, and first, however many members there are") func manyMembers() throws {
        var gate = JoinedGate()
        gate.begin()
        for session in 1...UInt64(Limits.events + 10) {
            let member = Member(try .sample(session))
            #expect(gate.pass(.memberJoined(member)).isEmpty)
        }
        let events = gate.announce(TestMesh.address(1)) { _ in true }
        #expect(events.first == .joined(address: TestMesh.address(1)))
        #expect(events.count == Limits.events + 11)
    }

    /// Returns a message event from a peer.
    private func message() throws -> PeerEvent {
        var (client, own, _) = try hearer()
        try list(own, removing: [], to: &client)
        return try #require(server.events(&client).first { if case .message = $0 { true } else { false } })
    }

    @Test("at most Limits.events messages are buffered; members that join after them are not dropped")
    func manyMessages() throws {
        var gate = JoinedGate()
        gate.begin()
        let message = try message()
        for _ in 0..<Limits.events + 10 { #expect(gate.pass(message).isEmpty) }
        #expect(gate.pass(.memberJoined(Member(try .sample(2)))).isEmpty)
        let events = gate.announce(TestMesh.address(1)) { _ in true }
        #expect(events.count == 1 + Limits.events + 1)
        #expect(events.last == .memberJoined(Member(try .sample(2))))
    }

    @Test("the buffer is bounded when a server lists and removes members without end") func endlessMembers() throws {
        var gate = JoinedGate()
        gate.begin()
        let member = Member(try .sample(1))
        for _ in 0..<Limits.directoryEntries { #expect(gate.pass(.memberJoined(member)).isEmpty) }
        #expect(gate.pass(try message()).isEmpty)
        // Messages are never emitted before .joined: their senders may have left.
        #expect(gate.pass(.memberLeft(member, reason: nil)).count == Limits.directoryEntries + 1)
        #expect(gate.pass(.memberLeft(member, reason: nil)).isEmpty)
        #expect(gate.announce(TestMesh.address(1)) { _ in true }.count == 2)
    }

    @Test(".joined is emitted once") func once() {
        var gate = JoinedGate()
        #expect(gate.announce(TestMesh.address(1)) { _ in true }.isEmpty)
        gate.begin()
        #expect(gate.announce(TestMesh.address(1)) { _ in true }.count == 1)
        #expect(gate.announce(TestMesh.address(1)) { _ in true }.isEmpty)
        #expect(gate.pass(.connectionRecovered) == [.connectionRecovered])
    }
}
