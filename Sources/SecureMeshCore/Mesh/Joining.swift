/// The state of a peer's attempts to join (PROTOCOL.md, section 5). It decides when a HELLO is sent, and which answers
/// are accepted.
///
/// The first HELLO is sent again, byte for byte, 0.25 s and 0.75 s later. The second attempt begins 1.75 s after the
/// first. Further attempts follow without end, with jitter, after gaps of 2 s, 4 s, and then 8 s each. Two HELLOs that
/// differ in any field have different ephemeral keys, so no two plaintexts are ever sealed with the same key and nonce.
///
/// If the server has several addresses, each attempt becomes a round of attempts (PROTOCOL.md, section 5.7). A round
/// sends a different HELLO to each address, 0.25 s apart (RFC 8305 does the same with connections). So the tag of an
/// answer shows to which address its HELLO was sent.
package struct Joining: Sendable {
    /// The key under which the newest cookie is kept. A cookie is valid for one source address of this peer. If the
    /// server has several addresses, this peer may have a different source address for each of them.
    private struct CookieKey: Hashable {
        let server: PublicKey
        let address: SocketAddress
    }

    fileprivate enum Step {
        /// Sends the HELLO of a new attempt to the address `at`.
        case ask(PinnedServer, at: SocketAddress)
        case again(Transmit)
    }

    private let configuration: Peer.Configuration
    private let servers: [PinnedServer]
    private var nextServer = 0
    /// The servers that do not let this key join.
    private var exclusions: [PublicKey: ServerExclusion] = [:]
    /// The addresses to ask, in this order; empty while no address is known.
    private var addresses: [SocketAddress]
    /// The address of the newest HELLO that was answered with a WELCOME; nil before the first WELCOME.
    private var preferred: SocketAddress?
    private var attempts: [JoinAttempt] = []
    private var cookies: [CookieKey: Bytes16] = [:]
    private var nextAttempt: Instant?
    private var gaps = 0
    /// The remaining steps of the newest round, earliest first. Each step asks another address or repeats a HELLO.
    private var steps: [(at: Instant, step: Step)] = []
    private var attemptCount = 0
    /// The number of rounds that have begun since the last WELCOME or REJECT, or call of `start`, `stop` or `pause`.
    /// With one address, a round is one attempt.
    private(set) package var unanswered = 0

    /// Prepares attempts that try the servers of the pinned keys in turn. A key without an X25519 form is never tried.
    package init(_ configuration: Peer.Configuration) {
        self.configuration = configuration
        addresses = Array(configuration.addresses.prefix(Limits.serverAddresses))
        servers = configuration.servers.compactMap { PinnedServer($0, primitives: configuration.primitives) }
    }

    package var usages: [Usage] {
        [
            Usage("attempts to join", attempts.count, limit: mostAttempts),
            Usage(
                "HELLOs to send", steps.count,
                limit: max(addresses.count, 1) * (1 + ProtocolConstants.helloRepeats.count)),
            Usage("cookies", cookies.count, limit: servers.count * addresses.count),
            Usage("exclusions", exclusions.count, limit: servers.count),
        ]
    }

    package var isActive: Bool { nextAttempt != nil || !attempts.isEmpty }
    /// The end of the pause before the next attempt; nil if a HELLO is outstanding, or if no attempt is planned.
    package var pausedUntil: Instant? { attempts.isEmpty ? nextAttempt : nil }
    /// The earliest instant at which `poll` may return a HELLO; nil if no HELLO is planned, or if no address is known.
    package var deadline: Instant? {
        addresses.isEmpty ? nil : .earlier(nextAttempt, steps.first?.at)
    }

    private var mostAttempts: Int { ProtocolConstants.outstandingAttempts * max(addresses.count, 1) }

    /// Replaces the addresses. If one of them is new and a HELLO is outstanding, the schedule begins anew at once.
    ///
    /// - Parameter addresses: The addresses in the order in which to ask them. Only the first `Limits.serverAddresses`
    ///   are used. The address that last answered with a WELCOME is asked first, if it is among them.
    package mutating func setAddresses(_ addresses: [SocketAddress], now: Instant) {
        let former = Set(self.addresses)
        self.addresses = Array(addresses.prefix(Limits.serverAddresses))
        prefer(preferred)
        let known = Set(self.addresses)
        cookies = cookies.filter { known.contains($0.key.address) }
        steps.removeAll { !known.contains($0.step.address) }
        if attempts.count > mostAttempts { attempts.removeFirst(attempts.count - mostAttempts) }
        guard !known.isSubset(of: former), !attempts.isEmpty else { return }
        (attemptCount, gaps, nextAttempt) = (0, 0, now)
    }

    private mutating func prefer(_ address: SocketAddress?) {
        preferred = address
        guard let address, let index = addresses.firstIndex(of: address) else { return }
        addresses.remove(at: index)
        addresses.insert(address, at: 0)
    }

    /// Drops all attempts and begins again, with the first HELLO at `instant`.
    package mutating func start(at instant: Instant) {
        stop()
        attemptCount = 0
        gaps = 0
        nextAttempt = servers.isEmpty ? nil : instant
    }

    /// Excludes `server`: this peer does not ask it again before a pause is over, or never asks it again. Drops all
    /// attempts, and begins again as soon as any server may be asked.
    ///
    /// - Parameter server: The pinned key of a server that does not let this key join.
    /// - Returns: The pause before `server` is asked again, which may be `.never`; nil if no server may ever be asked.
    package mutating func exclude(
        _ server: PublicKey, random: inout RandomSource, now: Instant
    ) -> ServerExclusion.Pause? {
        stop()
        var exclusion = exclusions[server] ?? ServerExclusion()
        let pause = exclusion.begin(returns: configuration.returnsAfterExclusion, random: &random, now: now)
        exclusions[server] = exclusion
        guard let next = servers.compactMap({ availability(of: $0, now) }).min() else { return nil }
        start(at: next)
        return pause
    }

    /// Returns the pinned server with this key.
    package func server(with key: PublicKey) -> PinnedServer? { servers.first { $0.identity == key } }

    /// Ends the exclusion by a server, because this server has let the key join.
    package mutating func admitted(by server: PublicKey) {
        exclusions[server] = nil
    }

    /// Returns the instant from which the server may be asked; nil if it is not asked again.
    private func availability(of server: PinnedServer, _ now: Instant) -> Instant? {
        guard let exclusion = exclusions[server.identity] else { return now }
        return exclusion.until.map { max($0, now) }
    }

    /// Returns the next server that may be asked; nil if none may be asked now.
    private mutating func takeServer(_ now: Instant) -> PinnedServer? {
        for _ in servers {
            let server = servers[nextServer]
            nextServer = (nextServer + 1) % servers.count
            if availability(of: server, now) == now { return server }
        }
        return nil
    }

    /// Drops all attempts, and plans no further attempt.
    package mutating func stop() {
        attempts = []
        steps = []
        nextAttempt = nil
        unanswered = 0
    }

    /// Drops all attempts, and sends nothing before `instant`. Unlike `start`, does not reset the gaps between
    /// attempts.
    package mutating func pause(until instant: Instant) {
        attempts = []
        steps = []
        unanswered = 0
        nextAttempt = instant
    }

    /// Returns the HELLOs that are due.
    package mutating func poll(now: Instant, random: inout RandomSource) -> [Transmit] {
        var due: [Transmit] = []
        while let next = steps.first, next.at <= now {
            steps.removeFirst()
            switch next.step {
            case .ask(let server, let address): due += ask(server, at: address, random: &random, now: now)
            // After a pause of the process, one repeat is enough.
            case .again(let hello): if !due.contains(hello) { due.append(hello) }
            }
        }
        guard let instant = nextAttempt, instant <= now, let first = addresses.first else { return due }
        guard let server = takeServer(now) else {
            nextAttempt = servers.compactMap { availability(of: $0, now) }.min()
            return due
        }
        attemptCount += 1
        unanswered += 1
        steps = addresses.indices.dropFirst().map {
            (now + ProtocolConstants.addressGap * $0, .ask(server, at: addresses[$0]))
        }
        due += ask(server, at: first, random: &random, now: now)
        let last = now + ProtocolConstants.addressGap * (addresses.count - 1)
        if attemptCount == 1 {
            nextAttempt = last + ProtocolConstants.secondAttempt
        } else {
            let gap = ProtocolConstants.attemptGaps[min(gaps, ProtocolConstants.attemptGaps.count - 1)]
            gaps += 1
            nextAttempt = last + random.jittered(gap)
        }
        return due
    }

    /// Begins an attempt, and returns its HELLO; empty if the X25519 agreement fails. In the first round, also
    /// schedules the repeats of the HELLO.
    private mutating func ask(
        _ server: PinnedServer, at address: SocketAddress, random: inout RandomSource, now: Instant
    ) -> [Transmit] {
        guard let hello = begin(server, at: address, random: &random, now: now) else { return [] }
        if attemptCount == 1 { scheduleRepeats(of: hello, now: now) }
        return [hello]
    }

    private mutating func scheduleRepeats(of hello: Transmit, now: Instant) {
        steps += ProtocolConstants.helloRepeats.map { (now + $0, .again(hello)) }
        steps.sort { $0.at < $1.at }
    }

    /// Returns the outstanding attempt whose HELLO has this tag.
    package func attempt(tagged tag: UInt64) throws(Rejection) -> JoinAttempt {
        attempts[try index(tagged: tag)]
    }

    /// Handles a RETRY, WELCOME or REJECT, and returns the action that it asks for.
    ///
    /// The answer must pass these checks, in this order: its tag is the tag of an outstanding HELLO, its seal opens,
    /// its fields decode, and its signature is valid. A RETRY has no seal. If a check after the tag fails, the failure
    /// is counted for the HELLO. After four failures, no answer to this HELLO is accepted.
    ///
    /// - Parameter own: The sessions in which this peer sends or accepts messages. A WELCOME must not name one of them
    ///   again.
    package mutating func handle(
        _ answer: JoinAnswer, _ span: Span<UInt8>, _ datagram: Datagram, own: [SessionID], now: Instant,
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
                guard !own.contains(opened.welcome.body.session) else { throw .invalidSessionIDs }
                let session = ServerSession(opened, attempt, configuration, random: &random, now: now)
                prefer(attempt.address)
                pause(until: now)
                return .confirm(session)
            case .reject(let salt):
                let reject = try attempts[index].openReject(span, datagram, salt: salt)
                return handleReject(reject, by: attempts[index].server.identity, now: now, random: &random)
            }
        } catch {
            // A repeated RETRY does not count, so that nobody can use up the attempt by replaying a datagram.
            if error != .repeatedRetry { attempts[index].failedAnswers += 1 }
            throw error
        }
    }

    private func index(tagged tag: UInt64) throws(Rejection) -> Int {
        guard let index = attempts.firstIndex(where: { $0.tag == tag }) else { throw .unknownTag }
        guard attempts[index].failedAnswers < ProtocolConstants.failedOpens else { throw .tooManyFailedAnswers }
        return index
    }

    /// Stores the cookie of a RETRY for later HELLOs to the same server and address. Returns a new HELLO with the
    /// cookie, to be sent at once. Returns no HELLO if the HELLO that the RETRY answers had a cookie, or was itself
    /// sent because of a RETRY.
    ///
    /// This exception stops a chain in which each RETRY causes a HELLO and each HELLO causes a RETRY. To check only for
    /// a cookie would not stop it. The cookie in a RETRY is not authentic, and a cookie of zeros means no cookie.
    ///
    /// The new HELLO is repeated like the first HELLO. The instant of the next attempt does not change.
    private mutating func handleRetry(
        _ span: Span<UInt8>, _ datagram: Datagram, cookie: Bytes16, at index: Int, now: Instant,
        random: inout RandomSource
    ) throws(Rejection) -> JoinAction {
        let attempt = attempts[index]
        guard !attempt.wasRetried else { throw .repeatedRetry }
        let retry = try VerifiedRetry(span, datagram, cookie: cookie, by: attempt.server.identity, in: attempt.context)
        attempts[index].wasRetried = true
        if addresses.contains(attempt.address) {
            cookies[CookieKey(server: attempt.server.identity, address: attempt.address)] = retry.cookie
        }
        guard !attempt.followsRetry else { return .wait }
        attempts.remove(at: index)
        let next = begin(attempt.server, at: attempt.address, followsRetry: true, random: &random, now: now)
        guard let hello = next else { return .wait }
        // A server has answered at this address, so the others are not asked before the next round.
        steps = []
        scheduleRepeats(of: hello, now: now)
        return .sendHello(hello)
    }

    private mutating func handleReject(
        _ reject: Reject, by server: PublicKey, now: Instant, random: inout RandomSource
    ) -> JoinAction {
        guard let reason = JoinDelay(reject.reason) else {
            stop()
            return .excluded(by: server)
        }
        let gap = random.jittered(.seconds(max(Int(reject.retrySeconds), 1)))
        pause(until: now + gap)
        return .retry(reason, after: gap)
    }

    /// Adds an attempt with a new ephemeral key, and returns its HELLO; nil if the key agreement fails.
    private mutating func begin(
        _ server: PinnedServer, at address: SocketAddress, followsRetry: Bool = false, random: inout RandomSource,
        now: Instant
    ) -> Transmit? {
        let (context, ephemeral) = (server.context, random.secret())
        guard let d1 = context.primitives.agree(ephemeral, server.agreementKey) else { return nil }
        let cookie = cookies[CookieKey(server: server.identity, address: address)] ?? .zero
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
                server: server, address: address, ephemeral: ephemeral, d1: d1, hello: hello,
                followsRetry: followsRetry || cookie != .zero, sentAt: now))
        if attempts.count > mostAttempts { attempts.removeFirst() }
        return Transmit(path: Path(remote: address), bytes: hello)
    }
}

extension Joining.Step {
    fileprivate var address: SocketAddress {
        switch self {
        case .ask(_, let address): address
        case .again(let hello): hello.path.remote
        }
    }
}
