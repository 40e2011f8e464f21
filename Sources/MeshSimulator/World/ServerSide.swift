internal import SecureMeshCore

/// The server's process: what reaches it, what it does, what is seen of it.
extension World {
    static func registry(
        _ scenario: Scenario, _ key: SigningKey, _ roster: Roster, _ primitives: any Primitives,
        _ random: inout RandomSource, reading now: Instant
    ) -> Registry {
        var configuration = Registry.Configuration(key: key, bound: [Addresses.server], roster: roster)
        configuration.heartbeatInterval = scenario.heartbeat
        configuration.lifetime = scenario.lifetime
        configuration.trust = scenario.trust
        configuration.rekey = scenario.rekey
        configuration.primitives = primitives
        configuration.maximumPeers = max(scenario.peers + 16, 32)
        return Registry(configuration, random: .seeded(random.next()), now: now)
    }

    /// A new process of the server's, with a clock that began anywhere.
    func newServer() -> Process<Registry> {
        let clock = newClock()
        let machine = Self.registry(scenario, serverKey, roster, primitives, &random, reading: clock.read(now))
        trueEpochs.insert(machine.epoch)
        return Process(machine, clock: clock)
    }

    func newClock() -> Clock {
        Clock(
            offset: .nanoseconds(Int64(random.below(1 << 50))),
            driftPerMillion: scenario.drift == 0 ? 0 : random.below(2 * scenario.drift + 1) - scenario.drift)
    }

    func wakeServer() {
        if let at = server.reschedule(now: now) { schedule.put(.wakeServer, at: at) }
    }

    func serverWakes(scheduled at: Instant) {
        guard server.wakeAt == at else { return }
        server.wakeAt = nil
        if server.isAwake, server.isDue(now) { serverTimesOut() }
        wakeServer()
    }

    func serverTimesOut() {
        trace.step(1, at: now, subject: -1)
        server.machine.handleTimeout(now: server.clock.read(now))
        drainServer(answering: nil)
    }

    func serverDrained() {
        guard server.isAwake else { return }
        trace.step(2, at: now, subject: -1)
        server.machine.handleDrained(now: server.clock.read(now))
        drainServer(answering: nil)
        wakeServer()
    }

    func serverHandles(_ flight: Flight) {
        trace.step(3, at: now, subject: -1)
        trace.datagram(flight.bytes)
        let server = server
        let before = flight.isBroken ? serverView : nil
        let refusals = server.glance.refusals
        let isRepeated = judge.hasAccepted(flight)
        let isMember = memberAddresses.contains(flight.source)
        server.machine.handle(flight.bytes.span, path: Path(remote: flight.source), now: server.clock.read(now))
        let answers = drainServer(answering: flight)
        let refused = server.glance.refusals - refusals
        if refused > 0 { recorder.refused() }
        tell([flight.senderIndex].compactMap(\.self), "server \(refused > 0 ? "refuses" : "accepts") \(flight.told)")
        let isAccepted = judge.handled(
            flight, by: nil, before: before, after: flight.isBroken ? serverView : nil, refusals: refused,
            last: refused > 0 ? server.machine.rejections.last : nil, answers: answers, now: now)
        if isAccepted, !flight.isBroken, let peer = flight.senderIndex { noteLife(flight, of: peer) }
        tellAttacker(
            of: flight,
            Fact.Handling(
                flight: flight, by: nil, isAccepted: isAccepted, isRepeated: isRepeated,
                answered: isMember
                    ? 0 : answers.filter { $0.path.remote == flight.source }.map(\.bytes.count).reduce(0, +),
                isBeyondTrust: false))
        wakeServer()
    }

    private func noteLife(_ flight: Flight, of peer: Int) {
        if flight.kind == .confirm || flight.kind == .heartbeat { peers[peer].wasHeard(flight) }
        switch flight.kind {
        case .confirm: judge.confirmed(peer, now: now)
        case .heartbeat:
            // A token from before a jump of the clock may be too old by it.
            if let proof = flight.proof, proof >= judge.serverSteadySince, now - proof < surelyAlive {
                judge.proof(of: peer, now: now)
            }
        default: break
        }
    }

    private var serverView: Judge.View {
        // A flush that was due happens with any datagram.
        var glance = server.glance
        glance.version = 0
        glance.deadline = glance.deadline.flatMap { $0 > server.clock.read(now) ? $0 : nil }
        return Judge.View(glance: glance, session: 0, isTrusted: true)
    }

    @discardableResult
    func drainServer(answering flight: Flight?) -> [Transmit] {
        let server = server
        var answers: [Transmit] = []
        var departed: Set<SocketAddress> = []
        while let output = server.machine.pollOutput() {
            switch output {
            case .transmit(let transmit):
                answers.append(transmit)
                send(transmit.bytes, by: .server, from: Addresses.server, to: transmit.path.remote)
            case .event(.joined(let member)):
                memberAddresses.insert(member.address)
                departed.remove(member.address)
                noteJoined(member)
            case .event(.left(let member, let departure)):
                departed.insert(member.address)
                noteLeft(member, departure, after: flight)
            case .event(.turnedAway): break
            case .drain: schedule.put(.drained, at: now)
            }
        }
        server.look()
        if isClose {
            judge.check(server.usages, of: nil, now: now)
            checkTheWatch()
        }
        judge.answered(flight, with: answers, isMember: memberAddresses.contains, now: now)
        for address in departed { memberAddresses.remove(address) }
        let current = (epoch: server.glance.epoch, version: server.glance.version)
        if current != published {
            published = current
            judge.published(current.version, epoch: current.epoch, now: now)
            recorder.published(current.version, epoch: current.epoch, now: now)
            if isClose { judge.check(server.machine.members, of: nil, now: now) }
        }
        return answers
    }

    // MARK: its fate

    func crashServer() {
        guard server.isRunning else { return }
        serverRefusals.add(server.machine.rejections)
        server.isRunning = false
        memberAddresses = []
        judge.serverDisturbed(now: now)
        recorder.serverGone(peers: peers.count, now: now)
        recorder.note(.serverCrashed, now: now)
    }

    func stopServer() {
        guard server.isAwake else { return }
        recorder.note(.serverStopping, now: now)
        isStopping = true
        defer { isStopping = false }
        server.machine.stop(now: server.clock.read(now))
        drainServer(answering: nil)
        crashServer()
    }

    func startServer() {
        guard !server.isRunning else { return }
        server = newServer()
        judge.serverDisturbed(now: now)
        recorder.note(.serverStarted, now: now)
        wakeServer()
    }

    func pauseServer() {
        guard server.isAwake else { return }
        server.pause()
        server.wakeAt = nil
        pausedAt = now
        recorder.note(.serverPaused, now: now)
    }

    /// As the driver does: first what the clock asks for, then what has waited in the socket, then whoever is dead.
    func resumeServer() {
        guard server.isRunning, server.isPaused else { return }
        judge.serverWoke(after: now - pausedAt, now: now)
        recorder.note(.serverResumed, now: now)
        let waiting = server.resume()
        setRoster()
        if server.isDue(now) { serverTimesOut() }
        for flight in waiting { serverHandles(flight) }
        wakeServer()
    }

    func jumpServer(_ duration: Duration) {
        server.clock.jump(by: duration)
        judge.serverJumped(by: duration, now: now)
        recorder.note(.clockJumped(duration), now: now)
        server.wakeAt = nil
        wakeServer()
    }

    func setRoster() {
        guard !scenario.isOpen else { return }
        let insiders = attackers.compactMap(\.holdings.insider).map { ($0.key.publicKey, $0.name) }
        let listed = peers.filter { !$0.isRevoked }.map { ($0.key.publicKey, $0.name) } + insiders
        roster = Roster(authorised: Dictionary(uniqueKeysWithValues: listed))
        guard server.isAwake else { return }
        server.machine.setRoster(roster, now: server.clock.read(now))
        drainServer(answering: nil)
        checkTheRoster()
        wakeServer()
    }
}

extension Flight {
    /// For a story.
    var told: String {
        let flags = (isCopy ? " again" : "") + (isBroken ? ", broken" : "")
        return "\(describedKind) \(counter) of \(sender)\(flags)"
    }
}
