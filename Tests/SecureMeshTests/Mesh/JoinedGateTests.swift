import SecureMesh
import SelfTest
import Testing

/// What happens to a peer before it may speak, and so before `.joined`.
@Suite("JoinedGate") struct JoinedGateTests {
    private let server = HandServer(seed: 12)

    /// One that trusts its directory and may not speak, because that does not list it yet; it has heard a message.
    private func hearer() throws -> (client: HandServer.Client, own: Entry, sender: Entry) {
        var sender = try server.peer("sender")
        let senders = try server.join(&sender)
        var client = try server.peer("hearer")
        let own = try server.join(&client)
        try server.tell(&sender, [senders, own], version: 2)
        try server.deliver(
            .snapshot, Snapshot(version: 1, part: 0, parts: 1, entries: [senders]), to: &client, own)
        _ = server.transmits(&sender)
        #expect(try sender.machine.broadcast([1], limit: 1, now: server.now) == 1)
        let message = try #require(server.transmits(&sender).first)
        client.machine.handle(message.span, path: server.path, now: server.now)
        #expect(client.machine.rejections.total == 0)
        #expect(server.events(&client).isEmpty)
        return (client, own, senders)
    }

    private func list(_ own: Entry, removing gone: [SessionID], to client: inout HandServer.Client) throws {
        try server.deliver(.delta, Delta(from: 1, removed: gone, added: [own]), to: &client, own)
        let pulse = Pulse(number: 50, token: 9, version: 2)
        try server.deliver(.pulse, pulse, to: &client, own, delivery: .echo(1))
    }

    private func messages(_ events: [PeerEvent]) -> Int {
        events.count { if case .message = $0 { true } else { false } }
    }

    @Test("a message heard before its receiver may speak is delivered after joined") func delivered() throws {
        var (client, own, _) = try hearer()
        try list(own, removing: [], to: &client)
        let events = server.events(&client)
        #expect(events.first == .joined(address: own.address))
        #expect(messages(events) == 1)
    }

    @Test("it is not delivered if its sender is no member any more by then") func revokedMeanwhile() throws {
        var (client, own, sender) = try hearer()
        try list(own, removing: [sender.session], to: &client)
        let events = server.events(&client)
        #expect(events.first == .joined(address: own.address))
        #expect(messages(events) == 0)
    }

    @Test("nor if the session ends before it") func ended() throws {
        var (client, own, _) = try hearer()
        try server.deliver(.goodbye, Goodbye(session: own.session, reason: .stopping), to: &client, own)
        let events = server.events(&client)
        #expect(events.last == .dismissed(.stopping))
        #expect(messages(events) == 0)
    }

    @Test("joined comes first and comes at all, however many members there are") func manyMembers() throws {
        var announcement = JoinedGate()
        announcement.begin()
        for session in 1...UInt64(Limits.events + 10) {
            let member = Member(try .sample(session))
            #expect(announcement.pass(.memberJoined(member)).isEmpty)
        }
        let events = announcement.announce(TestMesh.address(1)) { _ in true }
        #expect(events.first == .joined(address: TestMesh.address(1)))
        #expect(events.count == Limits.events + 11)
    }

    /// One that a peer has delivered.
    private func message() throws -> PeerEvent {
        var (client, own, _) = try hearer()
        try list(own, removing: [], to: &client)
        return try #require(server.events(&client).first { if case .message = $0 { true } else { false } })
    }

    @Test("messages wait as far as the queue of events is long; the members heard of after them are not lost")
    func manyMessages() throws {
        var announcement = JoinedGate()
        announcement.begin()
        let message = try message()
        for _ in 0..<Limits.events + 10 { #expect(announcement.pass(message).isEmpty) }
        #expect(announcement.pass(.memberJoined(Member(try .sample(2)))).isEmpty)
        let events = announcement.announce(TestMesh.address(1)) { _ in true }
        #expect(events.count == 1 + Limits.events + 1)
        #expect(events.last == .memberJoined(Member(try .sample(2))))
    }

    @Test("a server that lists and unlists for ever makes nothing wait without bound") func endlessMembers() throws {
        var announcement = JoinedGate()
        announcement.begin()
        let member = Member(try .sample(1))
        for _ in 0..<Limits.directoryEntries { #expect(announcement.pass(.memberJoined(member)).isEmpty) }
        #expect(announcement.pass(try message()).isEmpty)
        // Messages are not let go before .joined; their senders may be gone by then.
        #expect(announcement.pass(.memberLeft(member)).count == Limits.directoryEntries + 1)
        #expect(announcement.pass(.memberLeft(member)).isEmpty)
        #expect(announcement.announce(TestMesh.address(1)) { _ in true }.count == 2)
    }

    @Test("joined is said once") func once() {
        var announcement = JoinedGate()
        #expect(announcement.announce(TestMesh.address(1)) { _ in true }.isEmpty)
        announcement.begin()
        #expect(announcement.announce(TestMesh.address(1)) { _ in true }.count == 1)
        #expect(announcement.announce(TestMesh.address(1)) { _ in true }.isEmpty)
        #expect(announcement.pass(.connectionRecovered) == [.connectionRecovered])
    }
}
