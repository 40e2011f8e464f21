/// A reason why a socket of this process lost datagrams.
@nonexhaustive
public enum DatagramLoss: String, CaseIterable, Sendable {
    /// The system refused to send: there is no route, a firewall rule forbids it, or the address is for broadcasts.
    case sendRefused
    /// A datagram of a session had to wait for the send buffer, or for another event loop of the server, and the queue
    /// was full.
    case sendQueueFull
    /// Messages were dropped because the send buffer was half full.
    case messagesDropped
    /// Answers to strangers were dropped because a quarter of the send buffer was in use. Answers to addresses that do
    /// not exist would otherwise fill it.
    case answersDropped
    /// Datagrams of senders without a session were dropped at a server. Either the kernel dropped them, because they
    /// were not HELLOs or there were too many, or the queue of one of the server's lanes was full.
    case strangersDropped
    /// The receive buffer was full, so the kernel dropped datagrams; or the queue between two event loops of a server
    /// was full. If the kernel of a server's host separates strangers' datagrams from members', this counts members'
    /// only.
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

    /// The reasons for which datagrams were lost, each with its count, in the order of declaration.
    public var nonZero: [(reason: DatagramLoss, count: UInt64)] {
        DatagramLoss.allCases.compactMap { reason in counts[reason].map { (reason, $0) } }
    }

    mutating func count(_ reason: DatagramLoss, _ number: UInt64 = 1) {
        if number > 0 { counts[reason, default: 0] &+= number }
    }

    /// Adds the counts of another socket.
    mutating func add(_ other: DatagramLosses) {
        for (reason, number) in other.nonZero { count(reason, number) }
    }
}
