internal import SecureMeshCore

/// The work of one process that shares the cores of a host: the event loop of `MeshDriver` in pieces, each of which
/// takes CPU time.
final class Workload {
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

    let owner: ProcessOwner
    var phase = Phase.starting
    var status = Status.asleep
    /// The CPU time that the process has used, in nanoseconds, without `elsewhere`. A host shares its cores fairly by
    /// this time. At each wake-up, the time is raised to the level of the other processes, so that sleep does not
    /// enlarge the share.
    var fairTime: Int64 = 0
    /// The CPU time, in nanoseconds, that other threads of the process have used in this piece of work. A host shares
    /// its cores between threads, so this time does not delay the event loop.
    var elsewhere: Int64 = 0
    /// The CPU time, in nanoseconds, that the process has not been charged for yet: for waking up, and for calls from
    /// outside of the event loop, such as sending a message.
    var debt: Int64 = 0
    /// True if the sockets were read in this pass of the event loop, so that the timers are next.
    var hasRead = false
    /// True if the last burst of reads ended because the socket was empty.
    var isDrained = true
    /// The number of datagrams that the process has read.
    var received: UInt64 = 0
    /// The request to drain the socket; nil if there is no request. At the time `at` the process checks whether the
    /// socket is drained. The socket is drained if the last burst of reads emptied it, if `received` has reached
    /// `target`, or if `received` still equals `seen`, the number at the previous check.
    var drain: (at: Instant, target: UInt64, seen: UInt64?)?
    /// The datagrams of strangers. They are handled after the members' datagrams and the timers.
    var strangers: [Flight] = []
    /// The time at which this pass of the event loop handled its first stranger's datagram; nil before that.
    var strangersBegan: Instant?
    /// The time before which no stranger's datagram is handled; nil if one may be handled at once.
    var strangersAt: Instant?
    /// The datagrams that the machine has made and the driver has not sent yet.
    var outbox: [Flight] = []
    /// The number of events that the machine has made and the driver has not delivered yet.
    var events: Int64 = 0

    init(_ owner: ProcessOwner) {
        self.owner = owner
    }

    /// True if the process runs before all others. `p2p server` asks the system for that.
    var isUrgent: Bool { owner == .server }

    var hasOutput: Bool { !outbox.isEmpty || events > 0 }

    /// The time at which the event loop must wake up for a reason other than the machine's deadline; nil if there is no
    /// other reason.
    var wakeAt: Instant? { .earliest([drain?.at, strangersAt]) }

    /// Requests that the socket be drained, as `MeshDriver` does.
    func beginDrain(now: Instant) {
        drain = (now + Self.drainGap, received + Self.queuedDatagrams, nil)
    }

    /// Begins a burst of reads: at most 256 for the server, and 16 for a peer.
    func beginBurst() {
        hasRead = true
        phase = .reading(left: owner == .server ? 256 : 16)
    }

    // These constants model those of `MeshDriver` and `UDPSocket`. Some of them have other values.

    static let timeoutsPerPass = 16
    static let strangersPerPass = 64
    static let sentTogether = 64
    /// The largest number of events that the event loop prints itself.
    static let printedAtOnce: Int64 = 128
    /// The CPU time of a pass of the event loop with nothing to do, in nanoseconds. It is above 0, so that time
    /// advances even if a machine asks to be called again at once.
    static let shortestPass: Int64 = 1_000
    static let drainGap = Duration.milliseconds(1)
    static let strangersPause = Duration.microseconds(100)
    private static let queuedDatagrams = UInt64(Limits.receiveBuffer * 2 / 512)
}

/// A process that shares the cores of a host.
protocol HostedProcess: AnyObject {
    var workload: Workload? { get }
    var wakeAt: Instant? { get set }
    var inbox: Inbox { get set }
    var isRunning: Bool { get }
    var isAwake: Bool { get }
    func isDue(_ now: Instant) -> Bool
    func isExpected(_ flight: Flight) -> Bool
    func reschedule(now: Instant) -> Instant?
}
