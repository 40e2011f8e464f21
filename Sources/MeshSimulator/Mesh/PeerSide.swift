package import SecureMeshCore

/// Drives the peers' processes.
extension VirtualMesh {
    /// Returns a new process of a peer.
    ///
    /// - Parameters:
    ///   - servers: The server keys that the peer accepts; nil for the key of the mesh's server.
    ///   - returns: True if the peer keeps asking a server that does not let the peer's key join.
    package func newProcess(
        _ key: SigningKey, _ name: PeerName, servers: [PublicKey]? = nil, returns: Bool = false
    ) -> Process<Peer> {
        let clock = newClock()
        var configuration = Peer.Configuration(
            key: key, name: name, servers: servers ?? [state.configuration.key.publicKey], server: Addresses.server)
        configuration.returnsAfterExclusion = returns
        configuration.primitives = state.configuration.primitives
        return Process(Peer(configuration, random: .seeded(state.random.next()), now: clock.read(now)), clock: clock)
    }

    /// Starts a new process of a peer. The process accepts the server keys `servers`; nil stands for the key of the
    /// mesh's server.
    package func start(_ index: Int, servers: [PublicKey]? = nil, returns: Bool = false) {
        let peer = state.peers[index]
        peer.starts(newProcess(peer.key, peer.name, servers: servers, returns: returns), now: now)
        beginWork(of: peer.process, as: .peer(index))
        wake(.peer(index))
    }

    package func pausePeer(_ index: Int) { state.peers[index].process.pause(now: now) }

    /// Resumes a paused peer. The peer first handles the timers that are due, and then the datagrams that wait in its
    /// socket.
    package func resumePeer(_ index: Int) {
        let process = state.peers[index].process
        let waiting = process.resume()
        guard process.workload == nil else { return ready(process) }
        if process.isDue(now) { peerTimesOut(index) }
        for flight in waiting where process.isRunning { peerHandles(index, flight) }
        peerDrained(index)
        wake(.peer(index))
    }

    func peerDrained(_ index: Int) {
        guard state.peers[index].process.isAwake else { return }
        withPeer(index) { $0.handleDrained(now: $1) }
    }

    /// Lets a peer leave the mesh.
    package func leave(_ index: Int) {
        state.peers[index].hasEnded = true
        withPeer(index) { $0.leave(now: $1) }
    }

    /// Calls a peer's machine with the time of the peer's clock, and handles the machine's outputs, even if the call
    /// throws.
    @discardableResult
    package func withPeer<Result>(_ index: Int, _ body: (inout Peer, Instant) throws -> Result) rethrows -> Result {
        let process = state.peers[index].process
        defer {
            drainPeer(index)
            wake(.peer(index))
        }
        return try body(&process.machine, process.clock.read(now))
    }

    func peerTimesOut(_ index: Int) {
        state.trace.step(4, at: now, subject: index)
        let process = state.peers[index].process
        process.machine.handleTimeout(now: process.clock.read(now))
        drainPeer(index)
    }

    func peerHandles(_ index: Int, _ flight: Flight) {
        state.trace.step(5, at: now, subject: index)
        state.trace.datagram(flight.bytes)
        let peer = state.peers[index]
        let process = peer.process
        let isDue = process.isDue(now)
        let before = flight.isBroken ? peer.view(now, isDue: isDue) : nil
        let refusals = process.glance.refusals
        let (early, refusedEarly) = (process.machine.earlyMessageCount, process.machine.refusedEarlyMessages)
        process.machine.handle(flight.bytes.span, path: Path(remote: flight.source), now: process.clock.read(now))
        drainPeer(index, after: flight)
        let newlyRefused = process.machine.refusedEarlyMessages - refusedEarly
        let refused = process.glance.refusals - refusals - newlyRefused
        // The datagram was buffered if the sum of buffered and refused early messages has grown.
        let newEarly = process.machine.earlyMessageCount - early
        let isBuffered = flight.kind == .message && newEarly + Int(newlyRefused) > 0
        if isBuffered { state.invariants.buffered(flight) }
        let isRepeated = state.invariants.hasAccepted(flight)
        // A peer that leaves ignores all datagrams, and counts none.
        let isAccepted =
            !peer.hasEnded && !isBuffered
            && state.invariants.handled(
                flight, by: index, before: before, after: flight.isBroken ? peer.view(now, isDue: isDue) : nil,
                refusals: refused,
                last: refused == 0 || isDeceived(index) ? nil : process.machine.rejections.last, answers: [], now: now)
        if isAccepted, flight.kind == .pulse { peer.hears(pulse: flight, freshness: state.surelyFresh, now: now) }
        didHandle(
            Handling(
                flight: flight, by: index, isAccepted: isAccepted, isRepeated: isRepeated, refusals: refused,
                answered: 0, isBeyondTrust: isAccepted && !isDeceived(index) && isBeyondTrust(flight)))
        wake(.peer(index))
    }

    private func isBeyondTrust(_ flight: Flight) -> Bool {
        guard flight.kind == .message, let sender = flight.senderIndex.map({ state.peers[$0] }) else { return false }
        return state.invariants.isBeyondTrust(sender.identity, diedAt: sender.diedAt, now: now)
    }

    private func drainPeer(_ index: Int, after flight: Flight? = nil) {
        let peer = state.peers[index]
        let process = peer.process
        while let output = process.machine.pollOutput() {
            switch output {
            case .transmit(let transmit):
                send(transmit.bytes, by: .peer(index), from: peer.address, to: transmit.path.remote)
            case .event(let event):
                process.workload?.events += 1
                failOutOfOrder(peer.order.take(event, in: process.machine.session), of: index)
                if case .joined = event, !process.machine.maySpeak(process.clock.read(now)) {
                    fail("emitted `joined` before it may speak", peers: [index])
                }
                note(event, of: index, after: flight)
            case .keep: break
            case .drain where process.workload != nil: process.workload?.beginDrain(now: now)
            case .drain: state.schedule.put(.drained(.peer(index)), at: now)
            }
        }
        checkDeliveries(of: index)
        if !process.isRunning { sendAll(of: process) }
        process.look()
        if state.invariants.isClose {
            state.invariants.check(process.usages, of: index, now: now)
            state.checkWatch()
        }
        checkTrust(of: index)
        let former = peer.formerEpoch(&state.invariants, peer: index, isDeceived: isDeceived(index), now: now)
        if former != nil { peer.order.directoryChanged() }
        checkOrder(of: index)
        guard let former else { return }
        peerHoldsNewVersion(index, after: former)
        guard state.invariants.isClose else { return }
        state.invariants.check(
            process.machine.members, atMost: Limits.directoryEntries, of: index, without: peer.publicKey, now: now)
    }

    /// Checks that a peer has emitted `.joined` if it may send messages. In worlds with few peers, also checks that its
    /// events report the members that it lists.
    private func checkOrder(of index: Int) {
        let (peer, process) = (state.peers[index], state.peers[index].process)
        guard !peer.hasEnded else { return }
        let session = process.machine.session
        let isMember = process.machine.isConnected && process.machine.maySpeak(process.clock.read(now))
        let fault =
            state.invariants.isClose
            ? peer.order.check(session: session, isMember: isMember, isPending: process.machine.isJoinedPending) {
                Set(process.machine.members.map(\.publicKey))
            } : peer.order.checkJoined(session: session, isMember: isMember)
        failOutOfOrder(fault, of: index)
    }

    private func failOutOfOrder(_ fault: String?, of index: Int) {
        if let fault { fail("events out of order: \(fault)", peers: [index]) }
    }

    /// Checks that a peer's trust in its directory ends in time, no matter which datagrams are delayed.
    func checkTrust(of index: Int) {
        let (peer, process) = (state.peers[index], state.peers[index].process)
        guard state.invariants.isClose, !isDeceived(index), process.isRunning,
            process.machine.isTrusted(process.clock.read(now))
        else { return }
        if !state.invariants.checkTrust(of: index, heardAt: peer.heardAt, now: now) { peerTrustsTooLong(index) }
    }

    /// Checks the results of the peer's messages that have ceased to wait for acknowledgments.
    private func checkDeliveries(of index: Int) {
        let peer = state.peers[index]
        guard !peer.unacknowledged.isEmpty else { return }
        peer.unacknowledged.removeAll { number, message in
            guard let delivery = peer.process.machine.delivery(of: number) else { return false }
            state.invariants.reported(delivery, of: message, now: now)
            return true
        }
    }

    /// Makes a peer send a message to all members or to one. The invariants know the message by its body.
    ///
    /// - Parameter timeout: The time for which the sender waits for acknowledgments; nil if it asks for none.
    /// - Returns: The number of members to which the message is sent; nil if the peer may not send it.
    package func speak(
        _ index: Int, to audience: PublicKey?, size: Int, acknowledgedWithin timeout: Duration? = nil
    ) -> Int? {
        state.trace.step(6, at: now, subject: index)
        let peer = state.peers[index]
        let body = state.invariants.body(
            from: peer.identity, as: peer.name, to: audience.flatMap { state.identities[$0] }, size: size,
            isRepeated: timeout != nil, now: now)
        let (process, limit) = (peer.process, PeerMessage.ordinaryBody)
        let local = process.clock.read(now)
        var reached = 1
        do throws(SendError) {
            if let timeout {
                let members = process.machine.members.count
                let number: UInt64
                if let audience {
                    number = try process.machine.send(
                        body, to: audience, acknowledgedWithin: timeout, limit: limit, now: local)
                } else {
                    number = try process.machine.broadcast(
                        body, acknowledgedWithin: timeout, limit: limit, now: local)
                    reached = members
                }
                peer.unacknowledged.append((number, state.invariants.lastMessage))
            } else if let audience {
                try process.machine.send(body, to: audience, limit: limit, now: local)
            } else {
                reached = try process.machine.broadcast(body, limit: limit, now: local)
            }
        } catch {
            state.invariants.withdrawLast()
            return nil
        }
        drainPeer(index)
        wake(.peer(index))
        return reached
    }
}
