package import SecureMeshCore

/// A registry and its peers on a network in virtual time. The registry and the peers are the same state machines that
/// run in real processes.
///
/// The extensions of this protocol are the only implementation of the queue, delivery, timers, pauses and drains, and
/// they report every call of a machine to the `Invariants`. A conforming type implements what differs: the path of a
/// datagram, the owner of an address, the reading of a clock, and the consequences of an event.
package protocol VirtualMesh: AnyObject {
    var state: MeshState { get }

    /// Returns a clock for a process that is about to start.
    func newClock() -> Clock
    /// Delivers (with `deliver`), changes or drops a datagram that a machine has sent.
    func route(_ flight: Flight)
    /// Returns the index of the peer that has `address`; nil if no peer has this address.
    func owner(of address: SocketAddress) -> Int?
    /// Handles a datagram to an address that no peer has.
    func arriveElsewhere(_ flight: Flight)
    /// Counts a datagram that nobody received.
    func lose(_ loss: Recording.Loss)
    /// Returns true if the peer follows a lying server, so that it may refuse honest datagrams.
    func isDeceived(_ index: Int) -> Bool
    /// Takes note that a machine has handled a datagram.
    func didHandle(_ handling: Handling)
    /// Takes note that a peer has trusted its directory for longer than any mesh may allow.
    func peerTrustsTooLong(_ index: Int)
    /// Takes note of an event of the server. `flight` is the datagram that caused the event; nil for a timeout.
    func note(_ event: ServerEvent, after flight: Flight?)
    /// Takes note of an event of a peer. `flight` is the datagram that caused the event; nil for a timeout.
    func note(_ event: PeerEvent, of index: Int, after flight: Flight?)
    /// Takes note of a change of the server's directory.
    func serverPublished()
    /// Takes note of a change of a peer's directory. `epoch` is the epoch of the directory before the change; 0 if the
    /// peer had no directory.
    func peerHoldsNewVersion(_ index: Int, after epoch: UInt64)
    /// Carries out an entry of the schedule that is neither a datagram nor a timer.
    func carryOut(_ action: Schedule.Action)
}

extension VirtualMesh {
    package func newClock() -> Clock { Clock(offset: .zero, driftPerMillion: 0) }
    package func owner(of address: SocketAddress) -> Int? {
        state.peers.firstIndex { $0.address == address && $0.process.isRunning }
    }
    package func arriveElsewhere(_ flight: Flight) {}
    package func lose(_ loss: Recording.Loss) {}
    package func isDeceived(_ index: Int) -> Bool { false }
    package func didHandle(_ handling: Handling) {}
    package func peerTrustsTooLong(_ index: Int) {}
    package func note(_ event: ServerEvent, after flight: Flight?) {}
    package func note(_ event: PeerEvent, of index: Int, after flight: Flight?) {}
    package func serverPublished() {}
    package func peerHoldsNewVersion(_ index: Int, after epoch: UInt64) {}
    package func carryOut(_ action: Schedule.Action) {}
}

/// The handling of one datagram by a machine.
package struct Handling {
    package let flight: Flight
    /// The index of the peer that handled the datagram; nil for the server.
    package let by: Int?
    package let isAccepted: Bool
    /// True if the server accepted a copy of a datagram, and the sender of the datagram is a member at the source
    /// address of the copy.
    var isFromMember = false
    /// True if a copy of the datagram had been accepted before.
    package let isRepeated: Bool
    /// The number of refusals that the machine counted for this datagram. More than 1 is an error in the machine.
    package let refusals: UInt64
    /// The number of bytes that the server sent in answer to the datagram's source; 0 if the source is a member's
    /// address.
    package let answered: Int
    /// True if the datagram is a delivered message whose sender died or was revoked too long ago to be trusted.
    package let isBeyondTrust: Bool
}

// MARK: time

extension VirtualMesh {
    package var now: Instant { state.now }
    /// The first breach of an invariant.
    package var failure: String? { state.invariants.failure?.reason }
    package var server: Process<Registry> { state.server }
    package var peers: [VirtualPeer] { state.peers }

    /// Records the breach of an invariant or a promise, unless there is one already.
    func fail(_ reason: @autoclosure () -> String, peers: [Int] = []) {
        state.invariants.fail(reason(), peers: peers, now: now)
    }

    /// Lets time pass until `end`, or until an invariant fails.
    package func play(until end: Instant) {
        while step(until: end) {}
        state.pass(to: end)
    }

    /// Lets time pass until `isDone` returns true. `isDone` is called before the first step and after each step.
    ///
    /// - Returns: False if `limit` passed first, or an invariant failed first.
    @discardableResult
    package func play(atMost limit: Duration, until isDone: () -> Bool) -> Bool {
        let end = now + limit
        while !isDone() {
            guard step(until: end) else {
                state.pass(to: end)
                return isDone()
            }
        }
        return true
    }

    /// Carries out the next entry of the schedule. Returns false if no entry is due by `end`, or if an invariant has
    /// failed.
    private func step(until end: Instant) -> Bool {
        guard state.invariants.failure == nil, let entry = state.schedule.next(until: end) else { return false }
        state.pass(to: entry.at)
        state.countStep()
        switch entry.action {
        case .arrive(let slot): if let flight = state.schedule.take(slot) { arrive(flight) }
        case .wake(let owner): wakes(owner, scheduled: entry.at)
        case .drained(let owner): drained(owner)
        case .compute(let core): compute(on: core)
        case .began, .fault, .act, .speak, .sample: carryOut(entry.action)
        }
        return true
    }
}

// MARK: processes

extension VirtualMesh {
    private func process(of owner: ProcessOwner) -> any HostedProcess {
        switch owner {
        case .server: server
        case .peer(let index): state.peers[index].process
        }
    }

    /// Schedules the time at which a process wakes up if no datagram wakes it earlier. For a process whose work takes
    /// CPU time, see `afterCall`.
    func wake(_ owner: ProcessOwner) {
        let process = process(of: owner)
        guard process.workload == nil else { return afterCall(of: process) }
        if let at = process.reschedule(now: now) { state.schedule.put(.wake(owner), at: at) }
    }

    private func wakes(_ owner: ProcessOwner, scheduled at: Instant) {
        let process = process(of: owner)
        guard process.wakeAt == at else { return }
        process.wakeAt = nil
        guard process.workload == nil else { return ready(process) }
        if process.isAwake, process.isDue(now) { timesOut(owner) }
        wake(owner)
    }
}

// MARK: the network

extension VirtualMesh {
    /// Sends a datagram of a machine: puts it onto the network, or first into the outbox of the process's workload.
    func send(_ bytes: [UInt8], by sender: Flight.Sender, from source: SocketAddress, to destination: SocketAddress) {
        state.countStep()
        var flight = Flight(
            id: state.nextFlight(), sender: sender, source: source, destination: destination, bytes: bytes, sentAt: now)
        if let peer = flight.senderIndex.map({ state.peers[$0] }) {
            flight.identity = peer.identity
            flight.proof = peer.sends(flight, now: now)
        }
        if sender == .server, flight.kind == .pulse { flight.proof = state.newestSecret?.issuedAt }
        state.invariants.sent(flight, now: now)
        let process = process(of: flight.senderIndex.map(ProcessOwner.peer) ?? .server)
        if process.workload == nil { route(flight) } else { process.workload?.outbox.append(flight) }
    }

    /// Returns a flight for a datagram that no process of the mesh has sent.
    package func stranger(_ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress) -> Flight {
        Flight(
            id: state.nextFlight(), sender: .attacker(0), source: source, destination: destination, bytes: bytes,
            sentAt: now)
    }

    package func deliver(_ flight: Flight, after delay: Duration) {
        state.schedule.put(flight, at: now + delay)
    }

    package func arrive(_ flight: Flight) {
        if flight.destination == Addresses.server {
            guard server.isRunning else { return lose(.nobodyThere) }
            guard server.workload == nil else { return receive(flight, server) }
            guard server.isPaused else { return serverHandles(flight) }
            if !server.hold(flight, buffer: state.buffer) { lose(.overflow) }
        } else if let index = owner(of: flight.destination) {
            let peer = state.peers[index]
            guard peer.process.isRunning, peer.address == flight.destination else { return lose(.nobodyThere) }
            guard peer.process.workload == nil else { return receive(flight, peer.process) }
            guard peer.process.isPaused else { return peerHandles(index, flight) }
            if !peer.process.hold(flight, buffer: state.buffer) { lose(.overflow) }
        } else {
            arriveElsewhere(flight)
        }
    }
}

// MARK: the end

extension VirtualMesh {
    /// True if every live peer is a member, knows that it is one, and holds the server's directory.
    package var isWhole: Bool {
        let glance = server.glance
        let live = state.peers.filter(\.isLive)
        guard server.isAwake, glance.members == live.count else { return false }
        let isEqual = live.allSatisfy { isCurrent($0) && $0.process.glance.members == glance.members }
        guard isEqual, state.invariants.isClose else { return isEqual }
        let members = server.machine.members
        return live.allSatisfy { peer in
            peer.process.machine.members == members.filter { $0.publicKey != peer.publicKey }
        }
    }

    /// The latest time at which a waiting live peer will join again, by the mesh's clock; nil if no peer waits.
    package var longestPause: Instant? {
        state.peers.filter { $0.isLive && $0.process.isAwake }.compactMap { peer in
            peer.process.machine.joinsAgainAt.map { peer.process.clock.time(at: $0, now: now) }
        }.max()
    }

    /// Returns true if the peer holds the server's directory, and may send messages.
    package func isCurrent(_ peer: VirtualPeer) -> Bool {
        let held = peer.process.glance
        return held.epoch == server.glance.epoch && held.version == server.glance.version
            && peer.process.machine.maySpeak(peer.process.clock.read(now))
    }
}
