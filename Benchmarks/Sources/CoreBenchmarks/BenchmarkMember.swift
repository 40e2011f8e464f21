internal import SecureMeshCore

/// A peer with real cryptography, and a scripted server that lists other members for it. The peer is a member, and each
/// datagram arrives at once.
struct BenchmarkMember {
    private(set) var peer: Peer
    /// The entries of the directory of `server`, in ascending order of their sessions.
    private(set) var entries: [Entry] = []
    var now = Instant(nanoseconds: 0)
    private let key = SigningKey()
    private let context: SigningContext
    /// The seeds of the other members' keys. There is too little guarded memory for the keys themselves.
    private let seeds: [Bytes32]
    private var random: RandomSource
    private var server: ScriptedServer?
    private var epoch: UInt64 = 0
    private var version: UInt64 = 1
    /// The counter of the newest CONFIRM or heartbeat, which the next PULSE echoes.
    private var newestHeartbeat: UInt64 = 0

    private static let address = SocketAddress(ip: .v4(0x0A00_0001), port: 4_000)
    private static let path = Path(remote: SocketAddress(ip: .v4(0x0A00_0002), port: 3_000))

    /// Lets the peer join a server.
    ///
    /// - Parameter count: The number of other members.
    init(others count: Int) {
        context = SigningContext(mesh: key.publicKey)
        var random = RandomSource.seeded(1)
        seeds = (0..<count).map { _ in random.bytes32() }
        self.random = random
        let configuration = Peer.Configuration(
            key: SigningKey(), name: Self.name("peer"), servers: [key.publicKey], server: Self.path.remote)
        peer = Peer(configuration, random: .system, now: now)
        join()
    }

    /// Replaces the server by a new one with a new epoch and an empty directory. Then the peer and all other members
    /// join the new server.
    mutating func restartServer() {
        guard let session = server?.session,
            let goodbye = server?.next(.goodbye, Goodbye(session: session, reason: .stopping))
        else { return }
        deliver(goodbye.bytes)
        version = 1
        join()
    }

    private mutating func join() {
        var hello: [UInt8]?
        while hello == nil, let deadline = peer.nextDeadline {
            now = max(now, deadline)
            peer.handleTimeout(now: now)
            hello = take().hello
        }
        if let hello { join(hello) }
    }

    private mutating func join(_ hello: [UInt8]) {
        epoch += 1
        let session = random.sessionID { _ in false }
        guard
            let server = try? ScriptedServer(
                key: key, context: context, hello: hello, from: Self.address, session: session, epoch: epoch,
                ephemeral: random.secret())
        else { preconditionFailure("no HELLO") }
        self.server = server
        deliver(server.welcome.bytes)
        entries = seeds.indices.map { entry($0) } + [server.entry]
        entries.sort { $0.session < $1.session }
        pulse()
    }

    /// Returns an entry of another member with a new session.
    private mutating func entry(_ index: Int) -> Entry {
        let agreementKey = context.primitives.publicKey(of: random.secret())
        let (key, name) = (SigningKey(seed: seeds[index].array.span), Self.name("m\(index)"))
        let hello = ForgedDatagram(
            .hello(cookie: .zero, ephemeral: agreementKey), to: 0, from: 0, counter: 0,
            payload: Hello(identity: key.publicKey, name: name).encoded, signer: key, context: context,
            key: nil)
        return Entry(
            session: random.sessionID { _ in false }, identity: key.publicKey, agreementKey: agreementKey,
            binding: hello.signature, address: SocketAddress(ip: .v4(0x0A01_0000 + UInt32(index)), port: 4_000),
            name: name)
    }

    /// Returns the parts of a SNAPSHOT of all entries.
    mutating func snapshot() -> [[UInt8]] {
        version += 1
        let size = 6
        let parts = (entries.count + size - 1) / size
        return (0..<parts).compactMap { part in
            let slice = entries[part * size..<min((part + 1) * size, entries.count)]
            return server?.next(
                .snapshot,
                Snapshot(version: version, part: UInt16(part), parts: UInt16(parts), entries: Array(slice))
            ).bytes
        }
    }

    /// Returns the next PULSE.
    mutating func nextPulse() -> [UInt8] {
        let digest = version > 1 ? entries.digest(id: epoch, version: version) : .zero
        return server?.pulse(echo: newestHeartbeat, token: 1, version: version, digest: digest).bytes ?? []
    }

    /// Delivers the next PULSE.
    mutating func pulse() { deliver(nextPulse()) }

    private mutating func deliver(_ bytes: [UInt8]) {
        handle(bytes)
        take()
    }

    mutating func handle(_ bytes: [UInt8]) { peer.handle(bytes.span, path: Self.path, now: now) }

    mutating func broadcast(_ body: [UInt8]) -> Int {
        (try? peer.broadcast(body, limit: PeerMessage.ordinaryBody, now: now)) ?? 0
    }

    /// The number of former sessions that have not ended.
    var formerSessions: Int { peer.usages.first { $0.name == "former sessions of members" }?.count ?? 0 }

    mutating func handleTimeout() { peer.handleTimeout(now: now) }

    /// Takes all outputs of the peer. Returns the newest HELLO among them, and the number of messages. The HELLO is nil
    /// if there was none.
    @discardableResult
    mutating func take() -> (hello: [UInt8]?, messages: Int) {
        var (hello, messages): ([UInt8]?, Int) = (nil, 0)
        while let output = peer.pollOutput() {
            switch output {
            case .transmit(let transmit):
                switch Kind(rawValue: transmit.bytes[1]) {
                case .hello: hello = transmit.bytes
                case .message: messages += 1
                case .confirm, .heartbeat:
                    newestHeartbeat = (try? Datagram(decoding: transmit.bytes.span).header.counter) ?? 0
                default: break
                }
            case .event, .keep: break
            case .drain: peer.handleDrained(now: now)
            }
        }
        return (hello, messages)
    }

    private static func name(_ text: String) -> PeerName {
        guard let name = try? PeerName(text) else { preconditionFailure("not a name") }
        return name
    }
}
