internal import SecureMeshCore

/// The work of one process that shares the cores of a host: the event loop of `MeshDriver` in pieces, each of which
/// takes CPU time.
final class Workload {
    enum Owner: Hashable {
        case server
        case peer(Int)
    }

    /// The step of the event loop at which the process is.
    enum Phase {
        case starting
        /// Asks the kernel what is ready: sockets first, then timers.
        case polling
        /// Reads at most `left` more datagrams of this burst.
        case reading(left: Int)
        case serving
        /// Handles at most `left` more datagrams of strangers in this pass.
        case strangers(left: Int)
        case sending
    }

    enum Status {
        case asleep, queued, running
    }

    let owner: Owner
    var phase = Phase.starting
    var status = Status.asleep
    /// The time by which a host shares its cores fairly, in nanoseconds. It is the CPU time that the process has used,
    /// raised to the level of the others whenever the process wakes up. So the process has no claim on the time that it
    /// slept.
    var fairTime: Int64 = 0
    /// The CPU time of calls that came from outside of the event loop, such as sending a message, in nanoseconds.
    var debt: Int64 = 0
    /// True if the sockets were read in this round of the event loop, so that timers are next.
    var hasRead = false
    /// True if the last burst of reads ended because the socket was empty.
    var isDrained = true
    /// The number of datagrams that were read.
    var received: UInt64 = 0
    /// The drain of the socket that is under way; nil if none is. At the time `at` the process checks whether the
    /// socket has been drained. It has been if `received` has reached `target`, or still equals `seen`, its value at
    /// the previous check.
    var drain: (at: Instant, target: UInt64, seen: UInt64?)?
    /// The datagrams of strangers, which wait until members and timers have been served.
    var strangers: [Flight] = []
    /// The time at which this pass handled its first stranger's datagram.
    var strangersBegan: Instant?
    /// The time before which no stranger's datagram is handled.
    var strangersAt: Instant?
    /// The datagrams that the machine has made and the driver has not sent.
    var outbox: [Flight] = []
    /// The number of events that the machine has made and the driver has not delivered.
    var events: Int64 = 0

    init(_ owner: Owner) {
        self.owner = owner
    }

    var hasOutput: Bool { !outbox.isEmpty || events > 0 }

    /// The time at which the event loop must wake up apart from the machine's deadline.
    var wakeAt: Instant? { .earliest([drain?.at, strangersAt]) }

    /// Begins to drain the socket, as `MeshDriver` does.
    func beginDrain(now: Instant) {
        drain = (now + Self.drainGap, received + Self.queuedDatagrams, nil)
    }

    // These constants equal those of `MeshDriver` and `UDPSocket`.

    static let timeoutsPerPass = 16
    static let strangersPerPass = 64
    static let sentTogether = 64
    /// The CPU time of a pass with nothing to do, in nanoseconds. It is above 0, so that time advances even if a
    /// machine asks to be called again at once.
    static let shortestPass: Int64 = 1_000
    static let drainGap = Duration.milliseconds(1)
    static let strangersPause = Duration.microseconds(100)
    private static let queuedDatagrams = UInt64(Limits.receiveBuffer * 2 / 512)

    /// The greatest number of datagrams in a burst of reads.
    var burst: Int {
        switch owner {
        case .server: 256
        case .peer: 16
        }
    }
}

/// A process that shares the cores of a host.
protocol HostedProcess: AnyObject {
    var workload: Workload? { get }
    var inbox: Inbox { get set }
    var isRunning: Bool { get }
    var isAwake: Bool { get }
    func isDue(_ now: Instant) -> Bool
    func isExpected(_ flight: Flight) -> Bool
    func reschedule(now: Instant) -> Instant?
}
