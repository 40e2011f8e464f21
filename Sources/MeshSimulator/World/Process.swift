internal import SecureMeshCore

/// A machine with a clock and a socket of its own, that may be stopped and go on.
final class Process<Machine: DirectoryHolder> {
    var machine: Machine
    /// The machine as it was after the last call of it.
    private(set) var glance: Glance
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
        glance = Self.glance(&self.machine)
    }

    /// To be called after each call of the machine.
    func look() { glance = Self.glance(&machine) }

    // In place: to copy a machine costs more than most calls of it.

    var epoch: UInt64 { Self.epoch(&machine) }
    var usages: [Usage] { Self.usages(&machine) }

    private static func epoch(_ machine: inout Machine) -> UInt64 { machine.epoch }
    private static func usages(_ machine: inout Machine) -> [Usage] { machine.usages }

    private static func glance(_ machine: inout Machine) -> Glance {
        Glance(
            epoch: machine.epoch, version: machine.version, members: machine.memberCount,
            deadline: machine.nextDeadline, refusals: machine.rejections.total)
    }

    var isAwake: Bool { isRunning && !isPaused }

    func pause() { isPaused = true }

    /// Goes on, and gives what has waited in its socket.
    func resume() -> [Flight] {
        isPaused = false
        defer { (inbox, inboxBytes) = ([], 0) }
        return inbox
    }

    /// Into the socket of a process that does not read; false if it is full.
    func hold(_ flight: Flight, buffer: Int) -> Bool {
        // What a kernel reckons for a datagram besides its bytes.
        let size = flight.bytes.count + 512
        guard inboxBytes + size <= buffer else { return false }
        inboxBytes += size
        inbox.append(flight)
        return true
    }

    /// When to wake it in the world's time, if not as scheduled already.
    func reschedule(now: Instant) -> Instant? {
        guard isAwake, let deadline = glance.deadline else { return nil }
        let at = clock.time(at: deadline, now: now)
        if let wakeAt, wakeAt <= at { return nil }
        wakeAt = at
        return at
    }

    func isDue(_ now: Instant) -> Bool {
        guard let deadline = glance.deadline else { return false }
        return deadline <= clock.read(now)
    }
}

/// What is asked of a machine after every step.
struct Glance: Hashable {
    var epoch: UInt64
    var version: UInt64
    var members: Int
    var deadline: Instant?
    var refusals: UInt64
}

/// Registry and Peer: both have the directory, at a version.
protocol DirectoryHolder: MeshMachine {
    var epoch: UInt64 { get }
    var version: UInt64 { get }
    var memberCount: Int { get }
}

extension Registry: DirectoryHolder {}
extension Peer: DirectoryHolder {}
