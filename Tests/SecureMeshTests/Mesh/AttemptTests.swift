import SecureMesh
import SelfTest
import Testing

/// PROTOCOL.md, section 5, from the peer's attempts alone: which RETRY has a HELLO sent, and where there is none.
@Suite("Attempts to join") struct AttemptTests {
    private static func joining(_ servers: [PublicKey] = [Fixture.serverKey.publicKey]) throws -> Joining {
        var joining = Joining(
            Peer.Configuration(
                key: Fixture.peerKey, name: try Fixture.name("a"), servers: servers, server: Fixture.address(1)))
        joining.start(at: .start)
        return joining
    }

    /// The server's RETRY for `hello`, and what it verifies to.
    private static func retry(_ hello: [UInt8], cookie: Bytes16) throws -> (retry: VerifiedRetry, tag: UInt64) {
        let signed = SignedPayload(
            .retry, from: Fixture.epoch, clear: .rotation(1), payload: [], context: Fixture.context,
            key: Fixture.serverKey)
        let tag = Handshake.tag(of: hello)
        let bytes = signed.unsealed(to: tag, delivery: .cookie(cookie))
        return (try VerifiedRetry(bytes.span, Datagram(decoding: bytes.span), in: Fixture.context), tag)
    }

    private static func cookie(of hello: [UInt8]) throws -> Bytes16? {
        guard case .cookie(let cookie) = try Datagram(decoding: hello.span).header.delivery else { return nil }
        return cookie
    }

    @Test("a RETRY to a HELLO with a cookie sends nothing; its cookie is the next attempt's")
    func staleCookie() throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let cookies = (0..<3).map { _ in random.bytes16() }

        let hello = try #require(joining.poll(now: .start, random: &random).first)
        #expect(try Self.cookie(of: hello) == .zero)
        let first = try Self.retry(hello, cookie: cookies[0])
        let proven = try #require(
            try joining.handleRetry(first.retry, tagged: first.tag, now: .start, random: &random))
        #expect(try Self.cookie(of: proven) == cookies[0])

        let second = try Self.retry(proven, cookie: cookies[1])
        let answer = try joining.handleRetry(second.retry, tagged: second.tag, now: .start, random: &random)
        #expect(answer == nil)

        // Neither a second one to this HELLO nor one to the HELLO that was given up for it counts.
        let third = try Self.retry(proven, cookie: cookies[2])
        #expect(throws: Rejection.repeatedRetry) {
            try joining.handleRetry(third.retry, tagged: third.tag, now: .start, random: &random)
        }
        #expect(throws: Rejection.unknownTag) {
            try joining.handleRetry(first.retry, tagged: first.tag, now: .start, random: &random)
        }

        let later = Instant.after(ProtocolConstants.secondAttempt)
        let next = try #require(joining.poll(now: later, random: &random).last)
        #expect(try Self.cookie(of: next) == cookies[1])
    }

    @Test("a WELCOME with a key of small order is refused before it is opened", arguments: [0, 1] as [UInt8])
    func smallOrderWelcome(low: UInt8) throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let hello = try #require(joining.poll(now: .start, random: &random).first)
        let attempt = try joining.attempt(tagged: Handshake.tag(of: hello))
        let key = AgreementPublicKey(bytes: Bytes32(([low] + [UInt8](repeating: 0, count: 31)).span))
        // Anyone who saw the HELLO knows its tag: this needs no key.
        let header = Header(
            .welcome, to: attempt.tag, from: Fixture.epoch, counter: 0, delivery: .none, clear: .agreementKey(key))
        let bytes =
            header.encode(size: Kind.welcome.minimumSize)
            + [UInt8](repeating: 7, count: Kind.welcome.minimumSize - Kind.welcome.sealedOffset)
        let datagram = try Datagram(decoding: bytes.span)
        expectRefusal(.agreementFailed) { () throws(Rejection) in
            try attempt.openWelcome(bytes.span, datagram, serverKey: key)
        }
    }

    @Test("a WELCOME whose session is the server's own epoch is refused, whoever signed it")
    func sessionIsEpoch() throws {
        let server = HandServer(seed: 8)
        var client = try server.peer("a")
        _ = try server.join(&client, session: SessionID(rawValue: server.epoch))
        #expect(client.machine.rejections[.invalidSessionIDs] > 0)
        #expect(client.machine.session == nil)
    }

    /// A member that holds version 2 and has gone stale at 1.5 s; HEARTBEAT number 2 was sent then.
    private static func stale(
        _ server: HandServer, rekey: Duration = .seconds(3_600)
    ) throws -> (HandServer.Client, Entry) {
        var client = try server.peer("a")
        let parameters = Welcome.Parameters(
            heartbeat: .milliseconds(500), lifetime: .milliseconds(1_500), trust: .seconds(60), rekey: rekey)
        let entry = try server.join(&client, parameters: parameters)
        try server.tell(&client, [entry], version: 2)
        server.now = at(1_500)
        client.machine.handleTimeout(now: server.now)
        #expect(server.events(&client).contains(.connectionLost))
        return (client, entry)
    }

    /// A PULSE in the session that `member` had.
    private static func pulse(
        _ number: UInt64, echo: UInt64, from server: HandServer, to client: inout HandServer.Client,
        as member: HandServer.Client, _ entry: Entry
    ) throws {
        client.sendKey = member.sendKey
        try server.deliver(
            .pulse, Pulse(number: number, token: number, version: 2), to: &client, entry, delivery: .echo(echo),
            counter: number)
    }

    @Test("a WELCOME for the session that the peer has is refused, and that session goes on")
    func ownSession() throws {
        let server = HandServer(seed: 9)
        let (member, entry) = try Self.stale(server)
        var client = member
        _ = try server.join(&client, session: entry.session)
        #expect(client.machine.rejections[.invalidSessionIDs] == 1)
        #expect(client.machine.session == entry.session)
        try Self.pulse(50, echo: 2, from: server, to: &client, as: member, entry)
        #expect(server.events(&client).contains(.connectionRecovered))
    }

    @Test("a session that is never confirmed, given up when new keys are due, is followed by a HELLO at once")
    func givenUpAtRekey() throws {
        let server = HandServer(seed: 10)
        let (member, entry) = try Self.stale(server, rekey: .seconds(2))
        var client = member
        _ = try server.join(&client, isConfirmed: false)
        // The old session recovers, which ends all attempts but the one that a CONFIRM was sent for.
        try Self.pulse(50, echo: 2, from: server, to: &client, as: member, entry)
        #expect(server.events(&client).contains(.connectionRecovered))
        server.now = at(2_500)
        client.machine.handleTimeout(now: server.now)
        try Self.pulse(51, echo: 3, from: server, to: &client, as: member, entry)
        #expect(try kinds(server.transmits(&client)) == [.confirm, .heartbeat])

        server.now = at(3_000)
        client.machine.handleTimeout(now: server.now)
        #expect(try kinds(server.transmits(&client)).first == .hello)
        #expect(client.machine.session == entry.session)
    }

    @Test("a new session that replaces the old one and then falls silent is a lost connection, and joined anew")
    func silentSuccessor() throws {
        let server = HandServer(seed: 11)
        var client = try server.peer("a")
        let parameters = Welcome.Parameters(
            heartbeat: .milliseconds(500), lifetime: .milliseconds(1_500), trust: .seconds(60), rekey: .seconds(1))
        let entry = try server.join(&client, parameters: parameters)
        try server.tell(&client, [entry], version: 2)
        server.now = at(1_000)
        client.machine.handleTimeout(now: server.now)
        #expect(try kinds(server.transmits(&client)).last == .heartbeat)
        let member = client
        _ = try server.join(&client, isConfirmed: false)
        client.sendKey = member.sendKey
        try server.deliver(.goodbye, Goodbye(session: entry.session, reason: .replaced), to: &client, entry)
        #expect(client.machine.session == nil)
        // Its own doing, so nothing has been lost yet.
        #expect(server.events(&client).isEmpty)

        server.now = at(2_500)
        var (sent, events): ([Kind], [PeerEvent]) = ([], [])
        client.machine.handleTimeout(now: server.now)
        while let output = client.machine.pollOutput() {
            switch output {
            case .transmit(let transmit): sent += try kinds([transmit.bytes])
            case .event(let event): events.append(event)
            case .drain: break
            }
        }
        #expect(sent == [.hello])
        #expect(events == [.connectionLost])
    }

    private func kinds(_ datagrams: [[UInt8]]) throws -> [Kind] {
        try datagrams.map { try Datagram(decoding: $0.span).header.kind }
    }

    @Test("a pinned key without an X25519 form is never tried", arguments: [0, 1] as [UInt8])
    func noAgreementKey(low: UInt8) throws {
        // The points of order 4 and 1.
        let key = PublicKey(bytes: Bytes32(([low] + [UInt8](repeating: 0, count: 31)).span))
        #expect(Sodium.agreementKey(of: key) == nil)
        var random = RandomSource.seeded(1)
        var joining = try Self.joining([key])
        #expect(joining.deadline == nil && !joining.isActive)
        let later = Instant.after(.seconds(60))
        joining.pause(until: later)
        #expect(joining.poll(now: later, random: &random).isEmpty)
    }
}
