import MeshSimulator
import SecureMeshCore

/// A registry, its peers, a cheating member and the network between them, on a clock of its own.
///
/// Nothing moves by itself: operations deliver, delay, harm and repeat datagrams, and let time pass. Each call of a
/// machine is followed by the checks of the `MeshLedger`.
struct MeshWorld {
    private(set) var now = Instant(nanoseconds: 1_000_000_000_000)
    private(set) var registry: Registry
    private(set) var roster: Roster
    private(set) var nodes: [MeshNode] = []
    var insiders: [ScriptedMember]
    private(set) var inFlight: [Flight] = []
    /// What was sent lately, to be replayed.
    private(set) var past: [Flight] = []
    var ledger = MeshLedger()
    private var seed: UInt64
    private var isHealed = false
    /// How long the network may yet be left alone.
    private var quiet = Self.quietTime
    /// When the server last ran late: it then expires nobody for a while.
    private var serverLateAt: Instant
    /// When each key last said, in a datagram of its own making, that it lives.
    private var signsOfLife: [PublicKey: Instant] = [:]
    #if FUZZ_CANARY
        private var beforeMessage: [Int: Peer] = [:]
    #endif

    init(seed: UInt64, roster: Roster) {
        self.seed = seed
        self.roster = roster
        registry = Self.registry(roster, seed: seed, now: now)
        insiders = [8, 9].map { ScriptedMember(key: Pool.keys[$0], name: Pool.names[$0], context: Pool.context) }
        serverLateAt = now
    }

    // MARK: the server

    mutating func restartServer() {
        registry = Self.registry(roster, seed: nextSeed(), now: now)
        serverLateAt = now
    }

    /// GOODBYE to all, and then another process.
    mutating func stopServer() {
        registry.stop(now: now)
        drainServer(answering: nil)
        restartServer()
    }

    mutating func setRoster(_ roster: Roster) {
        self.roster = roster
        registry.setRoster(roster, now: now)
        drainServer(answering: nil)
        ledger.rosterChanged(roster, members: registry.members, now: now)
        #if FUZZ_CANARY
            // The planted bug: a peer that falls back to its state before the message it last heard.
            for (index, machine) in beforeMessage { nodes[index].machine = machine }
        #endif
    }

    private static func registry(_ roster: Roster, seed: UInt64, now: Instant) -> Registry {
        var configuration = Registry.Configuration(key: Pool.server, bound: [Pool.serverAddress], roster: roster)
        configuration.maximumPeers = maximumPeers
        return Registry(configuration, random: .seeded(seed), now: now)
    }

    mutating func handToServer(_ bytes: [UInt8], from source: SocketAddress) {
        let members = Set(registry.members.map(\.address))
        registry.handle(bytes.span, path: Path(remote: source), now: now)
        drainServer(answering: Flight(source: source, destination: Pool.serverAddress, bytes: bytes), members)
    }

    private mutating func drainServer(answering flight: Flight?, _ before: Set<SocketAddress> = []) {
        var replies: [Transmit] = []
        while let output = registry.pollOutput() {
            switch output {
            case .transmit(let transmit):
                replies.append(transmit)
                _ = ledger.sent(transmit.bytes, by: Pool.server.publicKey, isServer: true)
                send(transmit.bytes, from: Pool.serverAddress, to: transmit.path.remote)
            case .event(.joined(let member)): ledger.joined(member)
            case .event(.left), .event(.turnedAway): break
            case .drain: registry.handleDrained(now: now)
            }
            if replies.count > Self.maximumOutputs {
                return ledger.fail("one call of the server gave no end of outputs")
            }
        }
        let members = registry.members
        ledger.check(members, atMost: Self.maximumPeers, of: "the server")
        ledger.check(members, under: roster)
        if let flight {
            let known = before.union(members.map(\.address))
            ledger.answered(flight.bytes, from: flight.source, with: replies, members: known)
        }
    }

    // MARK: the peers

    /// A new process with the key of `identity`; it takes the place of the node with the same index.
    mutating func start(_ index: Int, identity: Int, at address: SocketAddress) {
        let node = MeshNode(
            index, key: Pool.keys[identity], name: Pool.names[identity], address: address, seed: nextSeed(), now: now)
        #if FUZZ_CANARY
            beforeMessage[index] = nil
        #endif
        if index < nodes.count { nodes[index] = node } else { nodes.append(node) }
        fireNode(min(index, nodes.count - 1))
    }

    mutating func kill(_ index: Int) { nodes[index].isRunning = false }

    mutating func leave(_ index: Int) {
        nodes[index].machine.leave(now: now)
        drainNode(index)
    }

    /// To `receiver`, or to all; the peer may refuse, and then nothing is sent.
    mutating func speak(_ index: Int, to receiver: PublicKey?, size: Int) {
        let node = nodes[index]
        let body = ledger.body(by: node.key.publicKey, as: node.name, to: receiver, size: size)
        let limit = PeerMessage.ordinaryBody
        if let receiver {
            try? nodes[index].machine.send(body, to: receiver, limit: limit, now: now)
        } else {
            _ = try? nodes[index].machine.broadcast(body, limit: limit, now: now)
        }
        drainNode(index)
    }

    private mutating func hand(_ bytes: [UInt8], to index: Int, from source: SocketAddress) {
        #if FUZZ_CANARY
            if bytes.count > 1, bytes[1] == Kind.message.rawValue { beforeMessage[index] = nodes[index].machine }
        #endif
        nodes[index].machine.handle(bytes.span, path: Path(remote: source), now: now)
        drainNode(index)
    }

    private mutating func drainNode(_ index: Int) {
        var count = 0
        while let output = nodes[index].machine.pollOutput() {
            count += 1
            switch output {
            case .transmit(let transmit):
                if let header = ledger.sent(transmit.bytes, by: nodes[index].key.publicKey, isServer: false) {
                    nodes[index].note(sent: header)
                    if [.confirm, .heartbeat].contains(header.kind) { lives(nodes[index].key.publicKey) }
                    if header.kind != .message, transmit.path.remote != Pool.serverAddress {
                        ledger.fail("\(nodes[index].name) sent \(header.kind) to \(transmit.path.remote)")
                    }
                }
                send(transmit.bytes, from: nodes[index].address, to: transmit.path.remote)
            case .event(let event):
                nodes[index].note(event, now: now)
                if case .message(let message) = event {
                    ledger.received(message, by: nodes[index].key.publicKey, now: now)
                }
            case .drain: nodes[index].machine.handleDrained(now: now)
            }
            if count > Self.maximumOutputs { return ledger.fail("one call of a peer gave no end of outputs") }
        }
        nodes[index].check(&ledger)
    }

    // MARK: the network

    mutating func send(_ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress) {
        let flight = Flight(source: source, destination: destination, bytes: bytes)
        past.append(flight)
        past.removeFirst(max(past.count - Self.memory, 0))
        put(flight)
    }

    /// As `send`, for what was sent before or by nobody.
    mutating func put(_ flight: Flight) {
        inFlight.append(flight)
        inFlight.removeFirst(max(inFlight.count - Self.memory, 0))
    }

    mutating func take(_ index: Int) -> Flight? {
        inFlight.isEmpty ? nil : inFlight.remove(at: index % inFlight.count)
    }

    mutating func takeAll() -> [Flight] {
        defer { inFlight = [] }
        return inFlight
    }

    /// The newest is 0.
    func remembered(_ index: Int) -> Flight? {
        past.isEmpty ? nil : past[past.count - 1 - index % past.count]
    }

    mutating func arrive(_ flight: Flight) {
        if flight.destination == Pool.serverAddress { return handToServer(flight.bytes, from: flight.source) }
        if let index = nodes.firstIndex(where: { $0.isRunning && $0.address == flight.destination }) {
            return hand(flight.bytes, to: index, from: flight.source)
        }
        for index in insiders.indices where insiders[index].address == flight.destination {
            insiders[index].hear(flight.bytes)
        }
    }

    mutating func lives(_ key: PublicKey) { signsOfLife[key] = now }
    mutating func nextSeed() -> UInt64 {
        seed += 1
        return seed
    }

    static let maximumPeers = 8
    private static let quietTime = Duration.seconds(6)
    private static let maximumOutputs = 4_096
    private static let memory = 96
}

// MARK: time

extension MeshWorld {
    /// Time passes at once; whoever is due then finds itself late.
    mutating func leap(_ duration: Duration) {
        now = now + duration
        for index in nodes.indices where nodes[index].isRunning { fireNode(index) }
        fireServer()
    }

    /// Time passes as it should, and the network delivers everything at once, in order. Each input has so much of it:
    /// heartbeats cost a fuzzer more than all else.
    mutating func run(_ duration: Duration) {
        guard quiet >= duration else { return }
        quiet -= duration
        pass(duration)
    }

    /// The world is as an input is to find it.
    mutating func settle() {
        quiet = Self.quietTime
        past.removeAll()
    }

    private mutating func pass(_ duration: Duration) {
        let end = now + duration
        for _ in 0..<Self.maximumSteps {
            guard ledger.failure == nil else { return }
            if !inFlight.isEmpty {
                arrive(inFlight.removeFirst())
                continue
            }
            let due = nodes.indices.filter { nodes[$0].isRunning }.compactMap { index in
                nodes[index].machine.nextDeadline.map { (instant: $0, index: index) }
            }
            let never = Instant(nanoseconds: .max)
            let server = registry.nextDeadline ?? never
            let next = due.map(\.instant).min() ?? never
            guard min(next, server) <= end else {
                now = end
                return
            }
            now = max(now, min(next, server))
            if server <= next {
                fireServer()
            } else {
                for (instant, index) in due where instant <= now { fireNode(index) }
            }
        }
        ledger.fail("\(duration) of an untroubled network did not come to an end")
    }

    private mutating func fireServer() {
        for _ in 0..<Self.maximumTimeouts {
            guard let deadline = registry.nextDeadline, deadline <= now else { return checkTheQuiet() }
            if now - deadline > .milliseconds(400), deadline.nanoseconds > 0 { serverLateAt = now }
            registry.handleTimeout(now: now)
            drainServer(answering: nil)
        }
        ledger.fail("the server's deadline stays: \(String(describing: registry.nextDeadline))")
    }

    private mutating func fireNode(_ index: Int) {
        for _ in 0..<Self.maximumTimeouts {
            guard let deadline = nodes[index].machine.nextDeadline, deadline <= now else { return }
            nodes[index].machine.handleTimeout(now: now)
            drainNode(index)
        }
        let deadline = String(describing: nodes[index].machine.nextDeadline)
        ledger.fail("\(nodes[index].name)'s deadline stays: \(deadline)")
    }

    /// A call that nothing asks for changes nothing.
    mutating func fireForNothing(_ index: Int) {
        guard let deadline = nodes[index].machine.nextDeadline, deadline > now else { return }
        nodes[index].machine.handleTimeout(now: now)
        if nodes[index].machine.pollOutput() != nil { ledger.fail("\(nodes[index].name) did what was not due") }
        if nodes[index].machine.nextDeadline != deadline { ledger.fail("\(nodes[index].name)'s deadline moved") }
    }

    /// Whoever has said nothing for long is no member, however its heartbeats were hoarded: they count for a lifetime
    /// and are missed for another, and a CONFIRM waits at most as long as its ticket.
    private mutating func checkTheQuiet() {
        let patience = ProtocolConstants.lifetime * 2 + ProtocolConstants.sweepInterval * 3
        guard now - serverLateAt > ProtocolConstants.lifetime + patience else { return }
        for member in registry.members {
            let life = signsOfLife[member.publicKey] ?? Instant(nanoseconds: 0)
            if now - life > patience + Limits.pendingLifetime {
                ledger.fail("\(member.name) is still a member, silent for \(now - life)")
            }
        }
    }

    private static let maximumSteps = 4_000
    private static let maximumTimeouts = 12
}

// MARK: healing

extension MeshWorld {
    /// The network is good again and nobody cheats: whoever may be a member is one soon, and all agree.
    mutating func heal() {
        guard !isHealed else { return }
        isHealed = true
        let begun = now
        pass(Self.healing)
        guard ledger.failure == nil else { return }
        let members = registry.members
        let running = nodes.filter { $0.isRunning && roster.allows($0.key.publicKey, as: $0.name) }
        // Two processes with one key, or at one address, push each other out: that is no peace.
        for node in running where node.waitsUntil <= begun && isAlone(node) {
            let me = node.key.publicKey
            guard members.contains(where: { $0.publicKey == me }), node.machine.isTrusted(now) else {
                return ledger.fail("\(node.name) is not a member after \(Self.healing) of peace")
            }
            guard node.machine.version == registry.version,
                node.machine.members == members.filter({ $0.publicKey != me })
            else {
                return ledger.fail("\(node.name) does not have the server's directory after \(Self.healing) of peace")
            }
        }
    }

    private func isAlone(_ node: MeshNode) -> Bool {
        let isShared = nodes.contains {
            $0.isRunning && $0.index != node.index
                && ($0.key.publicKey == node.key.publicKey || $0.address == node.address)
        }
        return !isShared && !insiders.contains { $0.address == node.address || $0.peer?.name == node.name }
    }

    private static let healing = Duration.seconds(16)
}
