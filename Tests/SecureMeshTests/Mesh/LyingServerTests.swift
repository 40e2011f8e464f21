import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests that a peer refuses wrong datagrams from its own server (PROTOCOL.md, sections 6, 7 and 9).
@Suite("A peer and its server") struct LyingServerTests {
    private let server = ScriptedMesh(seed: 4)

    @Test("a PULSE whose number does not rise is refused, whatever its counter") func pulseNumbers() throws {
        var (client, _) = try server.onlyMember()
        let pulse = Pulse(number: 1, version: 2)
        try server.deliver(.pulse(echo: 1, token: 9), pulse, to: &client)
        #expect(client.machine.rejections[.numberStale] == 1)
    }

    @Test("a PULSE that echoes no heartbeat of the last three intervals does not keep the connection")
    func staleEcho() throws {
        var (client, _) = try server.onlyMember()
        server.wait(&client, until: at(1_499))
        for echo: UInt64 in [0, 99, .max] {
            let pulse = Pulse(number: 10 + echo % 50, version: 2)
            try server.deliver(.pulse(echo: echo, token: 9), pulse, to: &client)
        }
        server.now = at(1_500)
        client.machine.handleTimeout(now: server.now)
        #expect(server.events(&client).contains(.connectionLost))
    }

    @Test("a PULSE above the version held does not extend trust until the DELTA to that version is applied")
    func trust() throws {
        var (client, own) = try server.onlyMember()
        _ = server.transmits(&client)
        server.now = at(1_000)
        client.machine.handleTimeout(now: server.now)
        // The peer's last heartbeat has the number 3 and asks for a PULSE. So the PULSE echoes 3.
        let pulse = server.pulse(number: 50, version: 3, of: [own, try .sample(7)])
        try server.deliver(.pulse(echo: 3, token: 9), pulse, to: &client)
        #expect(!client.machine.isTrusted(at(60_500)))
        let delta = Delta(from: 2, removed: [], added: [try .sample(7)])
        try server.deliver(.delta, delta, to: &client)
        #expect(client.machine.isTrusted(at(60_500)))
        #expect(!client.machine.isTrusted(at(61_000)))
    }

    @Test("a fresh PULSE without the flag `current` keeps the connection and does not extend trust")
    func notCurrent() throws {
        var (client, own) = try server.onlyMember()
        server.now = at(1_000)
        client.machine.handleTimeout(now: server.now)
        let flagged: [(Pulse.Flags, isTrusted: Bool)] = [([], false), (.seek, false), ([.current, .seek], true)]
        for (number, (flags, isTrusted)) in flagged.enumerated() {
            var pulse = server.pulse(number: 50 + UInt64(number), version: 2, of: [own])
            pulse.flags = flags
            try server.deliver(.pulse(echo: 3, token: 9), pulse, to: &client)
            #expect(client.machine.isTrusted(at(60_500)) == isTrusted, "\(flags)")
        }
        client.machine.handleTimeout(now: at(2_000))
        #expect(!server.events(&client).contains(.connectionLost))
    }

    @Test("an intact seal around a signature that is not the server's changes nothing, not even the window")
    func wrongSignature() throws {
        var (client, entry) = try server.onlyMember()
        let goodbye = Goodbye(session: entry.session, reason: .revoked)
        let thief = SigningKey(seed: [UInt8](repeating: 3, count: 32).span)
        let counter = try server.deliver(.goodbye, goodbye, to: &client, by: thief)
        #expect(client.machine.rejections[.signatureInvalid] == 1)
        #expect(client.machine.session == entry.session)
        try server.deliver(.goodbye, goodbye, to: &client, counter: counter)
        #expect(server.events(&client).suffix(2) == [.dismissed(.revoked), .ended(.revoked)])
    }

    @Test("a GOODBYE ends only the session that it names") func otherGoodbye() throws {
        var (client, entry) = try server.onlyMember()
        let goodbye = Goodbye(session: try sessions(12)[0], reason: .expired)
        try server.deliver(.goodbye, goodbye, to: &client)
        #expect(client.machine.rejections[.unknownSession] == 1)
        #expect(client.machine.session == entry.session)
    }

    @Test("GOODBYE \"misbehaved\" keeps a peer away for 60 s") func misbehaved() throws {
        var (client, entry) = try server.onlyMember()
        try server.deliver(.goodbye, Goodbye(session: entry.session, reason: .misbehaved), to: &client)
        #expect(client.machine.nextDeadline == at(60_000))
    }

    @Test("a peer whose session the directory no longer lists goes on until GOODBYE") func unlisted() throws {
        var (client, own) = try server.onlyMember()
        let other = try server.entry(
            "b", key: Fixture.otherKey, agreementKey: server.random.secret().agreementPublicKey, at: 100)
        try server.deliver(.delta, Delta(from: 2, removed: [own.session], added: [other]), to: &client)
        #expect(client.machine.version == 3 && client.machine.session == own.session)
        #expect(client.machine.isTrusted(server.now) && client.machine.maySpeak(server.now))
        let reached = try client.machine.broadcast([1], limit: PeerMessage.ordinaryBody, now: server.now)
        #expect(reached == 1)
        _ = server.transmits(&client)
        server.now = at(499)
        client.machine.handleTimeout(now: server.now)
        let sent = try server.transmits(&client).map { try Datagram(decoding: $0.span).header.kind }
        #expect(sent == [.heartbeat])
        try server.deliver(.goodbye, Goodbye(session: own.session, reason: .expired), to: &client)
        #expect(client.machine.session == nil)
    }

    @Test("a peer sends no message to a member that a lying server lists under the peer's own session")
    func ownSession() throws {
        var (client, own) = try server.onlyMember()
        // After a false digest, a SNAPSHOT may list any entry under a session that the peer knows.
        try server.deliver(
            .pulse(echo: 1, token: 9), Pulse(number: 50, version: 2, flags: .current, digest: .zero), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 1)
        let entry = try server.entry(
            "b", key: Fixture.otherKey, agreementKey: server.random.secret().agreementPublicKey, at: 100)
        let heir = Entry(
            session: own.session, identity: entry.identity, agreementKey: entry.agreementKey, binding: entry.binding,
            address: entry.address, name: entry.name)
        try server.deliver(.snapshot, Snapshot(version: 3, part: 0, parts: 1, entries: [heir]), to: &client)
        #expect(client.machine.members == [Member(heir)])
        _ = server.transmits(&client)
        _ = try client.machine.broadcast([1], limit: PeerMessage.ordinaryBody, now: server.now)
        #expect(throws: SendError.bindingInvalid) {
            try client.machine.send([1], to: heir.identity, limit: PeerMessage.ordinaryBody, now: server.now)
        }
        let sent = server.transmits(&client).filter { $0[1] == Kind.message.rawValue }
        #expect(sent.isEmpty)
    }

    @Test("a message was reported as delivered after a lying server had made its repeats impossible")
    func unsealableRepeat() throws {
        var (client, own) = try server.onlyMember()
        let entry = try server.entry(
            "b", key: Fixture.otherKey, agreementKey: server.random.secret().agreementPublicKey, at: 100)
        try server.tell(&client, [own, entry], version: 3)
        let number = try client.machine.send(
            [1], to: entry.identity, acknowledgedWithin: .seconds(1), limit: PeerMessage.ordinaryBody, now: server.now)
        let lie = Entry(
            session: server.random.sessionID { _ in false }, identity: entry.identity,
            agreementKey: server.random.secret().agreementPublicKey, binding: entry.binding, address: entry.address,
            name: entry.name)
        try server.tell(&client, [own, lie], version: 4)
        let start = server.now
        while client.machine.delivery(of: number) == nil, server.now < start + .seconds(2) {
            server.now = server.now + .milliseconds(100)
            client.machine.handleTimeout(now: server.now)
        }
        #expect(client.machine.rejections[.bindingInvalid] == 1)
        #expect(client.machine.delivery(of: number).map { [$0.asked, $0.acknowledged] } == [1, 0])
    }

    @Test("a contradictory DELTA or SNAPSHOT is refused, counted and changes nothing") func contradiction() throws {
        var (client, entry) = try server.onlyMember()
        var double = try Entry.sample(7)
        double.name = entry.name
        try server.deliver(.delta, Delta(from: 2, removed: [], added: [double]), to: &client)
        let entries = [entry, double].sorted { $0.session < $1.session }
        try server.deliver(
            .snapshot, Snapshot(version: 3, part: 0, parts: 1, entries: entries), to: &client)
        #expect(client.machine.rejections[.directoryContradiction] == 2)
        #expect(client.machine.version == 2)
    }

    @Test("an early DELTA that contradicts the directory is counted when its version is reached")
    func earlyContradiction() throws {
        var (client, entry) = try server.onlyMember()
        try server.deliver(.delta, Delta(from: 3, removed: [], added: [entry]), to: &client)
        #expect(client.machine.rejections.total == 0)
        try server.deliver(.delta, Delta(from: 2, removed: [], added: [try .sample(7)]), to: &client)
        #expect(client.machine.rejections[.directoryContradiction] == 1)
        #expect(client.machine.version == 3)
    }

    @Test("a server that echoes old heartbeats to hasten new ones gets at most twenty per interval")
    func hastened() throws {
        var (client, own) = try server.onlyMember()
        server.wait(&client, until: at(1_000))
        var answers = 0
        for number in 0..<UInt64(300) {
            server.now = at(1_000 + Int64(number))
            let pulse = server.pulse(number: 50 + number, version: 2, of: [own])
            try server.deliver(.pulse(echo: 1, token: 9), pulse, to: &client)
            client.machine.handleTimeout(now: server.now)
            answers += server.transmits(&client).count
            #expect(client.machine.usages.filter { !$0.isKept }.isEmpty)
        }
        #expect((1...12).contains(answers))
    }

    @Test("no message is sealed for or accepted from a member whose signed key is of small order")
    func smallOrderEntry() throws {
        var (client, own) = try server.onlyMember()
        let zero = AgreementPublicKey(bytes: Bytes32([UInt8](repeating: 0, count: 32).span))
        let small = try server.entry("small", key: Fixture.otherKey, agreementKey: zero, at: 100)
        let honest = try server.entry(
            "honest", key: Fixture.peerKey, agreementKey: server.random.secret().agreementPublicKey, at: 101)
        try server.tell(&client, [own, small, honest], version: 3)

        // An agreement with a key of small order gives no shared secret. So this message is sealed with a random
        // secret.
        let message = server.message(from: small, to: own, shared: server.random.secret())
        for _ in 0..<2 { server.hand(message, to: &client) }
        #expect(client.machine.rejections[.agreementFailed] == 1)
        #expect(client.machine.rejections[.bindingInvalid] == 1)

        let reached = try client.machine.broadcast([1], limit: PeerMessage.ordinaryBody, now: server.now)
        #expect(reached == 1)
        #expect(client.machine.rejections[.bindingInvalid] == 2)
        #expect(throws: SendError.bindingInvalid) {
            try client.machine.send([1], to: small.identity, limit: PeerMessage.ordinaryBody, now: server.now)
        }
    }

    @Test("a directory whose version is almost the largest number does not stop a peer") func largestVersions() throws {
        let most = UInt64.max
        var client = try server.peer("a")
        let own = try server.join(&client)
        try server.tell(&client, [own], version: most - 3)
        // After this wait, the peer's heartbeats carry this version.
        server.wait(&client, until: at(500))
        let pulse = server.pulse(number: 50, version: most, of: [own])
        try server.deliver(.pulse(echo: 1, token: 9), pulse, to: &client)
        server.wait(&client, until: at(900))
        let delta = Delta(from: most - 3, to: most, removed: [], added: [try .sample(7)])
        try server.deliver(.delta, delta, to: &client)
        #expect(client.machine.version == most)
        #expect(client.machine.members.count == 1)
    }

    @Test("new senders cost at most 200 agreements per second") func agreements() throws {
        var (client, own) = try server.onlyMember()
        var others: [Entry] = []
        let messages = try (1...201).map { index in
            let key = SigningKey(seed: server.random.bytes32().array.span)
            let secret = server.random.secret()
            let entry = try server.entry(
                "n\(index)", key: key, agreementKey: secret.agreementPublicKey, at: 100 + index)
            others.append(entry)
            // The message is sealed with the right key of the pair. The server signs it, because the server does not
            // have the sender's signing key.
            return server.message(from: entry, to: own, shared: try #require(secret.agree(with: own.agreementKey)))
        }
        try server.tell(&client, [own] + others, version: 3)
        for (entry, message) in zip(others, messages) { server.hand(message, to: &client, from: entry.address) }
        #expect(client.machine.rejections[.signatureInvalid] == 200)
        #expect(client.machine.rejections[.agreementOverRate] == 1)
        // The limit does not apply to sending: the first broadcast creates a pair with every member.
        let reached = try client.machine.broadcast([1], limit: PeerMessage.ordinaryBody, now: server.now)
        #expect(reached == others.count)
        // A member that has been sent a message by this peer may answer, whatever the limit is.
        let (last, message) = try (#require(others.last), #require(messages.last))
        try client.machine.send([2], to: last.identity, limit: PeerMessage.ordinaryBody, now: server.now)
        server.hand(message, to: &client, from: last.address)
        #expect(client.machine.rejections[.signatureInvalid] == 201)
    }
}
