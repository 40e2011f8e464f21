internal import SecureMeshCore

/// A server with many lightweight members and one complete peer, in virtual time and with real cryptography. No
/// datagram is lost, and each datagram arrives at once.
struct BenchmarkMesh {
    static let server = SocketAddress(ip: .v4(0x0A00_0001), port: 3_000)
    static let peerAddress = SocketAddress(ip: .v4(0x0B00_0001), port: 4_000)
    static let senderAddress = SocketAddress(ip: .v4(0x0B00_0002), port: 4_000)

    private(set) var now = Instant(nanoseconds: 0)
    var registry: Registry
    /// The lightweight members; nil for a member that does nothing after its join.
    private(set) var members: [LightweightMember?] = []
    private var indices: [SocketAddress: Int] = [:]
    /// The number of members that have sent LEAVE.
    private var left = 0
    var peer: Peer
    /// A second complete peer; nil before `addSender`.
    var sender: Peer?
    /// The SNAPSHOT that the second peer received: a copy of this peer from before the first part arrived, and all
    /// parts that have arrived. Nil before the first part arrives.
    private(set) var snapshot: (receiver: Peer, parts: [[UInt8]])?
    /// The datagrams from the server to the first peer that were kept instead of being delivered. The key is their
    /// kind.
    private(set) var held: [Kind: [[UInt8]]] = [:]
    /// The kinds of the server's datagrams that are kept instead of being delivered to the first peer.
    var heldKinds: Set<Kind> = []
    private let mesh: PublicKey

    typealias Datagram = (bytes: [UInt8], path: Path)

    static let heartbeat = Duration.seconds(20)

    /// - Parameters:
    ///   - batch: The number of members that join together. The next members join after the server has published a
    ///     directory with these members. If `batch` is 1, the next member joins 20 ms later.
    ///   - active: The number of members that handle PULSEs; nil for all. Under Valgrind, the guarded memory for the
    ///     keys of ten thousand active members would not fit.
    ///   - primitives: The cryptographic primitives of the server.
    init(
        members count: Int, batch: Int = 1, active: Int? = nil, lifetime: Duration = .seconds(65),
        primitives: any Primitives = Libsodium()
    ) {
        let key = SigningKey()
        mesh = key.publicKey
        var configuration = Registry.Configuration(key: key, bound: [Self.server], roster: .open)
        configuration.heartbeatInterval = Self.heartbeat
        configuration.lifetime = lifetime
        configuration.primitives = primitives
        configuration.maximumPeers = count + 2_000
        registry = Registry(configuration, random: .system, now: now)
        peer = Peer(Self.configuration("peer", mesh), random: .system, now: now)
        for number in 1...count {
            let (bytes, path) = hello()
            deliver(bytes, from: path.remote)
            if let active, number > active { members[number - 1] = nil }
            guard number % batch == 0 else { continue }
            repeat { advance(by: .milliseconds(20)) } while batch > 1 && !registry.hasPublishedAll
        }
        while !registry.hasPublishedAll { advance(by: .milliseconds(20)) }
        advance(by: .milliseconds(1))
        while peer.version != registry.version { advance(by: .milliseconds(20)) }
    }

    /// Makes a server without members, and a peer that has not joined.
    func makeMachines() -> (registry: Registry, peer: Peer) {
        let configuration = Registry.Configuration(key: SigningKey(), bound: [Self.server], roster: .open)
        return (
            Registry(configuration, random: .system, now: now),
            Peer(Self.configuration("peer", mesh), random: .system, now: now)
        )
    }

    private static func name(_ text: String) -> PeerName {
        guard let name = try? PeerName(text) else { preconditionFailure("not a name") }
        return name
    }

    private static func configuration(_ name: String, _ mesh: PublicKey) -> Peer.Configuration {
        Peer.Configuration(key: SigningKey(), name: Self.name(name), servers: [mesh], server: server)
    }

    /// Lets one more member join.
    mutating func addMember() {
        let (bytes, path) = hello()
        deliver(bytes, from: path.remote)
        advance(by: .milliseconds(20))
    }

    /// Returns the HELLO of a new member.
    mutating func hello() -> Datagram {
        let address = SocketAddress(ip: .v4(0x0A01_0000 + UInt32(members.count)), port: 4_000)
        indices[address] = members.count
        var member = LightweightMember(
            Self.configuration("m\(members.count)", mesh), at: address, random: .system, now: now)
        let bytes = member.handleTimeout(now: now).first ?? []
        members.append(member)
        return (bytes, Path(remote: address))
    }

    /// Returns the HELLO of a peer that does nothing more. The peer's key is freed, because the system limits the
    /// number of keys in guarded memory.
    mutating func strayHello() -> Datagram {
        defer { members[members.count - 1] = nil }
        return hello()
    }

    /// Returns the LEAVEs of the `count` members that joined first and have not left.
    mutating func leave(_ count: Int) -> [Datagram] {
        defer { left += count }
        return (left..<left + count).flatMap { index in
            guard let address = members[index]?.address else { return [Datagram]() }
            return (members[index]?.leave() ?? []).map { ($0, Path(remote: address)) }
        }
    }

    /// Returns the CONFIRMs with which `count` new members answer the server's WELCOMEs.
    mutating func confirms(_ count: Int) -> [Datagram] {
        for _ in 0..<count {
            let (bytes, path) = hello()
            registry.handle(bytes.span, path: path, now: now)
        }
        var confirms: [Datagram] = []
        while let output = registry.pollOutput() {
            guard case .transmit(let transmit) = output, let index = indices[transmit.path.remote] else { continue }
            for answer in members[index]?.handle(transmit.bytes, now: now) ?? [] {
                confirms.append((answer, Path(remote: transmit.path.remote)))
            }
        }
        return confirms
    }

    /// Lets the server handle datagrams, and drops all datagrams that the server sends.
    mutating func handle(_ datagrams: [Datagram]) {
        for (bytes, path) in datagrams { registry.handle(bytes.span, path: path, now: now) }
        while registry.pollOutput() != nil {}
    }

    mutating func deliver(_ bytes: [UInt8], from address: SocketAddress) {
        registry.handle(bytes.span, path: Path(remote: address), now: now)
        route()
    }

    /// Moves the clock forward, then lets the server and the two complete peers handle their due timeouts.
    mutating func advance(by duration: Duration) {
        now = now + duration
        if let deadline = registry.nextDeadline, deadline <= now { registry.handleTimeout(now: now) }
        route()
        if let deadline = peer.nextDeadline, deadline <= now { peer.handleTimeout(now: now) }
        routePeer()
        if let deadline = sender?.nextDeadline, deadline <= now { sender?.handleTimeout(now: now) }
        routeSender()
    }

    /// Makes a complete peer that has not joined.
    func makeNewcomer() -> Peer { Peer(Self.configuration("newcomer", mesh), random: .system, now: now) }

    /// Lets a second complete peer join, and waits until the two complete peers may send messages to each other.
    mutating func addSender() {
        sender = Peer(Self.configuration("sender", mesh), random: .system, now: now)
        while sender?.maySpeak(now) != true || sender?.version != registry.version || peer.version != registry.version
            || !peer.maySpeak(now)
        {
            advance(by: .milliseconds(20))
        }
    }

    /// Returns the datagrams of `count` messages of `size` bytes each from the second peer to the first.
    mutating func messages(_ count: Int, size: Int) -> [[UInt8]] {
        guard let key = peer.identity(named: Self.name("peer")) ?? sender?.identity(named: Self.name("peer")) else {
            return []
        }
        var bytes: [[UInt8]] = []
        for _ in 0..<count {
            _ = try? sender?.send([UInt8](repeating: 7, count: size), to: key, limit: size, now: now)
            while let output = sender?.pollOutput() {
                if case .transmit(let transmit) = output, transmit.path.remote == Self.peerAddress {
                    bytes.append(transmit.bytes)
                }
            }
        }
        return bytes
    }

    /// Lets the first peer broadcast a message, and returns the number of datagrams that carry the message.
    mutating func broadcast(_ body: [UInt8]) -> Int {
        var sent = 0
        let receivers = (try? peer.broadcast(body, limit: body.count, now: now)) ?? 0
        while true {
            while let output = peer.pollOutput() {
                if case .transmit(let transmit) = output, transmit.path.remote != Self.server { sent += 1 }
            }
            guard sent < receivers else { return sent }
            now = now + Limits.sealInterval
            peer.handleTimeout(now: now)
        }
    }

    /// Delivers the datagrams that the server has sent, and the answers to them.
    mutating func route() {
        while let output = registry.pollOutput() {
            guard case .transmit(let transmit) = output else { continue }
            if transmit.path.remote == Self.peerAddress {
                deliverToPeer(transmit.bytes)
            } else if transmit.path.remote == Self.senderAddress {
                deliverToSender(transmit.bytes)
            } else if let index = indices[transmit.path.remote] {
                for answer in members[index]?.handle(transmit.bytes, now: now) ?? [] {
                    registry.handle(answer.span, path: Path(remote: transmit.path.remote), now: now)
                }
            }
        }
    }

    private mutating func deliverToPeer(_ bytes: [UInt8]) {
        guard let kind = Kind(rawValue: bytes[1]) else { return }
        if heldKinds.contains(kind) {
            held[kind, default: []].append(bytes)
        } else {
            peer.handle(bytes.span, path: Path(remote: Self.server), now: now)
            routePeer()
        }
    }

    private mutating func deliverToSender(_ bytes: [UInt8]) {
        if bytes[1] == Kind.snapshot.rawValue, let sender {
            if snapshot == nil { snapshot = (sender, []) }
            snapshot?.parts.append(bytes)
        }
        sender?.handle(bytes.span, path: Path(remote: Self.server), now: now)
        routeSender()
    }

    private mutating func routeSender() {
        while let output = sender?.pollOutput() {
            guard case .transmit(let transmit) = output, transmit.path.remote == Self.server else { continue }
            registry.handle(transmit.bytes.span, path: Path(remote: Self.senderAddress), now: now)
        }
    }

    private mutating func routePeer() {
        while let output = peer.pollOutput() {
            guard case .transmit(let transmit) = output, transmit.path.remote == Self.server else { continue }
            registry.handle(transmit.bytes.span, path: Path(remote: Self.peerAddress), now: now)
        }
    }

    /// Removes and returns the datagrams of a kind that were kept in `held`.
    mutating func takeHeld(_ kind: Kind) -> [[UInt8]] {
        held.removeValue(forKey: kind) ?? []
    }

    /// Lets every member handle a new PULSE, and returns the next heartbeat of each member. The heartbeats are not
    /// delivered.
    mutating func heartbeats() -> [Datagram] {
        advance(by: Self.heartbeat)
        while registry.isSpreadingPulse || registry.nextDeadline.map({ $0 <= now + .milliseconds(1) }) == true {
            advance(by: .milliseconds(1))
        }
        now = now + Self.heartbeat / 2
        return members.indices.compactMap { index in
            guard let address = members[index]?.address, let bytes = members[index]?.handleTimeout(now: now).first
            else { return nil }
            return (bytes, Path(remote: address))
        }
    }
}
