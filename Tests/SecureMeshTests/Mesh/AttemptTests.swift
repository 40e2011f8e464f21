import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests a peer's attempts to join, and the effect of each answer (PROTOCOL.md, section 5).
@Suite("Attempts to join") struct AttemptTests {
    private static func joining(_ servers: [PublicKey] = [Fixture.serverKey.publicKey]) throws -> Joining {
        var joining = Joining(
            Peer.Configuration(
                key: Fixture.peerKey, name: try Fixture.name("a"), servers: servers, server: Fixture.address(1)))
        joining.start(at: .start)
        return joining
    }

    /// Returns a scripted server that has received `hello`.
    private static func server(_ hello: [UInt8]) throws -> ScriptedServer {
        try ScriptedServer(
            key: Fixture.serverKey, context: Fixture.context, hello: hello, from: Fixture.address(1),
            session: Fixture.session(7), epoch: Fixture.epoch, ephemeral: Fixture.secret(11))
    }

    private static func retry(_ hello: [UInt8], cookie: Bytes16) throws -> [UInt8] {
        try server(hello).retry(cookie: cookie, rotation: 1).bytes
    }

    private static func reject(_ hello: [UInt8], _ reason: Reject.Reason) throws -> [UInt8] {
        try server(hello).reject(Reject(reason: reason, retrySeconds: 3), salt: Fixture.digest(7)).bytes
    }

    private static func handle(
        _ answer: [UInt8], by joining: inout Joining, random: inout RandomSource
    ) throws(Rejection) -> JoinAction {
        try joining.handle(answer, now: .start, random: &random)
    }

    private static func cookie(of hello: [UInt8]) throws -> Bytes16? {
        try Datagram(decoding: hello.span).header.cookie
    }

    @Test("a RETRY to a HELLO with a cookie sends nothing; the next attempt has its cookie")
    func staleCookie() throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let cookies = (0..<3).map { _ in random.bytes16() }

        let hello = try #require(joining.poll(now: .start, random: &random).first).bytes
        #expect(try Self.cookie(of: hello) == .zero)
        let first = try Self.retry(hello, cookie: cookies[0])
        guard case .sendHello(let proven) = try Self.handle(first, by: &joining, random: &random) else {
            Issue.record("the first RETRY sends no HELLO")
            return
        }
        #expect(try Self.cookie(of: proven.bytes) == cookies[0])

        let second = try Self.retry(proven.bytes, cookie: cookies[1])
        guard case .wait = try Self.handle(second, by: &joining, random: &random) else {
            Issue.record("the second RETRY does not wait")
            return
        }

        // The peer refuses a second RETRY to `proven`. It also refuses a RETRY to `hello`, which `proven` has replaced.
        let third = try Self.retry(proven.bytes, cookie: cookies[2])
        // A refused RETRY never counts as a failed answer, even if it comes many times.
        for _ in 0...ProtocolConstants.failedOpens {
            expectRefusal(.repeatedRetry) { () throws(Rejection) in
                try Self.handle(third, by: &joining, random: &random)
            }
        }
        expectRefusal(.unknownTag) { () throws(Rejection) in try Self.handle(first, by: &joining, random: &random) }

        let later = Instant.after(ProtocolConstants.secondAttempt)
        let next = try #require(joining.poll(now: later, random: &random).last).bytes
        #expect(try Self.cookie(of: next) == cookies[1])
    }

    @Test("a RETRY whose cookie is zeros causes one HELLO, and a RETRY to that one none")
    func zeroCookie() throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let hello = try #require(joining.poll(now: .start, random: &random).first).bytes
        guard
            case .sendHello(let next) = try Self.handle(
                Self.retry(hello, cookie: .zero), by: &joining, random: &random)
        else {
            Issue.record("the first RETRY sends no HELLO")
            return
        }
        #expect(next.bytes != hello)
        #expect(try Self.cookie(of: next.bytes) == .zero)
        guard case .wait = try Self.handle(Self.retry(next.bytes, cookie: .zero), by: &joining, random: &random) else {
            Issue.record("the second RETRY sends a HELLO")
            return
        }
        // The HELLO of the next attempt has no cookie, so the peer follows a RETRY to it again.
        let later = Instant.after(ProtocolConstants.secondAttempt)
        let second = try #require(joining.poll(now: later, random: &random).last).bytes
        #expect(try Self.cookie(of: second) == .zero)
        let cookie = random.bytes16()
        guard
            case .sendHello(let proven) = try Self.handle(
                Self.retry(second, cookie: cookie), by: &joining, random: &random)
        else {
            Issue.record("a RETRY to a new attempt sends no HELLO")
            return
        }
        #expect(try Self.cookie(of: proven.bytes) == cookie)
    }

    @Test("a RETRY to the older of two attempts replaces that one, and the younger is answered as before")
    func olderRetried() throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let older = try #require(joining.poll(now: .start, random: &random).first).bytes
        let later = Instant.after(ProtocolConstants.secondAttempt)
        let younger = try #require(joining.poll(now: later, random: &random).last).bytes
        #expect(older != younger)
        let (cookie, next) = (random.bytes16(), joining.deadline)
        guard
            case .sendHello(let proven) = try joining.handle(
                Self.retry(older, cookie: cookie), now: later, random: &random)
        else {
            Issue.record("the RETRY sends no HELLO")
            return
        }
        #expect(try Self.cookie(of: proven.bytes) == cookie)
        for (hello, isOutstanding) in [(older, false), (younger, true), (proven.bytes, true)] {
            let attempt = try? joining.attempt(tagged: Handshake.tag(of: hello))
            #expect((attempt != nil) == isOutstanding)
        }
        // The new HELLO is repeated at the same intervals as the first one. The time of the next attempt has not
        // changed.
        for gap in ProtocolConstants.helloRepeats {
            #expect(joining.deadline == later + gap)
            #expect(joining.poll(now: later + gap, random: &random) == [proven])
        }
        #expect(joining.deadline == next)
        // The next attempt replaces `younger`, which is the oldest outstanding HELLO.
        let third = joining.poll(now: try #require(next), random: &random)[0].bytes
        for (hello, isOutstanding) in [(younger, false), (proven.bytes, true), (third, true)] {
            let attempt = try? joining.attempt(tagged: Handshake.tag(of: hello))
            #expect((attempt != nil) == isOutstanding)
        }
    }

    @Test("a WELCOME with a key of small order is refused before it is opened", arguments: [0, 1] as [UInt8])
    func smallOrderWelcome(low: UInt8) throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let hello = try #require(joining.poll(now: .start, random: &random).first).bytes
        let key = AgreementPublicKey(bytes: Bytes32(([low] + [UInt8](repeating: 0, count: 31)).span))
        // Anyone who has seen the HELLO knows its tag, so an attacker needs no key for this.
        let header = Header(
            .welcome(ephemeral: key), to: Handshake.tag(of: hello), from: Fixture.epoch, counter: 0)
        let bytes =
            header.encode(size: Kind.welcome.minimumSize)
            + [UInt8](repeating: 7, count: Kind.welcome.minimumSize - Kind.welcome.sealedOffset)
        expectRefusal(.agreementFailed) { () throws(Rejection) in
            try Self.handle(bytes, by: &joining, random: &random)
        }
    }

    @Test("an attempt accepts no answer after four that failed") func failures() throws {
        var random = RandomSource.seeded(1)
        var joining = try Self.joining()
        let hello = try #require(joining.poll(now: .start, random: &random).first).bytes
        let reject = try Self.reject(hello, .busy)
        for _ in 0..<ProtocolConstants.failedOpens {
            expectRefusal(.sealBroken) { () throws(Rejection) in
                try Self.handle(reject.flipping(bit: 8 * (reject.count - 1)), by: &joining, random: &random)
            }
        }
        expectRefusal(.tooManyFailedAnswers) { () throws(Rejection) in
            try Self.handle(reject, by: &joining, random: &random)
        }
    }

    @Test("a REJECT ends all attempts: until its delay is over, or for good if it is final") func rejects() throws {
        for reason in Reject.Reason.allCases {
            var random = RandomSource.seeded(1)
            var joining = try Self.joining()
            let hello = try #require(joining.poll(now: .start, random: &random).first).bytes
            let reject = try Self.reject(hello, reason)
            switch try Self.handle(reject, by: &joining, random: &random) {
            case .excluded(let server):
                #expect(reason == .notAuthorized && server == Fixture.serverKey.publicKey)
                #expect(!joining.isActive && joining.deadline == nil)
                #expect(joining.exclude(server, random: &random, now: .start) == nil)
            case .retry(let refusal, let gap):
                #expect(reason != .notAuthorized && JoinRefusal(refusal) == JoinRefusal(reason))
                #expect(gap >= .seconds(3))
                #expect(joining.deadline == .after(gap))
            case .sendHello, .wait, .confirm:
                Issue.record("\(reason) neither waits nor gives up")
            }
            expectRefusal(.unknownTag) { () throws(Rejection) in
                try Self.handle(reject, by: &joining, random: &random)
            }
        }
    }

    @Test("no answer is accepted while a session waits for its first PULSE") func welcomeTwice() throws {
        let server = ScriptedMesh(seed: 7)
        var client = try server.peer("a")
        _ = try server.join(&client, isConfirmed: false)
        let hellos = server.transmits(&client)
        let again = try #require(client.server).welcome.bytes
        server.hand(again, to: &client)
        #expect(client.machine.rejections[.unknownTag] == 1)
        #expect(client.machine.rejections.total == 1)
        #expect(!hellos.contains { $0[1] == Kind.hello.rawValue })
    }

    @Test("a WELCOME whose session is the server's epoch is refused, even if the server signed it")
    func sessionIsEpoch() throws {
        let server = ScriptedMesh(seed: 8)
        var client = try server.peer("a")
        _ = try server.join(&client, session: SessionID(rawValue: server.epoch))
        #expect(client.machine.rejections[.invalidSessionIDs] > 0)
        #expect(client.machine.session == nil)
    }

    /// Creates a member that holds version 2 of its directory and lost its connection at 1.5 s.
    private static func stale(
        _ server: ScriptedMesh, rekey: Duration = .seconds(3_600)
    ) throws -> (ScriptedMesh.Client, Entry) {
        var client = try server.peer("a")
        let parameters = Welcome.Parameters(
            heartbeat: .milliseconds(500), lifetime: .milliseconds(1_500), trust: .seconds(60), rekey: rekey)
        let entry = try server.join(&client, parameters: parameters)
        try server.tell(&client, [entry], version: 2)
        server.wait(&client, until: at(1_500))
        client.machine.handleTimeout(now: server.now)
        #expect(server.events(&client).contains(.connectionLost))
        return (client, entry)
    }

    /// Delivers a PULSE in the session of `member`.
    private static func pulse(
        _ number: UInt64, echo: UInt64, from server: ScriptedMesh, to client: inout ScriptedMesh.Client,
        as member: ScriptedMesh.Client, listing entry: Entry
    ) throws {
        client.server = member.server
        try server.deliver(
            .pulse(echo: echo, token: number), server.pulse(number: number, version: 2, of: [entry]), to: &client,
            counter: number)
    }

    @Test("a WELCOME that names the peer's current session is refused, and that session still works")
    func ownSession() throws {
        let server = ScriptedMesh(seed: 9)
        let (member, entry) = try Self.stale(server)
        var client = member
        _ = try server.join(&client, session: entry.session)
        #expect(client.machine.rejections[.invalidSessionIDs] == 1)
        #expect(client.machine.session == entry.session)
        try Self.pulse(50, echo: 2, from: server, to: &client, as: member, listing: entry)
        #expect(server.events(&client).contains(.connectionRecovered))
    }

    @Test("an interval below 20 ms counts as 20 ms, for heartbeats and for freshness", arguments: [1, 19, 20, 21])
    func shortInterval(milliseconds: Int) throws {
        let server = ScriptedMesh(seed: 5)
        var client = try server.peer("a")
        let parameters = Welcome.Parameters(
            heartbeat: .milliseconds(milliseconds), lifetime: .milliseconds(1_500), trust: .seconds(60),
            rekey: .seconds(60))
        let entry = try server.join(&client, parameters: parameters)
        try server.tell(&client, [entry], version: 2)
        _ = server.transmits(&client)
        let interval = max(milliseconds, 20)
        // The next heartbeat is due 0.5 to 0.9 of an interval after the PULSE arrived.
        let deadline = client.machine.nextDeadline
        let due = try #require(deadline) - server.now
        #expect(due >= .milliseconds(interval) / 2 && due < .milliseconds(interval) * 9 / 10)
        for isLost in [false, true] {
            server.wait(&client, until: at(Int64(3 * interval)) - (isLost ? .zero : .nanoseconds(1)))
            client.machine.handleTimeout(now: server.now)
            #expect(server.events(&client).contains(.connectionLost) == isLost)
        }
    }

    @Test("when a candidate is given up and new keys are due, a HELLO is sent after the pause of the backoff")
    func givenUpAtRekey() throws {
        let server = ScriptedMesh(seed: 10)
        let (member, entry) = try Self.stale(server, rekey: .seconds(2))
        var client = member
        _ = try server.join(&client, isConfirmed: false)
        // The old session recovers. This ends all attempts to join, but not the candidate session.
        try Self.pulse(50, echo: 2, from: server, to: &client, as: member, listing: entry)
        #expect(server.events(&client).contains(.connectionRecovered))
        for (number, time) in [(UInt64(51), Int64(2_500)), (52, 3_500)] {
            let sent = server.wait(&client, until: at(time))
            let heartbeats = try sent.filter { try kinds([$0]) == [.heartbeat] }
            let newest = try #require(member.server).open(Heartbeat.self, try #require(heartbeats.last)).number
            #expect(try !kinds(sent).contains(.hello))
            try Self.pulse(number, echo: newest, from: server, to: &client, as: member, listing: entry)
        }

        server.wait(&client, until: at(4_000))
        client.machine.handleTimeout(now: server.now)
        #expect(try !kinds(server.transmits(&client)).contains(.hello))
        // The peer gave up the candidate session after the sockets had been drained.
        let later = server.wait(&client, until: at(4_000) + ProtocolConstants.rejoinPause)
        #expect(try kinds(later).contains(.hello))
        #expect(client.machine.session == entry.session)
    }

    @Test(
        "if a candidate has replaced the session and then goes stale, the connection is lost and the peer joins again")
    func silentSuccessor() throws {
        let server = ScriptedMesh(seed: 11)
        var client = try server.peer("a")
        let parameters = Welcome.Parameters(
            heartbeat: .milliseconds(500), lifetime: .milliseconds(1_500), trust: .seconds(60), rekey: .seconds(1))
        let entry = try server.join(&client, parameters: parameters)
        try server.tell(&client, [entry], version: 2)
        let heartbeats = server.wait(&client, until: at(1_000))
        #expect(try kinds(heartbeats).last == .heartbeat)
        client.machine.handleTimeout(now: server.now)
        let member = client
        _ = server.transmits(&client)
        _ = try server.join(&client, isConfirmed: false)
        client.server = member.server
        try server.deliver(.goodbye, Goodbye(session: entry.session, reason: .replaced), to: &client)
        #expect(client.machine.session == nil)
        // The peer itself replaced the session, so the connection is not lost yet.
        #expect(server.events(&client).isEmpty)

        server.wait(&client, until: at(3_500))
        var (sent, events): ([Kind], [PeerEvent]) = ([], [])
        client.machine.handleTimeout(now: server.now)
        while let output = client.machine.pollOutput() {
            switch output {
            case .transmit(let transmit): sent += try kinds([transmit.bytes])
            case .event(let event): events.append(event)
            case .drain:
                client.machine.handleDrained(now: server.now)
                client.machine.handleTimeout(now: server.now)
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
        // These bytes are the points of order 4 and of order 1.
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
