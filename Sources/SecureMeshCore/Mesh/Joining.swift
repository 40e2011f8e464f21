/// A peer's attempts to join (PROTOCOL.md, section 5): when a HELLO goes out, and which answers to it count.
///
/// One HELLO, byte-identical again after 0.25 and 0.75 s; a new ephemeral key after 1.75 s and then after gaps of
/// 2, 4, 8, 8 … s, jittered, for ever. A key and a nonce never meet two plaintexts: whatever changes, changes E_p.
package struct Joining: Sendable {
    /// One HELLO under way.
    package struct Attempt: Sendable {
        package let context: SigningContext
        package let ephemeral: Secret32
        package let d1: Secret32
        package let hello: [UInt8]
        package let tag: UInt64
        let hasCookie: Bool
        var failedAnswers = 0
        var wasRetried = false

        /// seal → fields → signature.
        package func openWelcome(
            _ span: Span<UInt8>, _ datagram: Datagram, serverKey: AgreementPublicKey
        ) throws(Rejection) -> OpenedWelcome {
            guard let d2 = context.primitives.agree(ephemeral, serverKey) else { throw .agreementFailed }
            let transcript = context.transcript(.transcript, hello: hello, last: serverKey.bytes)
            let key = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
            let welcome = try Opened<Welcome>(span, datagram, key: key, by: context.primitives)
                .verified(by: context.server, in: context, extra: .transcript(transcript))
            let (session, epoch) = (welcome.body.session, datagram.header.from)
            guard session.rawValue != epoch else { throw .invalidSessionIDs }
            let keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
            return OpenedWelcome(welcome: welcome, epoch: epoch, keys: keys)
        }

        package func openReject(
            _ span: Span<UInt8>, _ datagram: Datagram, salt: Bytes32
        ) throws(Rejection) -> Reject {
            let transcript = context.transcript(.transcriptReject, hello: hello, last: salt)
            let key = Handshake.rejectKey(d1: d1, transcript: transcript)
            return try Opened<Reject>(span, datagram, key: key, by: context.primitives)
                .verified(by: context.server, in: context, extra: .transcript(transcript)).body
        }
    }

    /// A WELCOME by the pinned key, and the keys of its session.
    package struct OpenedWelcome: Sendable {
        package let welcome: Verified<Welcome>
        package let epoch: UInt64
        package let keys: SessionKeys
    }

    private let key: SigningKey
    private let name: PeerName
    private let servers: [(context: SigningContext, agreementKey: AgreementPublicKey)]
    private var nextServer = 0
    private var attempts: [Attempt] = []
    /// By server key.
    private var cookies: [PublicKey: Bytes16] = [:]
    private var nextAttempt: Instant?
    private var gaps = 0
    private var repeats: [Instant] = []
    private var attemptCount = 0
    /// Attempts since an answer last came.
    private(set) package var unanswered = 0

    /// The pinned keys are tried in turn; each has an X25519 form, as every key that was read from text.
    package init(_ configuration: Peer.Configuration) {
        let primitives = configuration.primitives
        key = configuration.key
        name = configuration.name
        servers = configuration.servers.compactMap { server in
            primitives.agreementKey(of: server).map { (SigningContext(server: server, primitives: primitives), $0) }
        }
    }

    package var usages: [Usage] {
        [
            Usage("attempts to join", attempts.count, limit: ProtocolConstants.outstandingAttempts),
            Usage("repeats of HELLO", repeats.count, limit: ProtocolConstants.helloRepeats.count),
            Usage("cookies", cookies.count, limit: servers.count),
        ]
    }

    package var isActive: Bool { nextAttempt != nil || !attempts.isEmpty }
    package var deadline: Instant? { ([nextAttempt].compactMap { $0 } + repeats).min() }

    /// Begins anew, with the first HELLO at `instant`.
    package mutating func start(at instant: Instant) {
        stop()
        attemptCount = 0
        gaps = 0
        nextAttempt = servers.isEmpty ? nil : instant
    }

    package mutating func stop() {
        attempts = []
        repeats = []
        nextAttempt = nil
        unanswered = 0
    }

    /// An answer came: nothing more is sent before `instant`, and no attempt is outstanding; the gaps go on where they
    /// were.
    package mutating func pause(until instant: Instant) {
        attempts = []
        repeats = []
        unanswered = 0
        nextAttempt = instant
    }

    /// The HELLOs that are due.
    package mutating func poll(now: Instant, random: inout RandomSource) -> [[UInt8]] {
        var due: [[UInt8]] = []
        if repeats.contains(where: { $0 <= now }) {
            repeats.removeAll { $0 <= now }
            if let newest = attempts.last { due.append(newest.hello) }
        }
        guard let instant = nextAttempt, instant <= now, !servers.isEmpty else { return due }
        attemptCount += 1
        unanswered += 1
        let server = servers[nextServer]
        nextServer = (nextServer + 1) % servers.count
        guard let hello = begin(server.context, server.agreementKey, random: &random) else {
            nextAttempt = now + ProtocolConstants.secondAttempt
            return due
        }
        if attemptCount == 1 {
            repeats = ProtocolConstants.helloRepeats.map { now + $0 }
            nextAttempt = now + ProtocolConstants.secondAttempt
        } else {
            repeats = []
            let gap = ProtocolConstants.attemptGaps[min(gaps, ProtocolConstants.attemptGaps.count - 1)]
            gaps += 1
            nextAttempt = now + random.jittered(gap)
        }
        due.append(hello)
        return due
    }

    package func attempt(tagged tag: UInt64) throws(Rejection) -> Attempt {
        guard let attempt = attempts.first(where: { $0.tag == tag }) else { throw .unknownTag }
        guard attempt.failedAnswers < ProtocolConstants.failedOpens else { throw .tooManyFailedAnswers }
        return attempt
    }

    /// An answer to this HELLO did not open or verify.
    package mutating func countFailure(tagged tag: UInt64) {
        if let index = attempts.firstIndex(where: { $0.tag == tag }) { attempts[index].failedAnswers += 1 }
    }

    /// RETRY: a new HELLO with the cookie, at once, unless this one had a cookie or a RETRY before.
    ///
    /// The new HELLO's repeats start anew; the next new ephemeral key is not moved.
    package mutating func handleRetry(
        _ retry: VerifiedRetry, tagged tag: UInt64, now: Instant, random: inout RandomSource
    ) throws(Rejection) -> [UInt8]? {
        guard let index = attempts.firstIndex(where: { $0.tag == tag }) else { throw .unknownTag }
        let attempt = attempts[index]
        guard !attempt.wasRetried else { throw .repeatedRetry }
        attempts[index].wasRetried = true
        cookies[attempt.context.server] = retry.cookie
        guard !attempt.hasCookie, let server = servers.first(where: { $0.context == attempt.context }) else {
            return nil
        }
        attempts.remove(at: index)
        repeats = ProtocolConstants.helloRepeats.map { now + $0 }
        return begin(server.context, server.agreementKey, random: &random)
    }

    private mutating func begin(
        _ context: SigningContext, _ serverKey: AgreementPublicKey, random: inout RandomSource
    ) -> [UInt8]? {
        let ephemeral = random.secret()
        guard let d1 = context.primitives.agree(ephemeral, serverKey) else { return nil }
        let cookie = cookies[context.server] ?? .zero
        let publicKey = context.primitives.publicKey(of: ephemeral)
        let signed = Signer(key: key, context: context, from: 0)
            .sign(.hello, Hello(identity: key.publicKey, name: name), clear: .agreementKey(publicKey))
        let hello = signed.sealed(
            to: 0, counter: 0, delivery: .cookie(cookie),
            with: Handshake.helloKey(d1: d1, ephemeral: publicKey, cookie: cookie, server: context.server))
        attempts.append(
            Attempt(
                context: context, ephemeral: ephemeral, d1: d1, hello: hello, tag: Handshake.tag(of: hello),
                hasCookie: cookie != .zero))
        if attempts.count > ProtocolConstants.outstandingAttempts { attempts.removeFirst() }
        return hello
    }
}
