/// The interface of a server or a peer to whatever drives it: the driver, a simulator or a fuzzer.
///
/// A machine is a value. It takes bytes and the time, and returns outputs and one deadline. It reads no clock, draws
/// random numbers only from the source it was given, knows no socket and never logs.
package protocol MeshMachine: Sendable {
    associatedtype Event: Sendable

    /// Takes one datagram from the network. Never traps; a refusal is counted in `rejections`.
    mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant)
    /// Does whatever is due at `now`. A call when nothing is due changes nothing.
    mutating func handleTimeout(now: Instant)
    /// Answers `Output.drain`: every datagram that was in a socket then has been handled.
    mutating func handleDrained(now: Instant)
    /// Takes the news that the system has refused to send a datagram to the address.
    mutating func handleRefusedSend(to address: SocketAddress, _ refusal: SendRefusal, now: Instant)
    /// Returns the next output. It is to be called until nil after each of the calls above.
    mutating func pollOutput() -> Output<Event>?

    /// The time of the next call of `handleTimeout`; nil if none is needed.
    var nextDeadline: Instant? { get }
    var rejections: RejectionCounters { get }
    /// The use of every table that can grow.
    var usages: [Usage] { get }
    /// Returns true if this datagram is to be handled before those of strangers.
    func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool
}

/// A request of a machine to whatever drives it.
package enum Output<Event: Sendable>: Sendable {
    case transmit(Transmit)
    case event(Event)
    /// Handle all datagrams that are in the sockets, then call `handleDrained`. Before that, a server expires no member
    /// and a peer does not declare its server silent.
    case drain
}
