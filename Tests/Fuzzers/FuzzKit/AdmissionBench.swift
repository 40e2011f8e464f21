import MeshSimulator
import SecureMeshCore

/// The gates of a server, and one peer in three stages. Together, they accept each kind of datagram, because valid
/// datagrams have brought them to suitable states.
///
/// The bench is created once, and each input uses a copy.
final class AdmissionBench: Sendable {
    /// The stages of a peer. The stage determines which kinds of datagrams the peer accepts.
    enum Stage: Sendable {
        /// The peer has sent a HELLO.
        case joining
        /// The peer has opened a WELCOME. The first PULSE makes it a member.
        case confirming
        /// The peer holds a directory that lists another member.
        case member
    }

    /// The gates of the server. They have a session for `member` and a ticket for `candidate`. They know nothing about
    /// the `strangers`.
    let gates: ServerGates
    /// Two peers that have created a HELLO. The first HELLO has no cookie, and the second one has a cookie.
    let strangers: [ScriptedPeer]
    let candidate: ScriptedPeer
    let member: ScriptedPeer

    /// Copies of the peer, one in each stage.
    let peers: [Stage: Peer]
    /// The scripted server of the peer.
    let server: ScriptedServer
    /// The member that the peer has in its directory in the stage `member`, in addition to itself.
    let speaker: ScriptedPeer

    static let shared = AdmissionBench()
    static let now = Instant(nanoseconds: 1_000_000_000_000)
    /// The counters that a receiver has already accepted. They are the same in three directions: from `member` to the
    /// gates, from the server to the peer in the stage `member`, and from `speaker` to that peer.
    static let heard: [UInt64] = [1, 2, 4_000, 5_000]
    /// The newest number that was accepted in a HEARTBEAT. The newest number that was accepted in a PULSE is the same.
    static let number: UInt64 = 10
    static let version: UInt64 = 6
    private static let cookie = [UInt8](repeating: 0xC0, count: Bytes16.count)

    private init?() {
        let now = Self.now
        var gates = ServerGates(seed: 1, now: now - .seconds(1))
        let stranger = Self.scripted(0)
        let returning = Self.scripted(4, cookie: Bytes16(Self.cookie.span))
        guard let candidate = Self.ticket(of: 1, from: &gates), let member = Self.ticket(of: 2, from: &gates),
            let confirm = member.confirm?.bytes,
            case .confirm(let joiner) = gates.admit(confirm, from: Pool.path(2), now: now)
        else { return nil }
        gates.sessions.begin(joiner, now: now)
        for (index, counter) in Self.heard.dropFirst().enumerated() {
            let number = index == 2 ? Self.number : UInt64(index + 2)
            let heartbeat = Heartbeat(number: number, token: 5, version: 1, part: 0)
            guard let bytes = member.draft(.heartbeat, heartbeat, counter: counter)?.bytes,
                case .member(.heartbeat) = gates.admit(bytes, from: Pool.path(2), now: now)
            else { return nil }
        }
        self.gates = gates
        strangers = [stranger, returning]
        self.candidate = candidate
        self.member = member

        guard let name = Pool.names.first, let key = Pool.keys.first else { return nil }
        let configuration = Peer.Configuration(
            key: key, name: name, servers: [Pool.server.publicKey], server: Pool.serverAddress)
        var peer = Peer(configuration, random: .seeded(2), now: now)
        peer.handleTimeout(now: now)
        guard let hello = Self.sent(by: &peer).first,
            let server = Self.server(hello, of: 0, session: 0x5E55, ephemeral: Pool.secret(3)),
            var speaker = Self.speaker()
        else { return nil }
        var peers = [Stage.joining: peer]
        self.server = server
        self.speaker = speaker

        Self.hand(server.welcome, to: &peer)
        peers[.confirming] = peer
        guard let spoken = speaker.entry else { return nil }
        let entries = [server.entry, spoken].sorted { $0.session < $1.session }
        let version = Self.version
        let snapshot = Snapshot(version: version, part: 0, parts: 1, entries: entries)
        let digest = entries.digest(id: server.epoch, version: version)
        let pulses = (Self.number - 2...Self.number).map {
            Pulse(number: $0, version: version, flags: .current, digest: digest)
        }
        Self.hand(server.draft(.pulse(echo: 1, token: 3), pulses[0], counter: Self.heard[0]), to: &peer)
        Self.hand(server.draft(.snapshot, snapshot, counter: Self.heard[1]), to: &peer)
        Self.hand(server.draft(.pulse(echo: 1, token: 3), pulses[1], counter: Self.heard[2]), to: &peer)
        Self.hand(server.draft(.pulse(echo: 1, token: 3), pulses[2], counter: Self.heard[3]), to: &peer)
        guard peer.version == version, peer.members.count == 1, peer.isTrusted(now) else { return nil }
        for counter in Self.heard {
            let message = PeerMessage(audience: nil, number: counter, body: [1])
            guard let draft = speaker.message(message, to: server.entry, counter: counter) else { return nil }
            Self.hand(draft, to: &peer)
        }
        guard peer.rejections.total == 0 else { return nil }
        peers[.member] = peer
        self.peers = peers
    }

    /// Returns a peer that has created a HELLO.
    private static func scripted(_ index: Int, cookie: Bytes16 = .zero) -> ScriptedPeer {
        var peer = ScriptedPeer(key: Pool.keys[index], name: Pool.names[index], context: Pool.context)
        _ = peer.hello(from: Pool.address(index), ephemeral: Pool.secret(UInt64(index)), cookie: cookie)
        return peer
    }

    private static func server(
        _ hello: [UInt8], of index: Int, session: UInt64, ephemeral: Secret32
    ) -> ScriptedServer? {
        SessionID(rawValue: session).flatMap {
            try? ScriptedServer(
                key: Pool.server, context: Pool.context, hello: hello, from: Pool.address(index), session: $0,
                epoch: 0xE90C, ephemeral: ephemeral)
        }
    }

    /// Returns a peer that has opened its WELCOME.
    private static func ticket(of index: Int, from gates: inout ServerGates) -> ScriptedPeer? {
        var peer = scripted(index)
        guard let hello = peer.attempt?.hello.bytes,
            case .hello(.welcome(let welcome)) = gates.admit(hello, from: Pool.path(index), now: now)
        else { return nil }
        peer.hear(welcome)
        return peer.membership == nil ? nil : peer
    }

    /// Returns a member of the scripted server's mesh.
    private static func speaker() -> ScriptedPeer? {
        var speaker = scripted(3)
        guard let hello = speaker.attempt?.hello.bytes,
            let server = server(hello, of: 3, session: 0x5E66, ephemeral: Pool.secret(4))
        else { return nil }
        speaker.hear(server.welcome.bytes)
        return speaker.membership == nil ? nil : speaker
    }

    private static func hand(_ draft: ForgedDatagram, to peer: inout Peer) {
        peer.handle(draft.bytes.span, path: Path(remote: Pool.serverAddress), now: now)
        _ = sent(by: &peer)
    }

    private static func sent(by peer: inout Peer) -> [[UInt8]] {
        var sent: [[UInt8]] = []
        while let output = peer.pollOutput() {
            if case .transmit(let transmit) = output { sent.append(transmit.bytes) }
        }
        return sent
    }
}
