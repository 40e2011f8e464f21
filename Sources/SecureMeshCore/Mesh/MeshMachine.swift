/// The interface of a server or a peer to the code that drives it: the driver, a simulator or a fuzzer.
///
/// A machine is a value. It takes bytes and the time, and returns outputs and one deadline. It reads no clock, draws
/// random numbers only from the source that it was given, uses no socket and never logs.
package protocol MeshMachine: Sendable {
    associatedtype Event: Sendable

    /// Takes one datagram from the network. It never traps, whatever the datagram contains. If it refuses the datagram,
    /// it counts the reason in `rejections`.
    mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant)
    /// Handles the timers that are due at `now`. If no timer is due, nothing changes.
    mutating func handleTimeout(now: Instant)
    /// Notes that the request `Output.drain` is fulfilled: every datagram that was in a socket when the machine made
    /// the request has been handled.
    mutating func handleDrained(now: Instant)
    /// Notes that the operating system has refused to send a datagram to the address.
    mutating func handleRefusedSend(to address: SocketAddress, _ refusal: SendRefusal, now: Instant)
    /// Takes the report of a lane, which verifies members' datagrams on another event loop of the server
    /// (`MemberLane`). The report has the datagrams that the lane has accepted and refused.
    mutating func handle(_ report: LaneReport, now: Instant)
    /// Returns one update per lane, with the sessions that have begun or ended since the last call; nil if there are
    /// none. Call this method after each call of the methods above, and give the updates to the lanes before you handle
    /// any output.
    mutating func takeLaneUpdates() -> [LaneUpdate]?
    /// Returns the next output; nil if there is none. After each call of the methods above, call this method until it
    /// returns nil.
    mutating func pollOutput() -> Output<Event>?

    /// The instant at which `handleTimeout` is to be called next; nil if no call is needed.
    var nextDeadline: Instant? { get }
    var rejections: RejectionCounters { get }
    /// The current size and the limit of every table that can grow.
    var usages: [Usage] { get }
    /// Returns true if this datagram is to be handled before strangers' datagrams.
    func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool
}

/// The default methods of a machine without lanes.
extension MeshMachine {
    package mutating func handle(_ report: LaneReport, now: Instant) {}
    package mutating func takeLaneUpdates() -> [LaneUpdate]? { nil }
}

/// An output of a machine, for the code that drives it.
package enum Output<Event: Sendable>: Sendable {
    case transmit(Transmit)
    case event(Event)
    /// A request to handle all datagrams that are in the sockets, and then to call `handleDrained`. Before that call, a
    /// server expires no member and a peer does not declare its server silent.
    case drain
    /// A change of the directory, which a server that keeps its directory must store before it handles any further
    /// output.
    case keep(KeptChange)
}
