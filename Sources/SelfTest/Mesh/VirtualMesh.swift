package import SecureMeshCore

/// A registry and its peers on a virtual clock: a seed makes the world, and every datagram passes `rules`.
///
/// Checks on the way that no key and nonce meet two plaintexts, that nothing undecodable or too large is sent, and
/// that an address that is no member's never gets more than it sent.
package final class VirtualMesh {
    package static let server = SocketAddress(ip: .v4(0xC000_0201), port: 3000)

    private(set) package var now = Instant(nanoseconds: 0)
    package var random: RandomSource
    package let serverKey: SigningKey
    package var configuration: Registry.Configuration
    private(set) package var registry: Registry?
    private(set) package var peers: [VirtualPeer] = []
    private(set) package var serverEvents: [(at: Instant, event: ServerEvent)] = []
    /// Everything that was sent, as it was sent.
    package var flights: [Flight] = []
    /// The first that has an opinion decides.
    package var rules: [(Flight) -> Fate?] = []
    package var latency = Duration.milliseconds(5)
    private var isServerPaused = false
    private var serverInbox: [Flight] = []
    private var queue: [(at: Instant, sequence: Int, flight: Flight)] = []
    private var sequence = 0
    private var nonces = NonceLedger()
    private var memberAddresses: Set<SocketAddress> = []
    /// Bytes that may still go to an address that is no member's.
    private var replyRoom: (address: SocketAddress, bytes: Int)?
    private var stepsNow = 0
    private let report: (String) -> Void

    /// - Parameter report: is told what no mesh may ever do.
    package init(
        seed: UInt64, report: @escaping (String) -> Void, configure: (inout Registry.Configuration) -> Void = { _ in }
    ) {
        self.report = report
        random = .seeded(seed)
        serverKey = SigningKey(seed: random.bytes32().array.span)
        configuration = Registry.Configuration(key: serverKey, bound: [Self.server], roster: .open)
        configure(&configuration)
        startServer()
    }

    // MARK: the server

    package func startServer() {
        memberAddresses = []
        registry = Registry(configuration, random: .seeded(random.next()), now: now)
    }

    package func killServer() {
        registry = nil
        serverInbox = []
        isServerPaused = false
    }

    package func pauseServer() { isServerPaused = true }

    /// As the driver does: what the clock asks for comes first, then what waited in the socket.
    package func resumeServer() {
        isServerPaused = false
        registry?.handleTimeout(now: now)
        pollServer()
        deliverWaiting()
    }

    package func withServer(_ body: (inout Registry) -> Void) {
        guard var machine = registry else { return }
        body(&machine)
        registry = machine
        pollServer()
    }

    package var members: [Member] { registry?.members ?? [] }
    package func isMember(_ peer: VirtualPeer) -> Bool { members.contains { $0.publicKey == peer.publicKey } }
    package func departures(of peer: VirtualPeer) -> [Departure] {
        serverEvents.compactMap {
            if case .left(let member, let why) = $0.event, member.publicKey == peer.publicKey { why } else { nil }
        }
    }

    // MARK: peers

    @discardableResult
    package func addPeer(
        _ text: String, key: SigningKey? = nil, at address: SocketAddress? = nil, servers: [PublicKey]? = nil
    ) throws -> VirtualPeer {
        let name = try require(PeerName(text), "no name: \(text)")
        let key = key ?? makeKey()
        let address = address ?? Self.address(peers.count)
        let peer = VirtualPeer(
            name: name, key: key, address: address,
            machine: machine(name, key, servers: servers ?? [serverKey.publicKey]))
        peers.append(peer)
        return peer
    }

    /// `count` peers, all of them in, told of each other and free to speak.
    package func join(_ count: Int) throws -> [VirtualPeer] {
        let new = try (0..<count).map { try addPeer("peer-\($0)") }
        let isReady = run(atMost: .seconds(5)) {
            self.hasConverged && new.allSatisfy { $0.machine.maySpeak(self.now) }
        }
        try require(isReady, "no convergence in 5 s")
        return new
    }

    package func makeKey() -> SigningKey { SigningKey(seed: random.bytes32().array.span) }
    package static func address(_ index: Int) -> SocketAddress {
        SocketAddress(ip: .v4(0x0A01_0001 + UInt32(index)), port: 4_000)
    }

    /// The same key and name as a new process, perhaps elsewhere.
    package func restart(_ peer: VirtualPeer, at address: SocketAddress? = nil) {
        peer.address = address ?? peer.address
        peer.machine = machine(peer.name, peer.key, servers: [serverKey.publicKey])
        peer.starts += 1
        peer.isRunning = true
        peer.inbox = []
    }

    package func kill(_ peer: VirtualPeer) { peer.isRunning = false }
    package func pause(_ peer: VirtualPeer) { peer.isPaused = true }

    package func resume(_ peer: VirtualPeer) {
        peer.isPaused = false
        peer.machine.handleTimeout(now: now)
        poll(peer)
        for flight in peer.inbox { hand(flight, to: peer) }
        peer.inbox = []
    }

    package func with<Result>(_ peer: VirtualPeer, _ body: (inout Peer) throws -> Result) rethrows -> Result {
        defer { poll(peer) }
        return try body(&peer.machine)
    }

    @discardableResult
    package func broadcast(_ body: String, from peer: VirtualPeer) throws -> Int {
        try with(peer) { try $0.broadcast(Array(body.utf8), limit: PeerMessage.ordinaryBody, now: now) }
    }

    package func send(_ body: String, from peer: VirtualPeer, to other: VirtualPeer) throws {
        try with(peer) {
            try $0.send(Array(body.utf8), to: other.publicKey, limit: PeerMessage.ordinaryBody, now: now)
        }
    }

    private func machine(_ name: PeerName, _ key: SigningKey, servers: [PublicKey]) -> Peer {
        var peer = Peer.Configuration(key: key, name: name, servers: servers, server: Self.server)
        peer.primitives = configuration.primitives
        return Peer(peer, random: .seeded(random.next()), now: now)
    }

    /// Whether every running peer is in and holds exactly the server's directory.
    package var hasConverged: Bool {
        guard let registry else { return false }
        let running = peers.filter(\.isRunning)
        guard running.allSatisfy({ $0.machine.version == registry.version }) else { return false }
        let members = registry.members
        return members.count == running.count
            && running.allSatisfy { peer in
                peer.machine.maySpeak(now)
                    && peer.machine.members == members.filter { $0.publicKey != peer.publicKey }
            }
    }

    // MARK: the network

    package func drop(_ kind: Kind, count: Int = .max, if isMeant: @escaping (Flight) -> Bool = { _ in true }) {
        var left = count
        rules.append { flight in
            guard flight.kind == kind, left > 0, isMeant(flight) else { return nil }
            left -= 1
            return .drop
        }
    }

    /// Puts bytes onto the network, past the rules and the checks: a stranger's, or a replay.
    package func inject(
        _ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress = VirtualMesh.server,
        after delay: Duration = .zero
    ) {
        enqueue(Flight(source: source, destination: destination, bytes: bytes, sentAt: now), after: delay)
    }

    package func sent(_ kind: Kind, from source: SocketAddress? = nil, to destination: SocketAddress? = nil) -> [Flight]
    {
        flights.filter {
            $0.kind == kind && source ?? $0.source == $0.source && destination ?? $0.destination == $0.destination
        }
    }

    private func enqueue(_ flight: Flight, after delay: Duration) {
        let at = now + delay
        sequence += 1
        let index = queue.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
        queue.insert((at, sequence, flight), at: index)
    }

    private func send(_ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress) {
        let flight = Flight(source: source, destination: destination, bytes: bytes, sentAt: now)
        flights.append(flight)
        check(flight)
        var fate: Fate?
        for rule in rules where fate == nil { fate = rule(flight) }
        switch fate ?? .deliver {
        case .drop: break
        case .deliver: enqueue(flight, after: latency)
        case .delay(let more): enqueue(flight, after: latency + more)
        case .duplicate(let gaps):
            for gap in [.zero] + gaps { enqueue(flight, after: latency + gap) }
        case .replace(let other):
            enqueue(Flight(source: source, destination: destination, bytes: other, sentAt: now), after: latency)
        }
    }

    private func check(_ flight: Flight) {
        guard let header = flight.header else {
            report("\(flight.bytes.prefix(2)) does not decode")
            return
        }
        if header.kind != .message, flight.bytes.count > ProtocolConstants.maximumDatagram {
            report("\(header.kind) of \(flight.bytes.count) bytes")
        }
        if !nonces.admits(flight.bytes, header.kind) {
            report("\(header.kind): one key and nonce for two plaintexts")
        }
        guard flight.source == Self.server, !memberAddresses.contains(flight.destination) else { return }
        guard let room = replyRoom, room.address == flight.destination, room.bytes >= flight.bytes.count else {
            report("\(header.kind) of \(flight.bytes.count) bytes to \(flight.destination), which is no member's")
            return
        }
        replyRoom = (room.address, room.bytes - flight.bytes.count)
    }

    // MARK: time

    package func run(for duration: Duration) {
        let end = now + duration
        while step(until: end) {}
        now = end
    }

    /// Lets time pass over everyone at once: all machines wake late.
    package func leap(by duration: Duration) { now = now + duration }

    /// Runs until `isDone`; true if that came within `limit`.
    @discardableResult
    package func run(atMost limit: Duration, until isDone: () -> Bool) -> Bool {
        let end = now + limit
        while !isDone() {
            guard step(until: end) else {
                now = end
                return isDone()
            }
        }
        return true
    }

    private func step(until end: Instant) -> Bool {
        var at = queue.first?.at ?? Instant(nanoseconds: .max)
        var owner: Int?
        if !isServerPaused, let deadline = registry?.nextDeadline, deadline < at {
            (at, owner) = (deadline, -1)
        }
        for (index, peer) in peers.enumerated() where peer.isRunning && !peer.isPaused {
            if let deadline = peer.machine.nextDeadline, deadline < at { (at, owner) = (deadline, index) }
        }
        guard at <= end else { return false }
        stepsNow = at > now ? 0 : stepsNow + 1
        guard stepsNow < 20_000 else {
            report("time stands still at \(now.nanoseconds) ns: \(owner.map(String.init) ?? "network")")
            return false
        }
        now = max(now, at)
        switch owner {
        case .none: deliver(queue.removeFirst().flight)
        case .some(-1):
            registry?.handleTimeout(now: now)
            pollServer()
        case .some(let index):
            peers[index].machine.handleTimeout(now: now)
            poll(peers[index])
        }
        return true
    }

    private func deliver(_ flight: Flight) {
        if flight.destination == Self.server {
            if isServerPaused { serverInbox.append(flight) } else { handAtServer(flight) }
        } else if let peer = peers.first(where: { $0.address == flight.destination && $0.isRunning }) {
            if peer.isPaused { peer.inbox.append(flight) } else { hand(flight, to: peer) }
        }
    }

    private func hand(_ flight: Flight, to peer: VirtualPeer) {
        peer.machine.handle(flight.bytes.span, path: Path(remote: flight.source), now: now)
        poll(peer)
    }

    private func handAtServer(_ flight: Flight) {
        replyRoom = (flight.source, flight.bytes.count)
        registry?.handle(flight.bytes.span, path: Path(remote: flight.source), now: now)
        pollServer()
        replyRoom = nil
    }

    private func poll(_ peer: VirtualPeer) {
        while let output = peer.machine.pollOutput() {
            switch output {
            case .transmit(let transmit): send(transmit.bytes, from: peer.address, to: transmit.path.remote)
            case .event(let event): peer.events.append((now, event))
            case .drain: peer.machine.handleDrained(now: now)
            }
        }
    }

    private func pollServer() {
        var mustDrain = false
        while let output = registry?.pollOutput() {
            switch output {
            case .transmit(let transmit): send(transmit.bytes, from: Self.server, to: transmit.path.remote)
            case .event(let event):
                serverEvents.append((now, event))
                if case .joined(let member) = event { memberAddresses.insert(member.address) }
                if case .left(let member, _) = event { memberAddresses.remove(member.address) }
            case .drain: mustDrain = true
            }
        }
        guard mustDrain else { return }
        deliverWaiting()
        registry?.handleDrained(now: now)
        pollServer()
    }

    /// What is in the server's socket now.
    private func deliverWaiting() {
        let due = serverInbox + queue.filter { $0.at <= now && $0.flight.destination == Self.server }.map(\.flight)
        serverInbox = []
        queue.removeAll { $0.at <= now && $0.flight.destination == Self.server }
        for flight in due { handAtServer(flight) }
    }
}
