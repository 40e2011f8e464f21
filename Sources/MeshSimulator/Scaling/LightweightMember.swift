internal import SecureMeshCore

/// A member as the server sees one: it joins, signs, seals and proves that it lives. It keeps no directory: those of ten
/// thousand peers, with ten thousand entries each, would need tens of gigabytes.
struct LightweightMember {
    let address: SocketAddress
    /// The version that it says it holds: above all that there is, so that the server has nothing to send it.
    var claim = UInt64.max
    private let key: SigningKey
    private let nothing: DirectoryReplica
    private var joining: Joining
    private var sessions = SessionRotation()
    private var random: RandomSource

    init(
        _ configuration: Peer.Configuration, at address: SocketAddress, random: RandomSource, now: Instant
    ) {
        self.address = address
        self.random = random
        key = configuration.key
        nothing = DirectoryReplica(of: key.publicKey)
        joining = Joining(configuration)
        joining.start(at: now)
    }

    var deadline: Instant? {
        let hello = sessions.candidate == nil ? joining.deadline : nil
        return Instant.earliest([sessions.deadline, hello])
    }

    /// Gives what it answers.
    mutating func handle(_ bytes: [UInt8], now: Instant) -> [[UInt8]] {
        guard let datagram = try? Datagram(decoding: bytes.span) else { return [] }
        let tag = datagram.header.to
        switch datagram.header.kind {
        case .retry:
            guard let attempt = try? joining.attempt(tagged: tag),
                let retry = try? VerifiedRetry(bytes.span, datagram, in: attempt.context),
                let hello = try? joining.handleRetry(retry, tagged: tag, now: now, random: &random)
            else { return [] }
            return [hello]
        case .welcome:
            guard sessions.candidate == nil, case .agreementKey(let serverKey) = datagram.header.clear,
                let attempt = try? joining.attempt(tagged: tag),
                let opened = try? attempt.openWelcome(bytes.span, datagram, serverKey: serverKey)
            else { return [] }
            sessions.open(ServerSession(opened, attempt: attempt, key: key, random: &random, now: now))
            joining.pause(until: now)
            return sessions.heartbeats(version: claim, part: 0, now: now)
        case .pulse:
            let life = try? sessions.admitPulse(bytes.span, datagram, held: nothing, now: now)
            if life == .promoted { joining.stop() }
            return []
        case .goodbye:
            sessions.endAll()
            joining.start(at: now)
            return []
        case .reject, .hello, .confirm, .heartbeat, .leave, .snapshot, .delta, .message:
            return []
        }
    }

    mutating func handleTimeout(now: Instant) -> [[UInt8]] {
        if sessions.giveUpCandidate(now), !joining.isActive { joining.start(at: now) }
        let hellos = sessions.candidate == nil ? joining.poll(now: now, random: &random) : []
        return hellos + sessions.heartbeats(version: claim, part: 0, now: now)
    }
}
