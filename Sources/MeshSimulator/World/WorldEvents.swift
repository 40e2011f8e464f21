package import SecureMeshCore

/// The parts of `VirtualMesh` that a world implements.
extension World: VirtualMesh {
    package func newClock() -> Clock {
        Clock(
            offset: .nanoseconds(Int64(state.random.below(1 << 50))),
            driftPerMillion: scenario.drift == 0
                ? 0 : state.random.below(2 * scenario.drift + 1) - scenario.drift)
    }

    package func carryOut(_ action: Schedule.Action) {
        switch action {
        case .fault(let number): fault(number)
        case .act(let number): act(number)
        case .speak(let index): speak(index)
        case .sample: sample()
        case .began(let index): startNext(after: index)
        case .arrive, .wake, .drained, .compute: break
        }
    }

    // MARK: the network

    package func route(_ flight: Flight) {
        recorder.sent(flight.bytes)
        guard let passed = passAttackers(flight) else { return lose(.withheld) }
        let isServers = flight.destination == Addresses.server
        let target = isServers ? nil : owner(of: flight.destination)
        guard isServers || target != nil else { return deliver(passed, after: network.conditions.latency) }
        network.send(passed, from: flight.senderIndex, to: target, now: now)
        if network.arrivals.isEmpty { recorder.lost() }
        for (flight, at) in network.arrivals { state.schedule.put(flight, at: at) }
    }

    package func owner(of address: SocketAddress) -> Int? {
        guard let slot = Addresses.slot(of: address), slot < owners.count else { return nil }
        return owners[slot]
    }

    package func lose(_ loss: Recording.Loss) { network.lose(loss) }

    package func didHandle(_ handling: Handling) {
        let flight = handling.flight
        if handling.refusals > 0 { recorder.refused() }
        let verb = handling.refusals > 0 ? "refuses" : "accepts"
        guard let index = handling.by else {
            tell([flight.senderIndex].compactMap(\.self), "server \(verb) \(flight.description)")
            return tellAttacker(of: handling)
        }
        tell([index], "\(verb) \(flight.description)")
        checkWait(of: index, flight)
        if !peers[index].hasEnded { tellAttacker(of: handling) }
    }

    /// Clears `waitsUntil` of a peer that has received GOODBYE "replaced". Does nothing if the GOODBYE is late, or if
    /// the peer's clock has jumped.
    ///
    /// In a world, such a GOODBYE is caused only by the peer's own CONFIRM, in a handshake that the peer has given up.
    /// The peer remembers this handshake for some seconds, and need not wait if the GOODBYE comes within that time.
    private func checkWait(of index: Int, _ flight: Flight) {
        guard flight.kind == .goodbye, peers[index].waitsUntil != nil, peers[index].jumpedAt == nil,
            now - flight.sentAt < Self.longDelay
        else { return }
        peers[index].waitsUntil = nil
    }

    private static let longDelay = Duration.seconds(1)

    // MARK: the server

    package func serverPublished() {
        recorder.published(server.glance.version, epoch: server.glance.epoch, now: now)
    }

    package func note(_ event: ServerEvent, after flight: Flight?) {
        switch event {
        case .joined(let member): noteJoined(member)
        case .left(let member, let departure): noteLeft(member, departure)
        case .turnedAway, .directoryStalled, .unreachable, .suspected, .suspicionEnded, .missed: break
        }
    }

    private func noteJoined(_ member: Member) {
        let peer = state.identities[member.publicKey]
        let arrival = Fact.Arrival(
            member: member, at: now, serverSteadySince: state.invariants.serverSteadySince,
            isRevoked: peer.map { peers[$0].isRevoked } ?? false)
        tellAttackers(.joined(arrival))
        guard let peer else { return }
        tell([peer], "joined")
        recorder.joined(peer, now: now)
    }

    private func noteLeft(_ member: Member, _ departure: Departure) {
        let peer = state.identities[member.publicKey]
        let isAlive = peer.map { state.invariants.isSurelyAlive($0, now: now) } ?? false
        let parting = Fact.Parting(
            member: member, at: now, departure: departure, isWrong: departure == .expired && isAlive,
            latestSign: state.invariants.latestSign(now: now))
        tellAttackers(.left(parting))
        guard let peer else { return }
        tell([peer], "left: \(departure)")
        recorder.left(peer, departure, now: now)
    }

    // MARK: the peers

    package func peerHoldsNewVersion(_ index: Int, after epoch: UInt64) {
        if epoch != 0, !trueEpochs.contains(epoch) { peers[index].deceivedAt = now }
        let glance = peers[index].process.glance
        recorder.holds(index, glance.version, epoch: glance.epoch, now: now)
    }

    /// Returns true if the peer follows a lying server. Also returns true for some time afterwards, because messages
    /// from the deceived period may still be under way.
    package func isDeceived(_ index: Int) -> Bool {
        let epoch = peers[index].process.epoch
        return epoch != 0 && !trueEpochs.contains(epoch)
            || peers[index].deceivedAt.map { now - $0 < ProtocolConstants.pairLingering * 2 } ?? false
    }

    package func note(_ event: PeerEvent, of index: Int, after flight: Flight?) {
        switch event {
        case .joined:
            tell([index], "may speak")
            recorder.isIn(index, now: now)
        case .message(let message):
            checkTrust(of: index)
            let sender = state.identities[message.sender.publicKey]
            // An insider may send any message under its own name.
            if sender == nil, insiders[message.sender.publicKey] == message.sender.name { return }
            let latency = state.invariants.delivered(
                message, from: sender, to: index, startedAt: peers[index].startedAt, isDeceived: isDeceived(index),
                now: now)
            recorder.delivered(after: latency)
        case .left: end(index)
        case .ended:
            // A REJECT or GOODBYE that was sent before the revocation was withdrawn may arrive later.
            let isLate = peers[index].authorizedAt.map { at in flight.map { $0.sentAt <= at } ?? false } ?? false
            if !peers[index].isRevoked, !isLate {
                fail("an authorized peer was refused for good", peers: [index])
            }
            end(index)
        case .dismissed(.replaced):
            tell([index], "\(event)")
            peers[index].waitsUntil = now + ProtocolConstants.replacedPause * 5 / 4
        case .connectionLost:
            recorder.lostConnection()
            tell([index], "\(event)")
        case .memberLeft: reportedGone += 1
        case .connectionRecovered, .dismissed, .refused, .excluded, .unanswered, .slowRoundTrip, .serverLocated,
            .lookupFailed, .unreachable, .directoryStalled, .trustEnded, .trustRestored:
            tell([index], "\(event)")
        case .memberJoined, .memberRejoined, .nameMoved, .missed: break
        }
    }

    private func end(_ index: Int) {
        peers[index].hasEnded = true
        peers[index].process.isRunning = false
        tell([index], "has ended")
    }

    package func peerTrustsTooLong(_ index: Int) { tellAttackers(.trustsTooLong(index)) }

    // MARK: talk

    private func speak(_ index: Int) {
        guard let interval = scenario.talk.interval, !isHealing else { return }
        state.schedule.put(.speak(index), at: now + state.random.jittered(interval))
        guard peers[index].isLive, peers[index].process.isAwake else { return }
        var audience: Int?
        if state.random.chance(scenario.talk.direct) {
            audience = state.random.below(peers.count)
            guard audience != index else { return }
        }
        _ = speakNow(index, to: audience)
    }

    private static let deliveryTimeout = Duration.seconds(3)

    /// Makes a peer send a message to one peer, or to all members. Returns false if the peer may not send it.
    func speakNow(_ index: Int, to audience: Int?) -> Bool {
        // Messages to attackers, or to members that a lying server has made up, need not be delivered.
        let strangers =
            attackers.isEmpty || audience != nil
            ? 0 : peers[index].process.machine.members.count { state.identities[$0.publicKey] == nil }
        let asks = scenario.talk.acknowledged > 0 && state.random.chance(scenario.talk.acknowledged)
        let reached = speak(
            index, to: audience.map { peers[$0].publicKey }, size: scenario.talk.size,
            acknowledgedWithin: asks ? Self.deliveryTimeout : nil)
        guard let reached else { return false }
        tell([index], "speaks to \(audience.map { "peer \($0)" } ?? "all")")
        recorder.spoke(toAsManyAs: reached - strangers)
        return true
    }
}

extension Flight {
    /// A short description of the datagram, for the list of events that explains a failure.
    fileprivate var description: String {
        let flags = (isCopy ? " again" : "") + (isBroken ? ", broken" : "")
        return "\(describedKind) \(counter) of \(sender)\(flags)"
    }
}
