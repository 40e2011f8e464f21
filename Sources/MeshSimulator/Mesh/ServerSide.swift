package import SecureMeshCore

/// Drives the server's process.
extension VirtualMesh {
    /// Starts a new process of the server.
    package func startServer() {
        let clock = newClock()
        let kept = (state.configuration.kept?.members ?? [:]).values.map(\.entry)
        state.memberAddresses = Set(kept.map(\.address))
        state.server = Process(
            Registry(state.configuration, random: .seeded(state.random.next()), now: clock.read(now)), clock: clock)
        state.serverOrder = ServerEventOrder()
        state.invariants.serverStarted(keeping: kept.compactMap { state.identities[$0.identity] }, now: now)
        beginWork(of: server, as: .server)
        wakeServer()
    }

    /// Ends the server's process without GOODBYE, as a crash does.
    package func killServer() {
        server.isRunning = false
        state.memberAddresses = []
        state.invariants.serverDisturbed(now: now)
    }

    /// Ends the server's process in an orderly way: with GOODBYE to all members, unless the server keeps its directory.
    package func stopServer() {
        state.invariants.isStopping = true
        withServer { registry, now in
            registry.stop(now: now)
            while let deadline = registry.nextDeadline { registry.handleTimeout(now: max(deadline, now)) }
        }
        sendAll(of: server)
        if state.configuration.kept == nil { failOutOfOrder(state.serverOrder.checkStopped()) }
        state.invariants.isStopping = false
        killServer()
    }

    package func pauseServer() { server.pause(now: now) }

    /// Resumes the paused server. As the real driver does, the server first handles the timers that are due, and then
    /// the datagrams that wait in its socket.
    ///
    /// - Parameter roster: A roster that was written while the server was paused; nil if no roster was written.
    package func resumeServer(_ roster: Roster? = nil) {
        if server.workload?.drain == nil {
            state.invariants.serverWoke(after: now - server.pausedAt, now: now)
        } else {
            // A sweep that began before the pause continues.
            state.invariants.serverDisturbed(now: now)
        }
        let waiting = server.resume()
        if let roster { setRoster(roster) }
        guard server.workload == nil else { return ready(server) }
        if server.isDue(now) { serverTimesOut() }
        for flight in waiting { serverHandles(flight) }
        wakeServer()
    }

    package func setRoster(_ roster: Roster) {
        state.configuration.roster = roster
        guard server.isAwake else { return }
        withServer { $0.setRoster(roster, now: $1) }
        checkServersMembers()
    }

    /// Sets the date of the server's calendar. Keys of the roster may expire at that date.
    package func advanceCalendar(to date: UnixTime) {
        state.configuration.date = date
        withServer { $0.advanceCalendar(to: date, now: $1) }
        checkServersMembers()
    }

    /// Calls the server's machine with the time of the server's clock, and handles the machine's outputs.
    package func withServer(_ body: (inout Registry, Instant) -> Void) {
        body(&server.machine, server.clock.read(now))
        drainServer(answering: nil)
        wakeServer()
    }

    package func wakeServer() { wake(.server) }

    func serverTimesOut() {
        state.trace.step(1, at: now, subject: -1)
        let local = server.clock.read(now)
        // A timeout that is so late counts as a pause of the server. In a mesh with a `Host` it does not, because busy
        // cores may make a PULSE late while no sweep is due.
        if server.workload == nil, let deadline = server.glance.deadline, deadline.nanoseconds > 0,
            local - deadline > .milliseconds(400)
        {
            state.invariants.serverWoke(after: local - deadline, now: now)
        }
        server.machine.handleTimeout(now: local)
        drainServer(answering: nil)
    }

    func serverDrained() {
        guard server.isAwake else { return }
        state.trace.step(2, at: now, subject: -1)
        withServer { $0.handleDrained(now: $1) }
    }

    func serverHandles(_ flight: Flight) {
        state.trace.step(3, at: now, subject: -1)
        state.trace.datagram(flight.bytes)
        let server = server
        let isDue = server.isDue(now)
        let before = flight.isBroken ? serverView(isDue: isDue) : nil
        let refusals = server.glance.refusals
        let isRepeated = state.invariants.hasAccepted(flight)
        let isMember = state.memberAddresses.contains(flight.source)
        server.machine.handle(flight.bytes.span, path: Path(remote: flight.source), now: server.clock.read(now))
        let answers = drainServer(answering: flight)
        let refused = server.glance.refusals - refusals
        let isAccepted = state.invariants.handled(
            flight, by: nil, before: before, after: flight.isBroken ? serverView(isDue: isDue) : nil, refusals: refused,
            last: refused > 0 ? server.machine.rejections.last : nil, answers: answers, now: now)
        if isAccepted, !flight.isBroken, let identity = flight.identity, let index = flight.senderIndex {
            if flight.kind == .confirm { state.invariants.resumed(identity, now: now) }
            if flight.kind == .heartbeat { state.invariants.heard(flight, by: identity, now: now) }
            if flight.kind == .heartbeat || flight.kind == .confirm, peers[index].identity == identity {
                peers[index].wasHeard(flight)
            }
        }
        let answered = answers.filter { !isMember && $0.path.remote == flight.source }
        var handling = Handling(
            flight: flight, by: nil, isAccepted: isAccepted, isRepeated: isRepeated, refusals: refused,
            answered: answered.reduce(0) { $0 + $1.bytes.count }, isBeyondTrust: false)
        if isAccepted, flight.isCopy, let identity = flight.identity {
            handling.isFromMember = server.machine.members.contains {
                $0.address == flight.source && state.identities[$0.publicKey] == identity
            }
        }
        didHandle(handling)
        wakeServer()
    }

    /// Returns the state of the server's machine that a broken datagram must not change.
    ///
    /// - Parameter isDue: True if the server may be due to publish changes. It then publishes them with the next
    ///   datagram, even a broken one, so `deadline` is left out of the result.
    private func serverView(isDue: Bool) -> Invariants.View {
        var glance = server.glance
        glance.version = 0
        if isDue { glance.deadline = nil }
        return Invariants.View(glance: glance, session: 0, isTrusted: true)
    }

    @discardableResult
    private func drainServer(answering flight: Flight?) -> [Transmit] {
        let server = server
        var answers: [Transmit] = []
        var departed: Set<SocketAddress> = []
        let local = server.machine.secretIssuedAt
        if local != state.newestSecret?.local { state.newestSecret = (now, local) }
        while let output = server.machine.pollOutput() {
            switch output {
            case .transmit(let transmit):
                answers.append(transmit)
                send(transmit.bytes, by: .server, from: Addresses.server, to: transmit.path.remote)
            case .event(let event):
                server.workload?.events += 1
                failOutOfOrder(state.serverOrder.take(event, isStopping: state.invariants.isStopping))
                note(event, after: flight)
                check(event, after: flight, &departed)
            case .keep(let change): state.configuration.kept?.apply(change)
            case .drain where server.workload != nil: server.workload?.beginDrain(now: now)
            case .drain: state.schedule.put(.drained(.server), at: now)
            }
        }
        server.look()
        failOutOfOrder(state.serverOrder.check(isSuspected: server.machine.suspectedCount != nil))
        if state.invariants.isClose {
            state.invariants.check(server.usages, of: nil, now: now)
            state.checkWatch()
        }
        state.invariants.answered(flight, with: answers, isMember: state.memberAddresses.contains, now: now)
        for address in departed { state.memberAddresses.remove(address) }
        let current = (epoch: server.glance.epoch, version: server.glance.version)
        if current != state.published {
            state.published = current
            state.invariants.published(current.version, epoch: current.epoch, now: now)
            serverPublished()
            checkServersMembers()
        }
        return answers
    }

    private func check(_ event: ServerEvent, after flight: Flight?, _ departed: inout Set<SocketAddress>) {
        let configuration = state.configuration
        switch event {
        case .joined(let member):
            state.memberAddresses.insert(member.address)
            departed.remove(member.address)
            guard let identity = state.identities[member.publicKey] else { return }
            state.invariants.joined(identity, member, under: configuration, now: now)
        case .left(let member, let departure):
            departed.insert(member.address)
            guard let identity = state.identities[member.publicKey] else { return }
            let isAllowed = configuration.allows(member)
            state.invariants.left(identity, departure, isAllowed: isAllowed, after: flight, now: now)
        case .suspected: state.invariants.suspicionBegan()
        case .suspicionEnded: state.invariants.suspicionEnded(now: now)
        case .turnedAway, .directoryStalled, .unreachable, .missed: break
        }
    }

    private func failOutOfOrder(_ fault: String?) {
        if let fault { fail("events of the server out of order: \(fault)") }
    }

    private func checkServersMembers() {
        guard state.invariants.isClose else { return }
        let members = server.machine.members
        state.invariants.check(members, atMost: state.configuration.maximumPeers, of: nil, now: now)
        let known = members.filter { state.identities[$0.publicKey] != nil }
        state.invariants.check(known, under: state.configuration, now: now)
    }
}
