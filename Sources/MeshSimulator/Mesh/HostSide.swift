internal import SecureMeshCore

/// Runs the processes on the cores of a host. A machine is called when its process gets a core. Each piece of work
/// takes CPU time. The pieces are done in the same order as in `MeshDriver`.
extension VirtualMesh {
    /// Attaches a workload to a new process if the mesh has a host.
    func beginWork<Machine>(of process: Process<Machine>, as owner: ProcessOwner) {
        if state.host != nil { process.workload = Workload(owner) }
    }

    /// Wakes a process that sleeps, so that it runs on the next free core.
    func ready(_ process: any HostedProcess) {
        guard process.isAwake, case .asleep? = process.workload?.status else { return }
        if let core = state.host?.wake(process) { state.schedule.put(.compute(core), at: now) }
    }

    /// Charges a process for a call that did not come from its event loop. Wakes the process if it has outputs to send
    /// or uncharged CPU time.
    func afterCall(of process: any HostedProcess) {
        guard let host = state.host, !host.isInWork, let workload = process.workload else { return }
        workload.debt += host.meter.take()
        guard process.isRunning else { return sendAll(of: process) }
        if workload.hasOutput || workload.debt > 0 { ready(process) } else { alarm(process) }
    }

    /// Sends all datagrams in the outbox of a process that ends.
    func sendAll(of process: any HostedProcess) {
        let outbox = process.workload?.outbox ?? []
        process.workload?.outbox = []
        for flight in outbox { route(flight) }
    }

    /// Puts a datagram into the socket of a process, and wakes the process. The datagram is lost if the socket is not
    /// bound yet or its buffer is full.
    func receive(_ flight: Flight, _ process: any HostedProcess) {
        if case .starting? = process.workload?.phase { return lose(.nobodyThere) }
        let size = Inbox.kernelSize(flight.bytes.count)
        guard process.inbox.put(flight, size: size, limit: state.buffer) else { return lose(.overflow) }
        ready(process)
    }

    /// Ends the piece of work that a core has been doing, and begins the next piece.
    func compute(on core: Int) {
        guard let host = state.host else { return }
        while let process = host.next(on: core) {
            host.isInWork = true
            let cost = process.isAwake ? work(process, host) : nil
            host.isInWork = false
            if let cost {
                host.charge(cost, to: process)
                return state.schedule.put(.compute(core), at: now + .nanoseconds(cost))
            }
            host.sleep(on: core)
            if process.isAwake { alarm(process) }
        }
    }

    /// Schedules the time at which a process wakes up if no datagram wakes it earlier.
    private func alarm(_ process: any HostedProcess) {
        guard let owner = process.workload?.owner, let at = process.reschedule(now: now) else { return }
        state.schedule.put(.wake(owner), at: at)
    }

    /// Does one piece of work.
    ///
    /// - Returns: The CPU time that it takes, in nanoseconds, or nil if there is nothing to do.
    private func work(_ process: any HostedProcess, _ host: Host) -> Int64? {
        _ = host.meter.take()
        var cost = process.workload?.debt ?? 0
        process.workload?.debt = 0
        while cost < Self.shortestWork {
            guard let step = step(of: process, host.costs) else { return cost > 0 ? cost : nil }
            cost += step + host.meter.take()
        }
        return cost
    }

    /// The least CPU time of a piece of work, in nanoseconds, unless there is less to do. A shorter piece would not be
    /// worth an entry in the schedule.
    private static var shortestWork: Int64 { 20_000 }

    /// Does the next step in the event loop of a process.
    ///
    /// - Returns: The CPU time of the step without the calls of primitives, in nanoseconds, or nil if there is nothing
    ///   to do.
    private func step(of process: any HostedProcess, _ costs: Costs) -> Int64? {
        guard let workload = process.workload else { return nil }
        switch workload.phase {
        case .starting:
            workload.phase = .polling
            // The start does not run on the event loop's thread.
            workload.elsewhere += costs.start
            if case .peer(let index) = workload.owner { state.schedule.put(.began(index), at: now) }
            return costs.start
        case .polling: return poll(process, workload) ? 0 : nil
        case .reading(let left): return read(process, workload, left: left, costs)
        case .serving:
            for _ in 0..<Workload.timeoutsPerPass where process.isDue(now) { timesOut(workload.owner) }
            workload.phase = .strangers(left: Workload.strangersPerPass)
            return Workload.shortestPass
        case .strangers(let left):
            serveStranger(workload, left: left)
            return 0
        case .sending: return send(workload, costs)
        }
    }

    /// Chooses the next phase: a burst of reads, or the service of the timers that are due. Returns false if there is
    /// nothing to do.
    private func poll(_ process: any HostedProcess, _ workload: Workload) -> Bool {
        if !workload.hasRead, !process.inbox.isEmpty {
            workload.beginBurst()
            return true
        }
        workload.hasRead = false
        var isTime = process.isDue(now)
        if let drain = workload.drain, drain.at <= now {
            if workload.isDrained || workload.received >= drain.target || workload.received == drain.seen {
                workload.drain = nil
                drained(workload.owner)
                isTime = true
            } else {
                workload.drain = (now + Workload.drainGap, drain.target, workload.received)
            }
        }
        if let at = workload.strangersAt, at <= now {
            workload.strangersAt = nil
            isTime = true
        }
        if isTime {
            workload.phase = .serving
        } else if !process.inbox.isEmpty {
            workload.beginBurst()
        }
        return isTime || !process.inbox.isEmpty
    }

    /// Reads a datagram. Handles it at once, or queues it if it is a stranger's.
    ///
    /// - Returns: The CPU time that this takes without the calls of primitives, in nanoseconds; 0 if the burst has
    ///   ended.
    private func read(_ process: any HostedProcess, _ workload: Workload, left: Int, _ costs: Costs) -> Int64 {
        guard left > 0, let flight = process.inbox.takeFirst() else {
            workload.isDrained = left > 0
            workload.phase = .serving
            return 0
        }
        workload.phase = .reading(left: left - 1)
        workload.received += 1
        if process.isExpected(flight) || flight.bytes.count > ProtocolConstants.maximumDatagram {
            handle(flight, workload.owner)
        } else if workload.strangers.count < Limits.strangerQueue {
            workload.strangers.append(flight)
        } else {
            lose(.overflow)
        }
        let isChange = flight.kind == .delta || flight.kind == .snapshot
        return costs.receive + (isChange ? costs.change : 0)
    }

    /// Handles one datagram of a stranger. After a batch of strangers' datagrams, the next batch waits for as long as
    /// the last batch took, so that strangers get at most half of the time.
    private func serveStranger(_ workload: Workload, left: Int) {
        guard workload.strangersAt == nil, left > 0, !workload.strangers.isEmpty else {
            if let begin = workload.strangersBegan {
                workload.strangersBegan = nil
                workload.strangersAt = now + max(now - begin, Workload.strangersPause)
            }
            workload.phase = .sending
            return
        }
        if workload.strangersBegan == nil { workload.strangersBegan = now }
        workload.phase = .strangers(left: left - 1)
        handle(workload.strangers.removeFirst(), workload.owner)
    }

    /// Sends some of the datagrams that the machine has made, and delivers the machine's events. Returns the CPU time
    /// that both take, in nanoseconds.
    private func send(_ workload: Workload, _ costs: Costs) -> Int64 {
        guard workload.hasOutput else {
            workload.phase = .polling
            return 0
        }
        let events = workload.events
        workload.events = 0
        let batch = workload.outbox.prefix(Workload.sentTogether)
        workload.outbox.removeFirst(batch.count)
        for flight in batch { route(flight) }
        // A separate thread prints a long list of events.
        if events > Workload.printedAtOnce { workload.elsewhere += costs.event * events }
        return costs.transmit * Int64(batch.count) + costs.event * events
    }

    // MARK: the machines

    private func handle(_ flight: Flight, _ owner: ProcessOwner) {
        switch owner {
        case .server: serverHandles(flight)
        case .peer(let index): peerHandles(index, flight)
        }
    }

    func timesOut(_ owner: ProcessOwner) {
        switch owner {
        case .server: serverTimesOut()
        case .peer(let index): peerTimesOut(index)
        }
    }

    func drained(_ owner: ProcessOwner) {
        switch owner {
        case .server: serverDrained()
        case .peer(let index): peerDrained(index)
        }
    }
}
