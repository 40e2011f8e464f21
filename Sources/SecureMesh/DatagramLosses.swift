/// A reason why a server or a peer lost datagrams.
@nonexhaustive
public enum DatagramLoss: String, CaseIterable, Sendable {
    /// The system refused to send, for example because there is no route, a firewall rule forbids it, or the
    /// destination is a broadcast address.
    case sendRefused
    /// The queue for datagrams of sessions was full, or the socket was closed before the queue was empty. Datagrams
    /// wait in this queue while the send buffer is full, or until another event loop of the server takes them.
    case sendQueueFull
    /// Messages were dropped because the send buffer was half full, or because datagrams of sessions were waiting to be
    /// sent.
    case messagesDropped
    /// Answers to senders without a session were dropped because too much of the send buffer was in use.
    ///
    /// If this host knows the link-layer address to which it sends the answer, the limit is half of the buffer.
    /// Otherwise, the limit is 128 KiB or a quarter of the buffer, whichever is less. So answers to addresses that do
    /// not exist cannot fill the buffer.
    case answersDropped
    /// Datagrams of strangers, which are senders without a session, were dropped. This process drops such datagrams if
    /// their queue is full. If the kernel of a server's host separates strangers' datagrams from members', the kernel
    /// drops datagrams that have neither the form of a HELLO nor the server's epoch, and HELLOs for which its buffer
    /// has no room.
    case strangersDropped
    /// Received datagrams were dropped. The kernel drops datagrams if the receive buffer is full, and a server drops
    /// them if the queue between two of its event loops is full. If the kernel of a server's host separates strangers'
    /// datagrams from members', this reason counts only datagrams with the server's epoch, as members' datagrams have.
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
