internal import SecureMeshCore

/// What befalls a world, and how it ends.
extension World {
    /// Below 0: the first start of a peer.
    func fault(_ number: Int) {
        trace.step(7, at: now, subject: number)
        guard number >= 0 else { return begin(-1 - number) }
        guard !isHealing || number >= scenario.faults.count else { return }
        if number < scenario.faults.count { carryOut(scenario.faults[number].fault) } else { endPause(number) }
    }

    private func carryOut(_ fault: Fault) {
        switch fault {
        case .crash(let index): crash(index)
        case .restart(let index, let elsewhere): if !peers[index].hasEnded { begin(index, elsewhere: elsewhere) }
        case .leave(let index): leave(index)
        case .pause(let index, let duration): pause(index, duration)
        case .move(let index): if peers[index].process.isRunning { relocate(index) }
        case .jump(let index, let duration): jump(index, duration)
        case .crashServer: crashServer()
        case .startServer: startServer()
        case .stopServer: stopServer()
        case .pauseServer(let duration):
            pauseServer()
            schedule.put(.fault(scenario.faults.count), at: now + duration)
        case .jumpServer(let duration): jumpServer(duration)
        case .revoke(let index): revoke(index)
        case .authorise(let index): authorise(index)
        case .beginPartition(let number, let partition):
            network.begin(partition, number: number)
            partitionNames[number] = partition.told
            recorder.note(.partitioned(partition.told), now: now)
        case .endPartition(let number):
            network.end(partition: number)
            guard let told = partitionNames.removeValue(forKey: number) else { return }
            recorder.note(.rejoined(told), now: now)
        case .network(let conditions):
            network.conditions = conditions
            recorder.note(.networkChanged(conditions.told), now: now)
        }
        tell([], "\(fault)")
    }

    /// Beyond the faults: the end of the server's pause, and of each peer's.
    private func endPause(_ number: Int) {
        let index = number - scenario.faults.count - 1
        if index < 0 { resumeServer() } else { resume(index) }
    }

    // MARK: peers

    private func crash(_ index: Int) {
        guard peers[index].hasBegun, peers[index].process.isRunning else { return }
        peers[index].process.isRunning = false
        if !peers[index].isRevoked { peers[index].diedAt = now }
        recorder.died(index, now: now)
        recorder.note(.crashed, peer: index, now: now)
    }

    private func leave(_ index: Int) {
        guard peers[index].isLive, peers[index].process.isAwake else { return }
        recorder.note(.leaving, peer: index, now: now)
        recorder.died(index, now: now)
        peers[index].hasEnded = true
        peers[index].hasLeft = true
        peers[index].diedAt = now
        peers[index].process.machine.leave(now: peers[index].process.clock.read(now))
        drainPeer(index)
        wakePeer(index)
    }

    private func pause(_ index: Int, _ duration: Duration) {
        guard peers[index].hasBegun, peers[index].process.isAwake else { return }
        peers[index].process.pause()
        peers[index].process.wakeAt = nil
        recorder.note(.paused, peer: index, now: now)
        schedule.put(.fault(scenario.faults.count + 1 + index), at: now + duration)
    }

    private func resume(_ index: Int) {
        guard peers[index].process.isRunning, peers[index].process.isPaused else { return }
        recorder.note(.resumed, peer: index, now: now)
        let waiting = peers[index].process.resume()
        if peers[index].process.isDue(now) { peerTimesOut(index) }
        for flight in waiting where peers[index].process.isRunning { peerHandles(index, flight) }
        wakePeer(index)
    }

    private func jump(_ index: Int, _ duration: Duration) {
        guard peers[index].hasBegun, peers[index].process.isRunning else { return }
        peers[index].process.clock.jump(by: duration)
        peers[index].jumpedAt = now
        peers[index].process.wakeAt = nil
        recorder.note(.clockJumped(duration), peer: index, now: now)
        wakePeer(index)
    }

    private func revoke(_ index: Int) {
        guard !scenario.isOpen, !peers[index].isRevoked else { return }
        peers[index].isRevoked = true
        peers[index].diedAt = now
        judge.revoked(index, now: now)
        recorder.note(.revoked, peer: index, now: now)
        setRoster()
    }

    private func authorise(_ index: Int) {
        guard peers[index].isRevoked else { return }
        peers[index].isRevoked = false
        peers[index].authorisedAt = now
        peers[index].diedAt = nil
        judge.authorised(index)
        recorder.note(.authorised, peer: index, now: now)
        setRoster()
        guard peers[index].hasEnded else { return }
        peers[index].hasEnded = false
        begin(index)
    }

    // MARK: peace

    /// Everything works again, nobody attacks, and whoever may be a member runs.
    func heal() {
        recorder.healing(now: now)
        isHealing = true
        network.calmDown()
        stopAttackers()
        startServer()
        resumeServer()
        for index in peers.indices where !peers[index].hasEnded && !peers[index].isRevoked {
            resume(index)
            begin(index)
        }
    }
}

extension Partition {
    var told: String {
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
    var told: String { "latency \(latency), jitter \(jitter), \(loss / 10_000) % loss" }
}
