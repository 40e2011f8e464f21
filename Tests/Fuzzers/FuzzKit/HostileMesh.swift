import MeshSimulator
import SecureMeshCore

/// A virtual mesh that an input drives by operations. An operation delivers, delays, changes or repeats datagrams, lets
/// time pass, or acts on the server, on a peer, or on a member that an attacker controls.
final class HostileMesh: VirtualMesh {
    let state: MeshState
    /// The members that an attacker controls.
    var insiders: [ScriptedPeer]
    private var inFlight: [Flight] = []
    /// The most recent datagrams, which operations can replay.
    private var past: [Flight] = []
    private var isHealed = false
    /// True while the network delivers every datagram at once and in order.
    private var isFlowing = false
    /// The virtual time for which the network may still deliver every datagram at once. Each input has a limited amount
    /// of this time.
    private var quiet = HostileMesh.quietTime
    /// For each identity, the time at which it last sent a CONFIRM or HEARTBEAT.
    private var signsOfLife: [Int: Instant] = [:]
    #if FUZZ_CANARY
        private var beforeMessage: [Int: Peer] = [:]
    #endif

    init(seed: UInt64, roster: Roster) {
        var configuration = Registry.Configuration(key: Pool.server, bound: [Addresses.server], roster: roster)
        configuration.maximumPeers = Self.maximumPeers
        state = MeshState(
            configuration, random: .seeded(seed), from: Instant(nanoseconds: 1_000_000_000_000), stepLimit: 4_096)
        state.identities = Dictionary(uniqueKeysWithValues: zip(Pool.keys.map(\.publicKey), 0...))
        let cheats = [8, 9]
        insiders = cheats.map { ScriptedPeer(key: Pool.keys[$0], name: Pool.names[$0], context: Pool.context) }
        state.invariants.cheats = Set(cheats)
        wakeServer()
    }

    /// Creates an independent copy of a mesh. Each input starts with such a copy.
    init(copying other: HostileMesh) {
        state = MeshState(copying: other.state)
        (insiders, inFlight, signsOfLife) = (other.insiders, other.inFlight, other.signsOfLife)
    }

    // MARK: the server and the peers

    func changeRoster(to roster: Roster) {
        setRoster(roster)
        for (identity, (key, name)) in zip(Pool.keys, Pool.names).enumerated() {
            if roster.allows(key.publicKey, as: name, at: state.configuration.date) {
                state.invariants.authorized(identity)
            } else {
                state.invariants.revoked(identity, now: now)
            }
        }
        #if FUZZ_CANARY
            // The planted fault: each peer returns to the state before the newest message to that peer.
            for (index, machine) in beforeMessage { peers[index].machine = machine }
        #endif
    }

    /// Starts a peer process with the key of `identity`. If there is a peer at `index`, the new process replaces that
    /// peer.
    func start(_ index: Int, identity: Int, at address: SocketAddress) {
        let (key, name) = (Pool.keys[identity], Pool.names[identity])
        let peer = VirtualPeer(
            key: key, name: name, identity: identity, address: address, process: newProcess(key, name))
        #if FUZZ_CANARY
            beforeMessage[index] = nil
        #endif
        if index < peers.count { state.peers[index] = peer } else { state.peers.append(peer) }
        start(index)
        play(until: now)
    }

    /// Calls a peer's timer before the peer's deadline, and checks that this changes nothing.
    func fireForNothing(_ index: Int) {
        let process = peers[index].process
        guard let deadline = process.machine.nextDeadline, deadline > now else { return }
        process.machine.handleTimeout(now: now)
        if process.machine.pollOutput() != nil { fail("\(peers[index].name) did what was not due") }
        if process.machine.nextDeadline != deadline { fail("the deadline of \(peers[index].name) moved") }
    }

    private func fail(_ reason: String) { state.invariants.fail(reason, now: now) }

    // MARK: parts of the virtual mesh

    func route(_ flight: Flight) {
        if let index = flight.senderIndex, flight.kind == .confirm || flight.kind == .heartbeat {
            lives(peers[index].identity)
        }
        #if FUZZ_CANARY
            if flight.kind == .message, let index = owner(of: flight.destination) {
                beforeMessage[index] = peers[index].machine
            }
        #endif
        past.append(flight)
        past.removeFirst(max(past.count - Self.memory, 0))
        put(flight)
    }

    func arriveElsewhere(_ flight: Flight) {
        for index in insiders.indices where insiders[index].address == flight.destination {
            insiders[index].hear(flight.bytes)
        }
    }

    func note(_ event: PeerEvent, of index: Int, after flight: Flight?) {
        let peer = peers[index]
        switch event {
        case .refused(_, let pause): peer.waits(until: now + pause)
        case .excluded(_, _, let pause): if let pause { peer.waits(until: now + pause) }
        case .dismissed(.replaced): peer.waits(until: now + ProtocolConstants.replacedPause)
        case .dismissed(.misbehaved): peer.waits(until: now + ProtocolConstants.barredPeriod)
        case .left, .ended: peer.hasEnded = true
        case .message(let message):
            let sender = state.identities[message.sender.publicKey]
            state.invariants.delivered(message, from: sender, to: peer.identity, startedAt: peer.startedAt, now: now)
        case .joined, .dismissed, .connectionLost, .connectionRecovered, .unanswered, .slowRoundTrip, .serverLocated,
            .lookupFailed, .unreachable, .directoryStalled, .trustEnded, .trustRestored, .memberJoined, .memberRejoined,
            .memberLeft, .nameMoved, .missed:
            break
        }
    }

    // MARK: the network

    /// Sends a datagram, as if one of the machines had produced it.
    func put(_ flight: Flight) {
        if isFlowing { return deliver(flight, after: .zero) }
        inFlight.append(flight)
        inFlight.removeFirst(max(inFlight.count - Self.memory, 0))
    }

    func take(_ index: Int) -> Flight? {
        inFlight.isEmpty ? nil : inFlight.remove(at: index % inFlight.count)
    }

    func takeAll() -> [Flight] {
        defer { inFlight = [] }
        return inFlight
    }

    /// Returns a datagram that was sent earlier; nil if none was sent. Index 0 is the newest datagram.
    func remembered(_ index: Int) -> Flight? {
        past.isEmpty ? nil : past[past.count - 1 - index % past.count].copied
    }

    func lives(_ identity: Int) { signsOfLife[identity] = now }

    // MARK: time

    /// Advances the time in one step, so all timers that are due before the new time fire late.
    func leap(_ duration: Duration) {
        state.pass(to: now + duration)
        play(until: now)
        checkSilentMembers()
    }

    /// Lets time pass. All timers fire on time, and the network delivers every datagram without delay. Each input may
    /// spend only a limited time in this way, because heartbeats cost a fuzzer the most time.
    func run(_ duration: Duration) {
        guard quiet >= duration else { return }
        quiet -= duration
        pass(duration)
    }

    private func pass(_ duration: Duration) {
        isFlowing = true
        defer { isFlowing = false }
        for flight in takeAll() { put(flight) }
        let end = now + duration
        while now < end, failure == nil {
            play(until: min(now + ProtocolConstants.sweepInterval, end))
            checkSilentMembers()
        }
    }

    private func checkSilentMembers() {
        for member in server.machine.members {
            guard let identity = state.identities[member.publicKey] else { continue }
            let life = signsOfLife[identity] ?? Instant(nanoseconds: 0)
            state.invariants.checkGone(
                identity, since: life, isMember: true, slack: ProtocolConstants.sweepInterval * 2, now: now)
        }
    }

    // MARK: healing

    /// Lets the mesh run without attacks. Then checks that each peer that may be a member is a member, and holds the
    /// server's directory.
    func heal() {
        guard !isHealed else { return }
        isHealed = true
        let begun = now
        pass(Self.healing)
        // A peer that has joined many times pauses before it joins again.
        if let paused = longestPause { pass(paused - now + Self.healing) }
        guard failure == nil else { return }
        let members = server.machine.members
        let date = state.configuration.date
        let running = peers.filter {
            $0.isLive && state.configuration.roster.allows($0.publicKey, as: $0.name, at: date)
        }
        // Processes that share a key or an address replace each other without end, so they are not checked.
        for peer in running where peer.waitsUntil ?? begun <= begun && isAlone(peer) {
            guard members.contains(where: { $0.publicKey == peer.publicKey }), peer.machine.isTrusted(now) else {
                return fail("\(peer.name) is not a member after \(Self.healing) of peace")
            }
            guard isCurrent(peer), peer.machine.members == members.filter({ $0.publicKey != peer.publicKey }) else {
                return fail("\(peer.name) does not have the server's directory after \(Self.healing) of peace")
            }
        }
    }

    private func isAlone(_ peer: VirtualPeer) -> Bool {
        let isShared = peers.contains {
            $0.isRunning && $0 !== peer && ($0.publicKey == peer.publicKey || $0.address == peer.address)
        }
        return !isShared && !insiders.contains { $0.address == peer.address || $0.attempt?.name == peer.name }
    }

    private static let maximumPeers = 8
    private static let quietTime = Duration.seconds(6)
    /// The time within which the mesh must heal. It is long enough for a peer to join, and then for the members of an
    /// old directory to return.
    private static let healing = ProtocolConstants.returnPeriod + .seconds(9)
    private static let memory = 96
}

extension VirtualPeer {
    fileprivate func waits(until time: Instant) { waitsUntil = max(waitsUntil ?? time, time) }
}

extension Flight {
    /// Returns a copy of the datagram with changed bytes. The copy is marked as a datagram that no machine may accept.
    func broken(_ change: (inout [UInt8]) -> Void) -> Flight {
        var broken = self
        change(&broken.bytes)
        broken.isBroken = true
        return broken
    }
}
