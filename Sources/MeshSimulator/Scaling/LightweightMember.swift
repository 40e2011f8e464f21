internal import SecureMeshCore

/// A member that does only what the server can observe: it joins, it signs, seals and sends heartbeats, and it confirms
/// new keys after a restart of the server.
///
/// This member keeps no directory. The directories of 10,000 peers, with 10,000 entries each, would need tens of
/// gigabytes.
struct LightweightMember {
    let address: SocketAddress
    private let server: SocketAddress?
    /// The directory version that the member's heartbeats claim. With the default, the server never has a newer version
    /// to send.
    var claim = UInt64.max
    /// The part of a snapshot that the heartbeats ask for. The next heartbeat asks for the part with the index `next`,
    /// and each heartbeat adds `step` to `next`.
    var claimedPart: (next: UInt16, step: UInt16) = (0, 0)
    private var joining: Joining
    private var sessions = SessionRotation()
    private var random: RandomSource

    init(
        _ configuration: Peer.Configuration, at address: SocketAddress, random: RandomSource, now: Instant
    ) {
        self.address = address
        server = configuration.addresses.first
        self.random = random
        joining = Joining(configuration)
        joining.start(at: now)
    }

    var deadline: Instant? {
        let hello = sessions.candidate == nil ? joining.deadline : nil
        return Instant.earliest([sessions.deadline, sessions.candidate?.staleAt, hello])
    }

    /// Handles a datagram, and returns the member's answers.
    mutating func handle(_ bytes: [UInt8], now: Instant) -> [[UInt8]] {
        guard let datagram = try? Datagram(decoding: bytes.span) else { return [] }
        switch datagram.header.fields {
        case .retry(let cookie, _): return handle(.retry(cookie: cookie), bytes, datagram, now: now)
        case .welcome(let ephemeral): return handle(.welcome(ephemeral: ephemeral), bytes, datagram, now: now)
        case .reject(let salt): return handle(.reject(salt: salt), bytes, datagram, now: now)
        case .pulse(let echo, let token):
            let outcome = try? sessions.admitPulse(bytes.span, datagram, echo: echo, token: token, now: now)
            if case .promoted = outcome { joining.stop() }
            return []
        case .goodbye:
            sessions.endAll()
            joining.start(at: now)
            return []
        case .resume(let ephemeral): return handleResume(ephemeral, bytes, datagram, now: now)
        case .hello, .confirm, .heartbeat, .leave, .snapshot, .delta, .message, .ack:
            return []
        }
    }

    private mutating func handleResume(
        _ serverKey: AgreementPublicKey, _ bytes: [UInt8], _ datagram: Datagram, now: Instant
    ) -> [[UInt8]] {
        guard let server else { return [] }
        try? sessions.resume(
            bytes.span, datagram, serverKey: serverKey, pinned: { [joining] in joining.server(with: $0) },
            from: server, random: &random, now: now)
        return sessions.heartbeats(version: claim, of: 0, part: 0, now: now, random: &random).map(\.bytes)
    }

    private mutating func handle(
        _ answer: JoinAnswer, _ bytes: [UInt8], _ datagram: Datagram, now: Instant
    ) -> [[UInt8]] {
        switch try? joining.handle(answer, bytes.span, datagram, own: sessions.own, now: now, random: &random) {
        case .sendHello(let hello): return [hello.bytes]
        case .confirm(let candidate):
            sessions.open(candidate)
            return sessions.heartbeats(version: claim, of: 0, part: 0, now: now, random: &random).map(\.bytes)
        case .wait, .retry, .excluded, nil: return []
        }
    }

    /// Returns the LEAVEs of the member's sessions.
    mutating func leave() -> [[UInt8]] { sessions.leave().map(\.bytes) }

    /// Returns the HELLOs and heartbeats that are due at `now`. Gives up a candidate session whose first PULSE is
    /// overdue.
    mutating func handleTimeout(now: Instant) -> [[UInt8]] {
        if sessions.giveUpCandidate(now), !joining.isActive { joining.start(at: now) }
        let hellos = sessions.candidate == nil ? joining.poll(now: now, random: &random) : []
        let heartbeats = sessions.heartbeats(version: claim, of: 0, part: claimedPart.next, now: now, random: &random)
        if !heartbeats.isEmpty { claimedPart.next &+= claimedPart.step }
        return (hellos + heartbeats).map(\.bytes)
    }
}
