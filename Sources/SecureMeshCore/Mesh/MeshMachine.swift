/// What the driver, a simulator and a fuzzer drive alike: a value that takes bytes and the time, and gives back
/// outputs and one deadline. It reads no clock, rolls only the dice it was given, knows no socket and never logs.
package protocol MeshMachine: Sendable {
    associatedtype Event: Sendable

    /// Bytes from the network. Never throws, never traps; a refusal is counted in `rejections`.
    mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant)
    /// Whatever is due at `now`. A spurious call is a no-op.
    mutating func handleTimeout(now: Instant)
    /// The answer to `Output.drain`: every datagram that waited in a socket when it was asked has been handled.
    mutating func handleDrained(now: Instant)
    /// Drain until nil after each call of the above.
    mutating func pollOutput() -> Output<Event>?

    var nextDeadline: Deadline? { get }
    var rejections: RejectionCounters { get }
    /// All that can grow.
    var usages: [Usage] { get }
    /// Whether to handle these bytes before those of strangers.
    func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool
}

/// What a machine asks of whoever drives it.
package enum Output<Event: Sendable>: Sendable {
    case transmit(Transmit)
    case event(Event)
    /// Handle what the sockets hold, then call `handleDrained`: nobody is expired before.
    case drain
}

/// Outputs on their way to `pollOutput`, first in, first out.
package struct OutputQueue<Event: Sendable>: Sendable {
    private var waiting: [Output<Event>] = []
    private var head = 0

    package init() {}

    package mutating func push(_ output: Output<Event>) {
        waiting.append(output)
    }

    package mutating func pop() -> Output<Event>? {
        guard head < waiting.count else {
            waiting.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        defer { head += 1 }
        return waiting[head]
    }
}
