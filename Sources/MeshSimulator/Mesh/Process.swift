package import SecureMeshCore

/// A machine with a clock and a socket of its own. It can be paused and resumed.
package final class Process<Machine: DirectoryHolder>: HostedProcess {
    package var machine: Machine
    /// The figures of the machine, updated after each of its calls.
    package private(set) var glance: Glance
    package private(set) var clock: Clock
    package var isRunning = true
    package private(set) var isPaused = false
    private(set) var pausedAt = Instant(nanoseconds: 0)
    /// The time at which the schedule wakes the process; nil if it is not scheduled.
    var wakeAt: Instant?
    /// The datagrams that have arrived at the process's socket and have not been read yet.
    var inbox = Inbox()
    /// The work of the process on the cores of a host; nil if work takes no CPU time.
    var workload: Workload?

    init(_ machine: Machine, clock: Clock) {
        self.machine = machine
        self.clock = clock
        glance = Self.glance(&self.machine)
    }

    init(copying other: Process) {
        (machine, glance, clock) = (other.machine, other.glance, other.clock)
        (isRunning, isPaused, pausedAt, wakeAt) = (other.isRunning, other.isPaused, other.pausedAt, other.wakeAt)
        (inbox, workload) = (other.inbox, other.workload)
    }

    /// Updates `glance`. This function is called after each call of the machine.
    func look() { glance = Self.glance(&machine) }

    // The machine is passed as `inout`, because copying a machine costs more than most of its calls.

    var epoch: UInt64 { Self.epoch(&machine) }
    var usages: [Usage] { Self.usages(&machine) }

    private static func epoch(_ machine: inout Machine) -> UInt64 { machine.epoch }
    private static func usages(_ machine: inout Machine) -> [Usage] { machine.usages }

    private static func glance(_ machine: inout Machine) -> Glance {
        Glance(
            epoch: machine.epoch, version: machine.version, members: machine.memberCount,
            deadline: machine.nextDeadline, refusals: machine.rejections.total)
    }

    package var isAwake: Bool { isRunning && !isPaused }

    func pause(now: Instant) {
        isPaused = true
        pausedAt = now
        wakeAt = nil
    }

    /// Resumes the process. Returns the datagrams that have waited in its socket. Returns none if the process has a
    /// workload, because it then reads the datagrams itself.
    func resume() -> [Flight] {
        isPaused = false
        return workload == nil ? inbox.takeAll() : []
    }

    func jump(by duration: Duration) {
        clock.jump(by: duration)
        wakeAt = nil
    }

    /// Puts a datagram into the socket of a process that is paused. Returns false if the socket is full.
    func hold(_ flight: Flight, buffer: Int) -> Bool {
        // For each datagram, a kernel counts some hundreds of bytes in addition to the size.
        inbox.put(flight, size: flight.bytes.count + 512, limit: buffer)
    }

    /// Returns the time, by the mesh's clock, at which to wake the process. Returns nil if the process has nothing to
    /// do, or if it is already scheduled for that time or an earlier one.
    func reschedule(now: Instant) -> Instant? {
        guard isAwake else { return nil }
        let due = glance.deadline.map { clock.time(at: $0, now: now) }
        guard let at = Instant.earliest([due, workload?.wakeAt]) else { return nil }
        if let wakeAt, wakeAt <= at { return nil }
        wakeAt = at
        return at
    }

    func isExpected(_ flight: Flight) -> Bool {
        machine.isExpected(flight.bytes.span, path: Path(remote: flight.source))
    }

    func isDue(_ now: Instant) -> Bool {
        guard let deadline = glance.deadline else { return false }
        return deadline <= clock.read(now)
    }
}

/// The values of a server's or a peer's state machine that the simulator reads after every step.
package struct Glance: Hashable, Sendable {
    package var epoch: UInt64
    package var version: UInt64
    package var members: Int
    package var deadline: Instant?
    package var refusals: UInt64
}

/// The owner of a process: the server, or the peer with this index.
package enum ProcessOwner: Hashable, Sendable {
    case server
    case peer(Int)
}

/// A machine that holds one version of the directory: `Registry` and `Peer`.
package protocol DirectoryHolder: MeshMachine {
    var epoch: UInt64 { get }
    var version: UInt64 { get }
    var memberCount: Int { get }
}

extension Registry: DirectoryHolder {}
extension Peer: DirectoryHolder {}
