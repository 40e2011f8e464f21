import MeshSimulator
package import SecureMeshCore

/// The gates of a server, without the server's registry.
package struct ServerGates: Sendable {
    package enum Verdict {
        case refused(Rejection)
        case hello(HandshakeGate.HelloAnswer)
        case confirm(ConfirmedTicket)
        case member(MemberSessions.Admitted)
    }

    /// A policy that admits every peer or rejects every peer.
    package struct Policy: JoinPolicy {
        package var memberShare: Int64 = 0
        /// The REJECT that answers every HELLO; nil to admit every peer.
        package var reject: Reject?
        /// Returns true if no new session may have this number.
        package var isSeen: @Sendable (SessionID) -> Bool = { _ in false }

        package func refusal(of _: PublicKey, as _: PeerName, at _: SocketAddress, now _: Instant) -> Reject? { reject }
        package func hasSeen(_ session: SessionID) -> Bool { isSeen(session) }
    }

    package let signer: Signer
    package var gate: HandshakeGate
    package var sessions: MemberSessions
    package var policy = Policy()
    package var random: RandomSource

    package init(
        key: SigningKey = Pool.server, bound: SocketAddress = Pool.serverAddress, seed: UInt64, now: Instant
    ) {
        random = .seeded(seed)
        let epoch = random.sessionID { _ in false }
        signer = Signer(key: key, context: SigningContext(mesh: key.publicKey), from: epoch.rawValue)
        gate = HandshakeGate(
            signer: signer, directory: epoch.rawValue, bound: [bound], parameters: .ordinary, random: &random, now: now)
        sessions = MemberSessions(
            signer: signer, heartbeatInterval: ProtocolConstants.heartbeatInterval,
            lifetime: ProtocolConstants.lifetime, pulseSecret: random.secret(), now: now)
    }

    package var epoch: UInt64 { signer.from }

    package mutating func admit(_ bytes: [UInt8], from path: Path, now: Instant) -> Verdict {
        do throws(Rejection) {
            let datagram = try Datagram(decoding: bytes.span)
            switch datagram.header.fields {
            case .hello(let cookie, let ephemeral):
                return .hello(
                    try gate.admitHello(
                        bytes.span, datagram, cookie: cookie, ephemeral: ephemeral, path: path, policy: policy,
                        random: &random, now: now))
            case .confirm:
                return .confirm(try gate.admitConfirm(bytes.span, datagram, path: path, policy: policy, now: now))
            case .heartbeat, .leave:
                return .member(try sessions.admit(bytes.span, datagram, path: path, now: now))
            case .retry, .welcome, .reject, .resume, .pulse, .snapshot, .delta, .goodbye, .message, .ack:
                return .refused(.misdirected)
            }
        } catch {
            return .refused(error)
        }
    }
}
