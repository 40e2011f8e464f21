import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests a peer's attempts to join, and the effect of each answer (PROTOCOL.md, section 5).
@Suite("Attempts to join") struct AttemptTests {
    private static func cookie(of hello: [UInt8]) throws -> Bytes16? {
        try Datagram(decoding: hello.span).header.cookie
    }

    @Test("a RETRY to a HELLO with a cookie sends nothing; the next attempt has its cookie")
    func staleCookie() throws {
        let peer = try JoiningPeer()
        let cookies = (0..<3).map { _ in peer.random.bytes16() }

        let hello = try peer.hello()
        #expect(try Self.cookie(of: hello) == .zero)
        let first = try JoiningPeer.retry(hello, cookie: cookies[0])
        let proven = try #require(try peer.follow(first)).bytes
        #expect(try Self.cookie(of: proven) == cookies[0])
        #expect(try peer.follow(JoiningPeer.retry(proven, cookie: cookies[1])) == nil)

        // The peer refuses a second RETRY to `proven`. It also refuses a RETRY to `hello`, which `proven` has replaced.
        let third = try JoiningPeer.retry(proven, cookie: cookies[2])
        // A refused RETRY never counts as a failed answer, even if it comes many times.
        for _ in 0...ProtocolConstants.failedOpens { peer.expectRefusal(.repeatedRetry, of: third) }
        peer.expectRefusal(.unknownTag, of: first)

        let next = try peer.hello(at: .after(ProtocolConstants.secondAttempt))
        #expect(try Self.cookie(of: next) == cookies[1])
    }

    @Test("a RETRY whose cookie is zeros causes one HELLO, and a RETRY to that one none")
    func zeroCookie() throws {
        let peer = try JoiningPeer()
        let hello = try peer.hello()
        let next = try #require(try peer.follow(JoiningPeer.retry(hello, cookie: .zero))).bytes
        #expect(next != hello)
        #expect(try Self.cookie(of: next) == .zero)
        #expect(try peer.follow(JoiningPeer.retry(next, cookie: .zero)) == nil)
        // The HELLO of the next attempt has no cookie, so the peer follows a RETRY to it again.
        let second = try peer.hello(at: .after(ProtocolConstants.secondAttempt))
        #expect(try Self.cookie(of: second) == .zero)
        let cookie = peer.random.bytes16()
        let proven = try #require(try peer.follow(JoiningPeer.retry(second, cookie: cookie))).bytes
        #expect(try Self.cookie(of: proven) == cookie)
    }

    @Test("a RETRY to the older of two attempts replaces that one, and the younger is answered as before")
    func olderRetried() throws {
        let peer = try JoiningPeer()
        let older = try peer.hello()
        let later = Instant.after(ProtocolConstants.secondAttempt)
        let younger = try peer.hello(at: later)
        #expect(older != younger)
        let (cookie, next) = (peer.random.bytes16(), peer.joining.deadline)
        let proven = try #require(try peer.follow(JoiningPeer.retry(older, cookie: cookie), now: later))
        #expect(try Self.cookie(of: proven.bytes) == cookie)
        func expectOutstanding(_ hellos: [(hello: [UInt8], isOutstanding: Bool)]) {
            for (hello, isOutstanding) in hellos {
                let attempt = try? peer.joining.attempt(tagged: Handshake.tag(of: hello))
                #expect((attempt != nil) == isOutstanding)
            }
        }
        expectOutstanding([(older, false), (younger, true), (proven.bytes, true)])
        // The new HELLO is repeated at the same intervals as the first one. The time of the next attempt has not
        // changed.
        for gap in ProtocolConstants.helloRepeats {
            #expect(peer.joining.deadline == later + gap)
            #expect(peer.poll(later + gap) == [proven])
        }
        #expect(peer.joining.deadline == next)
        // The next attempt replaces `younger`, which is the oldest outstanding HELLO.
        let third = peer.poll(try #require(next))[0].bytes
        expectOutstanding([(younger, false), (proven.bytes, true), (third, true)])
    }

    @Test("a WELCOME with a key of small order is refused before it is opened", arguments: [0, 1] as [UInt8])
    func smallOrderWelcome(low: UInt8) throws {
        let peer = try JoiningPeer()
        let key = AgreementPublicKey(bytes: Bytes32(([low] + [UInt8](repeating: 0, count: 31)).span))
        // Anyone who has seen the HELLO knows its tag, so an attacker needs no key for this.
        let header = Header(
            .welcome(ephemeral: key), to: Handshake.tag(of: try peer.hello()), from: Fixture.epoch, counter: 0)
        let bytes =
            header.encode(size: Kind.welcome.minimumSize)
            + [UInt8](repeating: 7, count: Kind.welcome.minimumSize - Kind.welcome.sealedOffset)
        peer.expectRefusal(.agreementFailed, of: bytes)
    }

    @Test("an attempt accepts no answer after four that failed") func failures() throws {
        let peer = try JoiningPeer()
        let reject = try JoiningPeer.reject(peer.hello(), .busy)
        for _ in 0..<ProtocolConstants.failedOpens {
            peer.expectRefusal(.sealBroken, of: reject.flipping(bit: 8 * (reject.count - 1)))
        }
        peer.expectRefusal(.tooManyFailedAnswers, of: reject)
    }

    @Test("a REJECT ends all attempts: until its delay is over, or for good if it is final") func rejects() throws {
        for reason in Reject.Reason.allCases {
            let peer = try JoiningPeer()
            let reject = try JoiningPeer.reject(peer.hello(), reason)
            switch try peer.handle(reject) {
            case .excluded(let server):
                #expect(reason == .notAuthorized && server == Fixture.serverKey.publicKey)
                #expect(!peer.joining.isActive && peer.joining.deadline == nil)
                #expect(peer.joining.exclude(server, random: &peer.random, now: .start) == nil)
            case .retry(let refusal, let gap):
                #expect(reason != .notAuthorized && JoinRefusal(refusal) == JoinRefusal(reason))
                #expect(gap >= .seconds(3))
                #expect(peer.joining.deadline == .after(gap))
            case .sendHello, .wait, .confirm:
                Issue.record("\(reason) neither waits nor gives up")
            }
            peer.expectRefusal(.unknownTag, of: reject)
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
        var (client, entry) = try server.onlyMember(parameters: .ordinary(rekey: rekey))
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
        var parameters = SessionParameters.ordinary(rekey: .seconds(60))
        parameters.heartbeatMilliseconds = UInt16(milliseconds)
        var (client, _) = try server.onlyMember(parameters: parameters)
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
        var (client, entry) = try server.onlyMember(parameters: .ordinary(rekey: .seconds(1)))
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
            case .keep: break
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
        let peer = try JoiningPeer(servers: [key])
        #expect(peer.joining.deadline == nil && !peer.joining.isActive)
        let later = Instant.after(.seconds(60))
        peer.joining.pause(until: later)
        #expect(peer.poll(later).isEmpty)
    }
}
