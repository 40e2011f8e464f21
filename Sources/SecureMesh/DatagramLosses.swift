/// A reason why a server or a peer lost datagrams.
@nonexhaustive
public enum DatagramLoss: String, CaseIterable, Sendable {
    /// The system refused to send, for example because there is no route, a firewall rule forbids it, or the
    /// destination is a broadcast address.
    case sendRefused
    /// The queue for datagrams of sessions was full. Datagrams wait in this queue while the send buffer is full, or
    /// until another event loop of the server takes them.
    case sendQueueFull
    /// Messages were dropped because the send buffer was half full.
    case messagesDropped
    /// Answers to strangers were dropped because too much of the send buffer was in use. The limit is half of the
    /// buffer if this host knows the link-layer address to which it sends the answer. If not, the limit is 128 KiB or a
    /// quarter of the buffer, whichever is less, so that answers to addresses that do not exist cannot fill the buffer.
    case answersDropped
    /// Datagrams of senders without a session were dropped. Either this process dropped them because their queue was
    /// full, or the kernel of a server's host dropped them, because they were not HELLOs or because too many were
    /// waiting.
    case strangersDropped
    /// Received datagrams were dropped. Either the kernel dropped them because the receive buffer was full, or a server
    /// dropped them because the queue between two of its event loops was full. If the kernel of a server's host
    /// separates strangers' datagrams from members', this reason counts only members' datagrams.
    case receiveBufferFull
}

/// The number of datagrams that a server or a peer has lost, for each reason.
public struct DatagramLosses: Hashable, Sendable {
    private var counts: [DatagramLoss: UInt64] = [:]

    /// Makes counters that are all 0.
    public init() {}

    /// The number of datagrams that were lost for `reason`.
    public subscript(_ reason: DatagramLoss) -> UInt64 {
        counts[reason] ?? 0
    }

    /// The number of lost datagrams, for all reasons together.
    public var total: UInt64 { counts.values.reduce(0, &+) }

    /// The reasons for which datagrams were lost, each with its count, in the order in which ``DatagramLoss`` declares
    /// them.
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
