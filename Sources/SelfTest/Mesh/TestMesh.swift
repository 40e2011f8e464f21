package import MeshSimulator
package import SecureMeshCore

/// The fate of a datagram in the network of a `TestMesh`.
package enum Fate {
    case deliver, drop
    case delay(Duration)
    /// Delivers the datagram, and one more copy for each duration. The duration is the time from the first delivery to
    /// the delivery of the copy.
    case duplicate([Duration])
    case replace([UInt8])
}

/// A virtual mesh that a test drives step by step. It keeps every datagram, and `rules` decide the fate of each
/// datagram.
package final class TestMesh: VirtualMesh {
    package static let server = Addresses.server

    package let state: MeshState
    /// All datagrams that machines have sent, before `rules` were applied to them.
    package var flights: [Flight] = []
    /// The rules of the network. The first rule that returns a fate decides; if no rule does, the datagram is
    /// delivered.
    package var rules: [(Flight) -> Fate?] = []
    package var latency = Duration.milliseconds(5)
    package private(set) var serverEvents: [(at: Instant, event: ServerEvent)] = []
    /// The newest call in which a machine handled a datagram, and its result; nil if there was no such call.
    package private(set) var lastHandling: Handling?
    /// The indices of the peers that pin keys of other servers.
    ///
    /// This server may refuse the HELLOs of these peers. The invariants let a machine refuse a copy of a datagram, so
    /// all datagrams of these peers are marked as copies.
    private var strays: Set<Int> = []
    private let report: (String) -> Void

    /// - Parameter report: Called with a description of the first violation of an invariant, if there is one.
    package init(
        seed: UInt64, report: @escaping (String) -> Void = { _ in },
        configure: (inout Registry.Configuration) -> Void = { _ in }
    ) {
        var random = RandomSource.seeded(seed)
        var configuration = Registry.Configuration(key: random.signingKey(), bound: [Self.server], roster: .open)
        configure(&configuration)
        self.report = report
        state = MeshState(configuration, random: random, stepLimit: 20_000)
        wakeServer()
    }

    /// Makes an independent copy of `other`, without its history and its rules.
    package init(copying other: TestMesh) {
        state = MeshState(copying: other.state)
        (latency, strays, report) = (other.latency, other.strays, other.report)
    }

    package var random: RandomSource {
        get { state.random }
        set { state.random = newValue }
    }
    package var serverKey: SigningKey { state.configuration.key }

    // MARK: the server

    /// The server's machine, or nil if its process is dead.
    package var registry: Registry? { server.isRunning ? server.machine : nil }
    package var members: [Member] { registry?.members ?? [] }
    package func isMember(_ peer: VirtualPeer) -> Bool { members.contains { $0.publicKey == peer.publicKey } }
    package func departures(of peer: VirtualPeer) -> [Departure] {
        serverEvents.compactMap {
            if case .left(let member, let why) = $0.event, member.publicKey == peer.publicKey { why } else { nil }
        }
    }

    package func withServer(_ body: (inout Registry) -> Void) {
        if server.isRunning { withServer { machine, _ in body(&machine) } }
    }

    // MARK: peers

    @discardableResult
    package func addPeer(
        _ text: String, key: SigningKey? = nil, at address: SocketAddress? = nil, servers: [PublicKey]? = nil,
        returns: Bool = false
    ) throws -> VirtualPeer {
        let name = try require(try? PeerName(text), "no name: \(text)")
        let key = key ?? makeKey()
        let index = peers.count
        let identity = state.identities[key.publicKey] ?? index
        state.identities[key.publicKey] = identity
        if servers != nil { strays.insert(index) }
        let peer = VirtualPeer(
            key: key, name: name, identity: identity, address: address ?? Self.address(index),
            process: newProcess(key, name))
        state.peers.append(peer)
        start(index, servers: servers, returns: returns)
        return peer
    }

    /// Adds `count` peers, and waits until all peers are members that list each other and may send messages.
    package func join(_ count: Int) throws -> [VirtualPeer] {
        let new = try (0..<count).map { try addPeer("peer-\($0)") }
        try require(run(atMost: .seconds(5)) { self.hasConverged }, failure ?? "no convergence in 5 s")
        return new
    }

    package func makeKey() -> SigningKey { random.signingKey() }
    package static func address(_ index: Int) -> SocketAddress { Addresses.slot(1 << 16 + index) }

    /// Starts a new process with the same key and name. Its address is `address`, or the previous address of the peer
    /// if `address` is nil.
    package func restart(_ peer: VirtualPeer, at address: SocketAddress? = nil) {
        peer.address = address ?? peer.address
        start(index(of: peer))
    }

    package func kill(_ peer: VirtualPeer) { peer.process.isRunning = false }
    package func pause(_ peer: VirtualPeer) { pausePeer(index(of: peer)) }
    package func resume(_ peer: VirtualPeer) { resumePeer(index(of: peer)) }

    package func with<Result>(_ peer: VirtualPeer, _ body: (inout Peer) throws -> Result) rethrows -> Result {
        defer { checkInvariants() }
        return try withPeer(index(of: peer)) { machine, _ in try body(&machine) }
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

    private func index(of peer: VirtualPeer) -> Int { peers.firstIndex { $0 === peer } ?? 0 }

    /// True if every running peer is a member and holds exactly the server's directory.
    package var hasConverged: Bool { isWhole }

    // MARK: the network

    package func drop(_ kind: Kind, count: Int = .max, if isMeant: @escaping (Flight) -> Bool = { _ in true }) {
        var left = count
        rules.append { flight in
            guard flight.kind == kind, left > 0, isMeant(flight) else { return nil }
            left -= 1
            return .drop
        }
    }

    /// Puts a copy of a datagram onto the network. The copy arrives at once, and `rules` do not apply to it.
    package func replay(_ flight: Flight, from source: SocketAddress) {
        var copy = flight.copied
        copy.source = source
        deliver(copy, after: .zero)
    }

    /// Puts a stranger's datagram onto the network. `rules` do not apply to this datagram.
    package func inject(
        _ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress = TestMesh.server,
        after delay: Duration = .zero, isBroken: Bool = false
    ) {
        var flight = stranger(bytes, from: source, to: destination)
        flight.isBroken = isBroken
        deliver(flight, after: delay)
    }

    package func sent(_ kind: Kind, from source: SocketAddress? = nil, to destination: SocketAddress? = nil) -> [Flight]
    {
        flights.filter {
            $0.kind == kind && source ?? $0.source == $0.source && destination ?? $0.destination == $0.destination
        }
    }

    package func route(_ flight: Flight) {
        flights.append(flight)
        var flight = flight
        if let index = flight.senderIndex, strays.contains(index) { flight.isCopy = true }
        var fate: Fate?
        for rule in rules where fate == nil { fate = rule(flight) }
        switch fate ?? .deliver {
        case .drop: break
        case .deliver: deliver(flight, after: latency)
        case .delay(let more): deliver(flight, after: latency + more)
        case .duplicate(let gaps):
            deliver(flight, after: latency)
            for gap in gaps { deliver(flight.copied, after: latency + gap) }
        case .replace(let other): inject(other, from: flight.source, to: flight.destination, after: latency)
        }
    }

    package func didHandle(_ handling: Handling) { lastHandling = handling }
    package func note(_ event: ServerEvent, after flight: Flight?) { serverEvents.append((now, event)) }
    package func note(_ event: PeerEvent, of index: Int, after flight: Flight?) {
        peers[index].events.append((now, event))
    }

    // MARK: time

    package func run(for duration: Duration) {
        play(until: now + duration)
        checkInvariants()
    }

    /// Lets time pass until `isDone` returns true. Returns false if `isDone` does not return true within `limit`.
    @discardableResult
    package func run(atMost limit: Duration, until isDone: () -> Bool) -> Bool {
        defer { checkInvariants() }
        return play(atMost: limit, until: isDone)
    }

    /// Advances the time in one step, so that machines handle the timeouts of this span late.
    package func leap(by duration: Duration) { state.pass(to: now + duration) }

    private func checkInvariants() {
        if let failure { report(failure) }
    }
}

extension VirtualPeer {
    package var messages: [ReceivedMessage] {
        events.compactMap { if case .message(let message) = $0.event { message } else { nil } }
    }
    package func count(_ isWanted: (PeerEvent) -> Bool) -> Int { events.count { isWanted($0.event) } }
    package func has(_ event: PeerEvent) -> Bool { events.contains { $0.event == event } }
    package var joins: Int { count { if case .joined = $0 { true } else { false } } }
    package var departures: [Dismissal] {
        events.compactMap { if case .dismissed(let departure) = $0.event { departure } else { nil } }
    }
    package var refusals: [JoinDelay] {
        events.compactMap { if case .refused(let refusal, _) = $0.event { refusal } else { nil } }
    }
}
