/// A peer's attempts to join (PROTOCOL.md, section 5): when it sends a HELLO, and which answers it accepts.
///
/// The first HELLO is repeated byte for byte after 0.25 s and 0.75 s. An attempt with a new ephemeral key follows after
/// 1.75 s and then after gaps of 2, 4, 8, 8 … s with jitter, without end. Each HELLO that differs in any field has an
/// ephemeral key of its own, so that no key and nonce ever seal two plaintexts.
///
/// If the server has several addresses, each attempt asks them one after another, 0.25 s apart, with a HELLO of its own
/// for each (as RFC 8305 does with connections). So the tag of an answer names the address that was asked.
package struct Joining: Sendable {
    /// The newest cookie is kept per key and address of the server. A cookie is valid for one source address, and at
    /// each of its addresses the server may see another source address of this peer.
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
    /// The addresses to ask, in this order; empty while none is known.
    private var addresses: [SocketAddress]
    /// The address that has answered last.
    private var preferred: SocketAddress?
    private var attempts: [JoinAttempt] = []
    private var cookies: [CookieKey: Bytes16] = [:]
    private var nextAttempt: Instant?
    private var gaps = 0
    /// The steps that the newest attempt has left, earliest first: addresses that are still to be asked, and repeats.
    private var steps: [(at: Instant, step: Step)] = []
    private var attemptCount = 0
    /// The number of attempts since the last answer.
    private(set) package var unanswered = 0

    /// Prepares to try the pinned keys in turn. A key without an X25519 form is never tried.
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
    /// The end of the pause before the first HELLO; nil if a HELLO is outstanding.
    package var pausedUntil: Instant? { attempts.isEmpty ? nextAttempt : nil }
    /// The instant at which `poll` next returns a HELLO.
    package var deadline: Instant? {
        addresses.isEmpty ? nil : [nextAttempt, steps.first?.at].compactMap { $0 }.min()
    }

    private var mostAttempts: Int { ProtocolConstants.outstandingAttempts * max(addresses.count, 1) }

    /// Replaces the addresses. If there are new addresses and no server has answered yet, the new ones are asked at
    /// once.
    ///
    /// - Parameter addresses: The addresses in the order in which to ask them, at most `Limits.serverAddresses`. The
    ///   address that has answered last is asked first in any case.
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

    /// Drops all attempts, and asks a server again only after a pause, or never.
    ///
    /// - Parameter server: The pinned key of a server that does not let this key join.
    /// - Returns: The pause before the server is asked again; nil if no server is left to ask.
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

    /// Ends the exclusion by a server that has let this key join.
    package mutating func admitted(by server: PublicKey) {
        exclusions[server] = nil
    }

    /// Returns the instant from which the server may be asked; nil if it is not asked again.
    private func availability(of server: PinnedServer, _ now: Instant) -> Instant? {
        guard let exclusion = exclusions[server.identity] else { return now }
        return exclusion.until.map { max($0, now) }
    }

    /// Returns the next server that may be asked.
    private mutating func takeServer(_ now: Instant) -> PinnedServer? {
        for _ in servers {
            let server = servers[nextServer]
            nextServer = (nextServer + 1) % servers.count
            if availability(of: server, now) == now { return server }
        }
        return nil
    }

    /// Drops all attempts.
    package mutating func stop() {
        attempts = []
        steps = []
        nextAttempt = nil
        unanswered = 0
    }

    /// Drops all attempts and sends nothing before `instant`. The gaps between attempts do not become shorter again.
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

    /// Begins an attempt at an address, and repeats its HELLO if it is the first there.
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

    /// Takes a RETRY, WELCOME or REJECT and returns the action that it asks for.
    ///
    /// Gates: tag → seal → fields → signature. An answer that fails a gate after the tag counts against its HELLO.
    /// After four such answers, the HELLO accepts no more.
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
                prefer(attempt.address)
                pause(until: now)
                return .confirm(session)
            case .reject(let salt):
                let reject = try attempts[index].openReject(span, datagram, salt: salt)
                return handleReject(reject, by: attempts[index].server.identity, now: now, random: &random)
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
        if addresses.contains(attempt.address) {
            cookies[CookieKey(server: attempt.server.identity, address: attempt.address)] = retry.cookie
        }
        guard !attempt.followsRetry else { return .wait }
        attempts.remove(at: index)
        let next = begin(attempt.server, at: attempt.address, followsRetry: true, random: &random, now: now)
        guard let hello = next else { return .wait }
        // A server has answered at this address, so the others are not asked before the next attempt.
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

    /// Adds an attempt with a new ephemeral key and returns its HELLO.
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
