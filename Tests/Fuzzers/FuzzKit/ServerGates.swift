import SecureMeshCore

/// A server's gates without its registry, under a policy that lets anyone in.
struct ServerGates {
    enum Verdict {
        case refused(Rejection)
        case hello(HandshakeGate.HelloAnswer)
        case confirm(ConfirmedTicket)
        case member(MemberSessions.Admitted)
    }

    private struct OpenPolicy: JoinPolicy {
        let memberShare: Int64 = 0

        func refusal(of _: PublicKey, as _: PeerName, at _: SocketAddress, now _: Instant) -> Reject? { nil }
        func hasSeen(_: SessionID) -> Bool { false }
    }

    let epoch: UInt64
    private var gate: HandshakeGate
    private var sessions: MemberSessions
    private var random: RandomSource

    init(seed: UInt64, now: Instant) {
        var random = RandomSource.seeded(seed)
        epoch = random.sessionID { _ in false }.rawValue
        let signer = Signer(key: Pool.server, context: Pool.context, from: epoch)
        gate = HandshakeGate(
            signer: signer, bound: [Pool.serverAddress],
            parameters: Welcome.Parameters(
                heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
                trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey),
            random: &random, now: now)
        sessions = MemberSessions(
            signer: signer, heartbeatInterval: ProtocolConstants.heartbeatInterval,
            lifetime: ProtocolConstants.lifetime, now: now)
        self.random = random
    }

    mutating func admit(_ bytes: [UInt8], path: Path, now: Instant) -> Verdict {
        do throws(Rejection) {
            let datagram = try Datagram(decoding: bytes.span)
            switch datagram.header.fields {
            case .hello(let cookie, let ephemeral):
                return .hello(
                    try gate.admitHello(
                        bytes.span, datagram, cookie: cookie, ephemeral: ephemeral, path: path, policy: OpenPolicy(),
                        random: &random, now: now))
            case .confirm:
                return .confirm(
                    try gate.admitConfirm(bytes.span, datagram, path: path, policy: OpenPolicy(), now: now))
            case .heartbeat, .leave:
                return .member(try sessions.admit(bytes.span, datagram, path: path, now: now))
            case .retry, .welcome, .reject, .pulse, .snapshot, .delta, .goodbye, .message:
                return .refused(.misdirected)
            }
        } catch {
            return .refused(error)
        }
    }

    mutating func begin(_ joiner: ConfirmedTicket, now: Instant) {
        sessions.begin(joiner, token: random.next(), now: now)
    }
}
