/// A reason why a socket of this process lost datagrams.
@nonexhaustive
public enum DatagramLoss: String, CaseIterable, Sendable {
    /// The system refused to send: there is no route, a firewall rule forbids it, or the address is for broadcasts.
    case sendRefused
    /// Datagrams of sessions waited for the send buffer, or for another event loop of the server, and their queue was
    /// full.
    case sendQueueFull
    /// Messages were dropped because the send buffer was half full.
    case messagesDropped
    /// Answers to strangers were dropped because a quarter of the send buffer was in use. Answers to addresses that do
    /// not exist would otherwise fill it.
    case answersDropped
    /// The kernel of a server's host dropped strangers' datagrams, because they are not HELLOs or there were too many.
    case strangersDropped
    /// The receive buffer was full, so the kernel dropped datagrams, or too many waited between two event loops of a
    /// server. At a server whose kernel sets strangers apart, these are members' datagrams.
    case receiveBufferFull
}

/// The number of datagrams that the sockets of a server or a peer have lost, by reason.
public struct DatagramLosses: Hashable, Sendable {
    private var counts: [DatagramLoss: UInt64] = [:]

    /// Makes counters that are all 0.
    public init() {}

    /// The number of datagrams that were lost for `reason`.
    public subscript(_ reason: DatagramLoss) -> UInt64 {
        counts[reason] ?? 0
    }

    /// The number of all datagrams that were lost.
    public var total: UInt64 { counts.values.reduce(0, &+) }

    /// The reasons why datagrams were lost and their numbers, in the order of declaration.
    public var nonZero: [(reason: DatagramLoss, count: UInt64)] {
        DatagramLoss.allCases.compactMap { reason in counts[reason].map { (reason, $0) } }
    }

    mutating func count(_ reason: DatagramLoss, _ number: UInt64 = 1) {
        if number > 0 { counts[reason, default: 0] &+= number }
    }

    /// Adds the numbers of another socket.
    mutating func add(_ other: DatagramLosses) {
        for (reason, number) in other.nonZero { count(reason, number) }
    }
}
