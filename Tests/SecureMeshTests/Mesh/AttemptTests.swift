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
