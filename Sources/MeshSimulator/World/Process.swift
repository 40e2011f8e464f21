internal import SecureMesh

/// A machine with a clock and a socket of its own, that may be stopped and go on.
struct Process<Machine: MeshMachine> {
    var machine: Machine
    var clock: Clock
    var isRunning = true
    private(set) var isPaused = false
    /// When the schedule wakes it; nil: not at all.
    var wakeAt: Instant?
    private var inbox: [Flight] = []
    private var inboxBytes = 0

    init(_ machine: Machine, clock: Clock) {
        self.machine = machine
        self.clock = clock
    }

    var isAwake: Bool { isRunning && !isPaused }

    mutating func pause() { isPaused = true }

    /// Goes on, and gives what has waited in its socket.
    mutating func resume() -> [Flight] {
        isPaused = false
        defer { (inbox, inboxBytes) = ([], 0) }
        return inbox
    }

    /// Into the socket of a process that does not read; false if it is full.
    mutating func hold(_ flight: Flight, buffer: Int) -> Bool {
        // What a kernel reckons for a datagram besides its bytes.
        let size = flight.bytes.count + 512
        guard inboxBytes + size <= buffer else { return false }
        inboxBytes += size
        inbox.append(flight)
        return true
    }

    /// When to wake it in the world's time, if not as scheduled already.
    mutating func reschedule(now: Instant) -> Instant? {
        guard isAwake, let deadline = machine.nextDeadline?.instant else { return nil }
        let at = clock.time(at: deadline, now: now)
        if let wakeAt, wakeAt <= at { return nil }
        wakeAt = at
        return at
    }

    func isDue(_ now: Instant) -> Bool {
        guard let deadline = machine.nextDeadline?.instant else { return false }
        return deadline <= clock.read(now)
    }
}
