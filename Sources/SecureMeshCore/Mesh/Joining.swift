/// A peer's attempts to join (PROTOCOL.md, section 5): when it sends a HELLO, and which answers it accepts.
///
/// The first HELLO is repeated byte for byte after 0.25 s and 0.75 s. An attempt with a new ephemeral key follows after
/// 1.75 s and then after gaps of 2, 4, 8, 8 … s with jitter, without end. Each HELLO that differs in any field has an
/// ephemeral key of its own, so that no key and nonce ever seal two plaintexts.
package struct Joining: Sendable {
    private let configuration: Peer.Configuration
    private let servers: [PinnedServer]
    private var nextServer = 0
    private var attempts: [JoinAttempt] = []
    /// The newest cookie of each server key.
    private var cookies: [PublicKey: Bytes16] = [:]
    private var nextAttempt: Instant?
    private var gaps = 0
    /// The instants at which the newest HELLO is repeated, in ascending order.
    private var repeats: [Instant] = []
    private var attemptCount = 0
    /// The number of attempts since the last answer.
    private(set) package var unanswered = 0

    /// Prepares to try the pinned keys in turn. A key without an X25519 form is never tried.
    package init(_ configuration: Peer.Configuration) {
        self.configuration = configuration
        servers = configuration.servers.compactMap { PinnedServer($0, primitives: configuration.primitives) }
    }

    package var usages: [Usage] {
        [
            Usage("attempts to join", attempts.count, limit: ProtocolConstants.outstandingAttempts),
            Usage("repeats of HELLO", repeats.count, limit: ProtocolConstants.helloRepeats.count),
            Usage("cookies", cookies.count, limit: servers.count),
        ]
    }

    package var isActive: Bool { nextAttempt != nil || !attempts.isEmpty }
    /// The end of the pause before the first HELLO; nil if a HELLO is outstanding.
    package var pausedUntil: Instant? { attempts.isEmpty ? nextAttempt : nil }
    /// The instant at which `poll` next returns a HELLO.
    package var deadline: Instant? { [nextAttempt, repeats.first].compactMap { $0 }.min() }

    /// Drops all attempts and begins again, with the first HELLO at `instant`.
    package mutating func start(at instant: Instant) {
        stop()
        attemptCount = 0
        gaps = 0
        nextAttempt = servers.isEmpty ? nil : instant
    }

    /// Drops all attempts.
    package mutating func stop() {
        attempts = []
        repeats = []
        nextAttempt = nil
        unanswered = 0
    }

    /// Drops all attempts and sends nothing before `instant`. The gaps keep their length.
    package mutating func pause(until instant: Instant) {
        attempts = []
        repeats = []
        unanswered = 0
        nextAttempt = instant
    }

    /// Returns the HELLOs that are due.
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
        guard let hello = begin(server, random: &random, now: now) else {
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

    /// Returns the outstanding attempt whose HELLO has this tag.
    package func attempt(tagged tag: UInt64) throws(Rejection) -> JoinAttempt {
        attempts[try index(tagged: tag)]
    }

    /// Takes a RETRY, WELCOME or REJECT and returns what to do about it.
    ///
    /// Gates: tag → seal → fields → signature. An answer that fails any but the first counts against its HELLO, which
    /// accepts no more answers after four of them.
    ///
    /// - Parameter current: The session that this peer has, which a WELCOME must not name again.
    package mutating func handle(
        _ answer: JoinAnswer, _ span: Span<UInt8>, _ datagram: Datagram, current: SessionID?, now: Instant,
        random: inout RandomSource
    ) throws(Rejection) -> JoinAction {
        let index = try index(tagged: datagram.header.to)
        do throws(Rejection) {
            switch answer {
            case .retry(let cookie):
                return try handleRetry(span, datagram, cookie: cookie, at: index, now: now, random: &random)
            case .welcome(let serverKey):
                let attempt = attempts[index]
                let opened = try attempt.openWelcome(span, datagram, serverKey: serverKey)
                guard opened.welcome.body.session != current else { throw .invalidSessionIDs }
                let session = ServerSession(opened, attempt, configuration, random: &random, now: now)
                pause(until: now)
                return .confirm(session)
            case .reject(let salt):
                let reject = try attempts[index].openReject(span, datagram, salt: salt)
                return handleReject(reject, now: now, random: &random)
            }
        } catch {
            // A second RETRY is no failure: whoever repeats a datagram must not use up the attempt.
            if error != .repeatedRetry { attempts[index].failedAnswers += 1 }
            throw error
        }
    }

    private func index(tagged tag: UInt64) throws(Rejection) -> Int {
        guard let index = attempts.firstIndex(where: { $0.tag == tag }) else { throw .unknownTag }
        guard attempts[index].failedAnswers < ProtocolConstants.failedOpens else { throw .tooManyFailedAnswers }
        return index
    }

    /// Sends a new HELLO with the cookie at once, unless the HELLO that was answered had a cookie or followed a RETRY.
    ///
    /// So a chain of RETRYs, whose cookies are not authentic and may be zeros, does not cause a chain of HELLOs. The
    /// new HELLO is repeated like the first one. The instant of the next attempt stays.
    private mutating func handleRetry(
        _ span: Span<UInt8>, _ datagram: Datagram, cookie: Bytes16, at index: Int, now: Instant,
        random: inout RandomSource
    ) throws(Rejection) -> JoinAction {
        let attempt = attempts[index]
        guard !attempt.wasRetried else { throw .repeatedRetry }
        let retry = try VerifiedRetry(span, datagram, cookie: cookie, by: attempt.server.identity, in: attempt.context)
        attempts[index].wasRetried = true
        cookies[attempt.server.identity] = retry.cookie
        guard !attempt.followsRetry else { return .wait }
        attempts.remove(at: index)
        repeats = ProtocolConstants.helloRepeats.map { now + $0 }
        return begin(attempt.server, followsRetry: true, random: &random, now: now).map(JoinAction.sendHello) ?? .wait
    }

    private mutating func handleReject(_ reject: Reject, now: Instant, random: inout RandomSource) -> JoinAction {
        guard let reason = JoinDelay(reject.reason) else {
            stop()
            return .giveUp(.notAuthorized)
        }
        let gap = random.jittered(.seconds(max(Int(reject.retrySeconds), 1)))
        pause(until: now + gap)
        return .retry(reason, after: gap)
    }

    /// Adds an attempt with a new ephemeral key and returns its HELLO.
    private mutating func begin(
        _ server: PinnedServer, followsRetry: Bool = false, random: inout RandomSource, now: Instant
    ) -> [UInt8]? {
        let (context, ephemeral) = (server.context, random.secret())
        guard let d1 = context.primitives.agree(ephemeral, server.agreementKey) else { return nil }
        let cookie = cookies[server.identity] ?? .zero
        let publicKey = context.primitives.publicKey(of: ephemeral)
        let key = configuration.key
        let signed = Signer(key: key, context: context, from: 0)
            .sign(
                .hello(cookie: cookie, ephemeral: publicKey), Hello(identity: key.publicKey, name: configuration.name))
        let hello = signed.sealed(
            to: 0, counter: 0,
            with: Handshake.helloKey(d1: d1, ephemeral: publicKey, cookie: cookie, server: server.identity))
        attempts.append(
            JoinAttempt(
                server: server, ephemeral: ephemeral, d1: d1, hello: hello,
                followsRetry: followsRetry || cookie != .zero, sentAt: now))
        if attempts.count > ProtocolConstants.outstandingAttempts { attempts.removeFirst() }
        return hello
    }
}
