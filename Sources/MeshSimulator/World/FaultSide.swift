internal import SecureMeshCore

/// Carries out the faults of a world, and ends them.
extension World {
    /// Carries out the action that a number stands for. Numbers below 0 are the first starts of peers. The numbers from
    /// 0 on are the faults of the scenario, and after these the ends of pauses (`endPause`).
    func fault(_ number: Int) {
        state.trace.step(7, at: now, subject: number)
        guard number >= 0 else { return begin(-1 - number) }
        guard !isHealing || number >= scenario.faults.count else { return }
        if number < scenario.faults.count { carryOut(scenario.faults[number].fault) } else { endPause(number) }
    }

    private func carryOut(_ fault: Fault) {
        switch fault {
        case .crash(let index): crash(index)
        case .restart(let index, let elsewhere): if !peers[index].hasEnded { begin(index, elsewhere: elsewhere) }
        case .leave(let index): sayLeave(index)
        case .pause(let index, let duration): pause(index, duration)
        case .move(let index): if peers[index].process.isRunning { relocate(index) }
        case .jump(let index, let duration): jump(index, duration)
        case .crashServer: crashServer(killServer)
        case .startServer: restartServer()
        case .stopServer: sayGoodbye()
        case .pauseServer(let duration): pauseServer(for: duration)
        case .jumpServer(let duration): jumpServer(duration)
        case .revoke(let index): revoke(index)
        case .authorize(let index): authorize(index)
        case .exchangeNames(let first, let second): exchangeNames(of: [first, second])
        case .beginPartition(let number, let partition):
            network.begin(partition, number: number)
            partitionNames[number] = partition.description
            recorder.note(.partitioned(partition.description), now: now)
        case .endPartition(let number):
            network.end(partition: number)
            guard let partition = partitionNames.removeValue(forKey: number) else { return }
            recorder.note(.rejoined(partition), now: now)
        case .network(let conditions):
            network.conditions = conditions
            recorder.note(.networkChanged(conditions.description), now: now)
        }
        tell([], "\(fault)")
    }

    /// Ends a pause. The numbers of pauses follow the numbers of the faults: first the server's pause, then the pauses
    /// of the peers in the order of their indices.
    private func endPause(_ number: Int) {
        let index = number - scenario.faults.count - 1
        if index < 0 { endServersPause() } else { resume(index) }
    }

    // MARK: the server

    /// Starts a process of the server, and adds the epoch of the process to `trueEpochs`.
    func beginServer() {
        startServer()
        trueEpochs.insert(server.epoch)
    }

    private func crashServer(_ end: () -> Void) {
        guard server.isRunning else { return }
        end()
        serverRefusals.add(server.machine.rejections)
        recorder.serverGone(peers: peers.count, now: now)
        recorder.note(.serverCrashed, now: now)
    }

    private func sayGoodbye() {
        guard server.isAwake else { return }
        recorder.note(.serverStopping, now: now)
        crashServer(stopServer)
    }

    private func restartServer() {
        guard !server.isRunning else { return }
        beginServer()
        recorder.note(.serverStarted, now: now)
    }

    private func pauseServer(for duration: Duration) {
        state.schedule.put(.fault(scenario.faults.count), at: now + duration)
        guard server.isAwake else { return }
        pauseServer()
        recorder.note(.serverPaused, now: now)
    }

    private func endServersPause() {
        guard server.isRunning, server.isPaused else { return }
        recorder.note(.serverResumed, now: now)
        resumeServer(scenario.isOpen ? nil : roster)
    }

    private func jumpServer(_ duration: Duration) {
        server.jump(by: duration)
        state.invariants.serverJumped(by: duration, now: now)
        recorder.note(.clockJumped(duration), now: now)
        wakeServer()
    }

    /// The present roster, if the world is not open to all keys.
    private var roster: Roster {
        let listed = peers.filter { !$0.isRevoked }.map { ($0.publicKey, $0.name) }
        return Roster(authorized: Dictionary(uniqueKeysWithValues: listed + insiders.map { ($0.key, $0.value) }))
    }

    // MARK: peers

    /// Starts a process of a peer, for the first time or again. Does nothing if a process of the peer is running.
    private func begin(_ index: Int, elsewhere: Bool = false) {
        let isNew = !peers[index].hasBegun
        guard isNew || !peers[index].process.isRunning else { return }
        peerRefusals.add(peers[index].process.machine.rejections)
        if elsewhere { relocate(index) }
        recorder.wantsIn(index, now: now)
        recorder.note(isNew ? .started : .restarted, peer: index, now: now)
        tell([index], "begins at \(peers[index].address)")
        start(index)
    }

    private func relocate(_ index: Int) {
        peers[index].address = Addresses.slot(owners.count)
        owners.append(index)
    }

    private func crash(_ index: Int) {
        guard peers[index].hasBegun, peers[index].process.isRunning else { return }
        peers[index].process.isRunning = false
        if !peers[index].isRevoked { peers[index].diedAt = now }
        recorder.died(index, now: now)
        recorder.note(.crashed, peer: index, now: now)
    }

    private func sayLeave(_ index: Int) {
        guard peers[index].isLive, peers[index].process.isAwake else { return }
        recorder.note(.leaving, peer: index, now: now)
        recorder.died(index, now: now)
        peers[index].diedAt = now
        leave(index)
    }

    private func pause(_ index: Int, _ duration: Duration) {
        guard peers[index].hasBegun, peers[index].process.isAwake else { return }
        pausePeer(index)
        recorder.note(.paused, peer: index, now: now)
        state.schedule.put(.fault(scenario.faults.count + 1 + index), at: now + duration)
    }

    private func resume(_ index: Int) {
        guard peers[index].process.isRunning, peers[index].process.isPaused else { return }
        recorder.note(.resumed, peer: index, now: now)
        resumePeer(index)
    }

    private func jump(_ index: Int, _ duration: Duration) {
        guard peers[index].hasBegun, peers[index].process.isRunning else { return }
        peers[index].process.jump(by: duration)
        peers[index].jumpedAt = now
        recorder.note(.clockJumped(duration), peer: index, now: now)
        wake(.peer(index))
    }

    private func revoke(_ index: Int) {
        guard !scenario.isOpen, !peers[index].isRevoked else { return }
        peers[index].isRevoked = true
        peers[index].diedAt = now
        state.invariants.revoked(index, now: now)
        recorder.note(.revoked, peer: index, now: now)
        setRoster(roster)
    }

    private func authorize(_ index: Int) {
        guard peers[index].isRevoked else { return }
        peers[index].isRevoked = false
        peers[index].authorizedAt = now
        peers[index].diedAt = nil
        state.invariants.authorized(index)
        recorder.note(.authorized, peer: index, now: now)
        setRoster(roster)
        guard peers[index].hasEnded else { return }
        peers[index].hasEnded = false
        begin(index)
    }

    /// Kills two peers, exchanges their names in the roster, and starts them again. Does nothing if one of them has not
    /// begun, has ended or is revoked. Does nothing in a mesh that is open to all keys, because an open server keeps a
    /// name for its key.
    private func exchangeNames(of both: [Int]) {
        let names = both.map { peers[$0].name }
        guard !scenario.isOpen, both.allSatisfy({ peers[$0].hasBegun && !peers[$0].hasEnded && !peers[$0].isRevoked })
        else { return }
        for (index, name) in zip(both, names.reversed()) {
            crash(index)
            peers[index].name = name
        }
        setRoster(roster)
        for index in both { begin(index) }
    }

    // MARK: healing

    /// Ends all faults and attacks, and starts or resumes every peer that may be a member.
    func heal() {
        recorder.healing(now: now)
        isHealing = true
        network.calmDown(to: scenario.calm)
        stopAttackers()
        restartServer()
        endServersPause()
        for index in peers.indices where !peers[index].hasEnded && !peers[index].isRevoked {
            resume(index)
            begin(index)
        }
    }
}

extension Partition {
    var description: String {
        let who = cutOff.sorted().prefix(8).map(String.init).joined(separator: ", ") + (cutOff.count > 8 ? ", …" : "")
        let how: String =
            switch direction {
            case .both: "cut off"
            case .outward: "not heard"
            case .inward: "cannot hear"
            }
        return "\(cutOff.count) peers \(cutsServer ? "and the server " : "")\(how): \(who)"
    }
}

extension LinkConditions {
    var description: String { "latency \(latency), jitter \(jitter), \(loss / 10_000) % loss" }
}
