/// The interface of a server or a peer to the code that drives it: the driver, a simulator or a fuzzer.
///
/// A machine is a value. It takes bytes and the time, and returns outputs and one deadline. It reads no clock, draws
/// random numbers only from the source it was given, knows no socket and never logs.
package protocol MeshMachine: Sendable {
    associatedtype Event: Sendable

    /// Takes one datagram from the network. Never traps; a refusal is counted in `rejections`.
    mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant)
    /// Handles the timers that are due at `now`. A call when nothing is due changes nothing.
    mutating func handleTimeout(now: Instant)
    /// Notes that the drain that `Output.drain` asked for is done: every datagram that was in a socket at that time has
    /// been handled.
    mutating func handleDrained(now: Instant)
    /// Notes that the system has refused to send a datagram to the address.
    mutating func handleRefusedSend(to address: SocketAddress, _ refusal: SendRefusal, now: Instant)
    /// Takes the report of a lane: the datagrams that it has accepted and refused.
    mutating func handle(_ report: LaneReport, now: Instant)
    /// Returns the sessions that each lane has to take over or drop since the last call; nil if there are none. Call it
    /// after each of the calls above, and give the updates to the lanes before any output.
    mutating func takeLaneUpdates() -> [LaneUpdate]?
    /// Returns the next output; nil if there is none. After each of the calls above, call it until it returns nil.
    mutating func pollOutput() -> Output<Event>?

    /// The time of the next call of `handleTimeout`; nil if none is needed.
    var nextDeadline: Instant? { get }
    var rejections: RejectionCounters { get }
    /// The size and the limit of every table that can grow.
    var usages: [Usage] { get }
    /// Returns true if this datagram is to be handled before those of strangers.
    func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool
}

/// The defaults for a machine without lanes.
extension MeshMachine {
    package mutating func handle(_ report: LaneReport, now: Instant) {}
    package mutating func takeLaneUpdates() -> [LaneUpdate]? { nil }
}

/// A request of a machine to the code that drives it.
package enum Output<Event: Sendable>: Sendable {
    case transmit(Transmit)
    case event(Event)
    /// A request to handle all datagrams that are in the sockets, and then to call `handleDrained`. Before that call, a
    /// server expires no member and a peer does not declare its server silent.
    case drain
}
