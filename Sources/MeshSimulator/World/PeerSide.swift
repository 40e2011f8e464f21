internal import SecureMeshCore

/// The peers' processes, and the way between all of them.
extension World {
    func newProcess(_ key: SigningKey, _ name: PeerName) -> Process<Peer> {
        let clock = newClock()
        var configuration = Peer.Configuration(
            key: key, name: name, servers: [serverKey.publicKey], server: Addresses.server)
        configuration.primitives = primitives
        return Process(Peer(configuration, random: .seeded(random.next()), now: clock.read(now)), clock: clock)
    }

    /// A process begins, for the first time or again; a stopped one was there before.
    func begin(_ index: Int, elsewhere: Bool = false) {
        let isNew = !peers[index].hasBegun
        guard isNew || !peers[index].process.isRunning else { return }
        peerRefusals.add(peers[index].process.machine.rejections)
        if elsewhere { relocate(index) }
        peers[index].restarted(newProcess(peers[index].key, peers[index].name))
        peers[index].hasBegun = true
        recorder.wantsIn(index, now: now)
        recorder.note(isNew ? .started : .restarted, peer: index, now: now)
        tell([index], "begins at \(peers[index].address)")
        wakePeer(index)
    }

    func relocate(_ index: Int) {
        peers[index].address = Addresses.slot(owners.count)
        owners.append(index)
    }

    func wakePeer(_ index: Int) {
        guard let at = peers[index].process.reschedule(now: now) else { return }
        schedule.put(.wakePeer(index), at: at)
    }

    func peerWakes(_ index: Int, scheduled at: Instant) {
        let process = peers[index].process
        guard process.wakeAt == at else { return }
        process.wakeAt = nil
        if process.isAwake, process.isDue(now) { peerTimesOut(index) }
        wakePeer(index)
    }

    func peerTimesOut(_ index: Int) {
        trace.step(4, at: now, subject: index)
        let process = peers[index].process
        process.machine.handleTimeout(now: process.clock.read(now))
        drainPeer(index)
    }

    func peerHandles(_ index: Int, _ flight: Flight) {
        trace.step(5, at: now, subject: index)
        trace.datagram(flight.bytes)
        let (peer, process) = (peers[index], peers[index].process)
        let before = flight.isBroken ? peer.view(now) : nil
        let refusals = process.glance.refusals
        process.machine.handle(
            flight.bytes.span, path: Path(remote: flight.source), now: process.clock.read(now))
        drainPeer(index, after: flight)
        let refused = process.glance.refusals - refusals
        if refused > 0 { recorder.refused() }
        let isRepeated = judge.hasAccepted(flight)
        tell([index], "\(refused > 0 ? "refuses" : "accepts") \(flight.told)")
        checkWait(of: index, flight)
        // Whoever leaves listens to nothing any more, and counts nothing.
        guard !peer.hasEnded else { return wakePeer(index) }
        let isAccepted = judge.handled(
            flight, by: index, before: before, after: flight.isBroken ? peer.view(now) : nil, refusals: refused,
            last: refused == 0 || isDeceived(index) ? nil : process.machine.rejections.last, answers: [], now: now)
        tellAttacker(
            of: flight,
            Fact.Handling(
                flight: flight, by: index, isAccepted: isAccepted, isRepeated: isRepeated, answered: 0,
                isBeyondTrust: isAccepted && flight.kind == .message && !isDeceived(index)
                    && flight.senderIndex.map { judge.isBeyondTrust($0, diedAt: peers[$0].diedAt, now: now) } ?? false))
        if isAccepted, flight.kind == .pulse {
            peer.hears(pulse: flight, freshness: surelyFresh, now: now)
        }
        wakePeer(index)
    }

    /// `flight`: what the peer has just handled.
    func drainPeer(_ index: Int, after flight: Flight? = nil) {
        let (peer, process) = (peers[index], peers[index].process)
        while let output = process.machine.pollOutput() {
            switch output {
            case .transmit(let transmit):
                send(transmit.bytes, by: .peer(index), from: peer.address, to: transmit.path.remote)
            case .event(let event): note(event, index, after: flight)
            case .drain: process.machine.handleDrained(now: process.clock.read(now))
            }
        }
        process.look()
        if isClose {
            judge.check(process.usages, of: index, now: now)
            checkTheWatch()
        }
        if followsALiar(index) { peer.deceivedAt = now }
        guard peer.changed(&judge, peer: index, now: now) else { return }
        let glance = process.glance
        recorder.holds(index, glance.version, epoch: glance.epoch, now: now)
        if isClose { judge.check(process.machine.members, of: index, now: now) }
    }

    private func note(_ event: PeerEvent, _ index: Int, after flight: Flight?) {
        switch event {
        case .joined:
            tell([index], "may speak")
            recorder.isIn(index, now: now)
        case .message(let message):
            checkTrust(of: index)
            let sender = indices[message.sender.publicKey]
            // An insider may speak as itself, and is not asked what it said.
            if sender == nil, insiders[message.sender.publicKey] == message.sender.name { return }
            let latency = judge.delivered(
                message, from: sender, named: sender.map { peers[$0].name }, to: index, isDeceived: isDeceived(index),
                now: now)
            recorder.delivered(after: latency)
        case .left: end(index)
        case .ended:
            // What was said before it was taken back may come now.
            let isLate = peers[index].authorisedAt.map { at in flight.map { $0.sentAt <= at } ?? false } ?? false
            if !peers[index].isRevoked, !isLate {
                judge.fail("an authorised peer was turned away for good", peers: [index], now: now)
            }
            end(index)
        case .dismissed(.replaced):
            tell([index], "\(event)")
            peers[index].waitsUntil = now + ProtocolConstants.replacedPause * 5 / 4
        case .connectionLost, .connectionRecovered, .dismissed, .refused, .unanswered:
            tell([index], "\(event)")
        case .memberJoined, .memberRejoined, .memberLeft, .nameMoved: break
        }
    }

    private func end(_ index: Int) {
        peers[index].hasEnded = true
        peers[index].process.isRunning = false
        tell([index], "has ended")
    }

    // MARK: a server that lies

    private func followsALiar(_ index: Int) -> Bool {
        let epoch = peers[index].process.epoch
        return epoch != 0 && !trueEpochs.contains(epoch)
    }

    /// Whether it follows a server that is not the true one, or did while its messages may still be under way.
    func isDeceived(_ index: Int) -> Bool {
        followsALiar(index)
            || peers[index].deceivedAt.map { now - $0 < ProtocolConstants.pairLingering * 2 } ?? false
    }

    /// A peer knows for a while that a CONFIRM which it gave up may still replace its session. It may forget that only if
    /// its clock jumps, or the GOODBYE takes long: then it waits as for another process, and so must the world.
    private func checkWait(of index: Int, _ flight: Flight) {
        guard flight.kind == .goodbye, peers[index].waitsUntil != nil, peers[index].jumpedAt == nil,
            now - flight.sentAt < Self.longWay
        else { return }
        peers[index].waitsUntil = nil
    }

    private static let longWay = Duration.seconds(1)

    /// Trust ends in time, whatever is delayed.
    func checkTrust(of index: Int) {
        let peer = peers[index]
        guard peers.count <= Scenario.closeScrutiny, !isDeceived(index), peer.process.isRunning,
            peer.process.machine.isTrusted(peer.process.clock.read(now))
        else { return }
        if !judge.checkTrust(of: index, heardAt: peer.heardAt, now: now) { tellAttackers(.trustsTooLong(index)) }
    }

    // MARK: the way

    func send(_ bytes: [UInt8], by sender: Flight.Sender, from source: SocketAddress, to destination: SocketAddress) {
        var flight = Flight(
            id: nextFlight(), sender: sender, source: source, destination: destination, bytes: bytes, sentAt: now)
        recorder.sent(bytes)
        judge.sent(bytes, by: flight.senderIndex, now: now)
        if let index = flight.senderIndex { flight.proof = peers[index].sends(flight, now: now) }
        guard let passed = passAttackers(flight) else { return network.lose(.withheld) }
        let isServers = destination == Addresses.server
        guard let target = isServers ? nil : owner(of: destination) else {
            if isServers { cross(passed, from: flight.senderIndex, to: nil) } else { passToAttacker(passed) }
            return
        }
        cross(passed, from: flight.senderIndex, to: target)
    }

    private func cross(_ flight: Flight, from source: Int?, to destination: Int?) {
        network.send(flight, from: source, to: destination, now: now)
        if network.arrivals.isEmpty { recorder.lost() }
        for (flight, at) in network.arrivals { schedule.put(flight, at: at) }
    }

    func owner(of address: SocketAddress) -> Int? {
        guard let slot = Addresses.slot(of: address), slot < owners.count else { return nil }
        return owners[slot]
    }

    func arrive(_ flight: Flight) {
        if flight.destination == Addresses.server {
            guard server.isRunning else { return network.lose(.nobodyThere) }
            guard server.isPaused else { return serverHandles(flight) }
            if !server.hold(flight, buffer: scenario.buffer) { network.lose(.overflow) }
        } else if let index = owner(of: flight.destination) {
            guard peers[index].process.isRunning, peers[index].address == flight.destination else {
                return network.lose(.nobodyThere)
            }
            guard peers[index].process.isPaused else { return peerHandles(index, flight) }
            if !peers[index].process.hold(flight, buffer: scenario.buffer) { network.lose(.overflow) }
        } else {
            attackerHears(flight)
        }
    }

    // MARK: talk

    func speak(_ index: Int) {
        guard let interval = scenario.talk.interval, !isHealing else { return }
        schedule.put(.speak(index), at: now + random.jittered(interval))
        guard peers[index].isLive, peers[index].process.isAwake else { return }
        var audience: Int?
        if random.chance(scenario.talk.direct) {
            audience = random.below(peers.count)
            guard audience != index else { return }
        }
        _ = speakNow(index, to: audience)
    }

    /// False if it may not now.
    func speakNow(_ index: Int, to audience: Int?) -> Bool {
        trace.step(6, at: now, subject: index)
        let body = judge.body(from: index, to: audience, size: scenario.talk.size, now: now)
        let local = peers[index].process.clock.read(now)
        let limit = PeerMessage.ordinaryBody
        do throws(SendError) {
            if let audience {
                let key = peers[audience].key.publicKey
                try peers[index].process.machine.send(body, to: key, limit: limit, now: local)
                recorder.spoke(toAsManyAs: 1)
            } else {
                let reached = try peers[index].process.machine.broadcast(body, limit: limit, now: local)
                recorder.spoke(toAsManyAs: reached - strangers(listedBy: index))
            }
        } catch {
            judge.withdrawLast()
            return false
        }
        tell([index], "speaks to \(audience.map { "peer \($0)" } ?? "all")")
        drainPeer(index)
        wakePeer(index)
        return true
    }

    /// Members that are attackers' or made up: what is sent to them nobody is to deliver.
    private func strangers(listedBy index: Int) -> Int {
        guard !attackers.isEmpty else { return 0 }
        return peers[index].process.machine.members.count { indices[$0.publicKey] == nil }
    }
}
