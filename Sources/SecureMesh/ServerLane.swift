internal import Logging
internal import NIOCore
internal import Synchronization

/// A lane of a server. It serves a share of the members on its own event loop: it receives and verifies their
/// datagrams, and sends the datagrams that the registry, the server's state machine, has sealed for them.
///
/// The results of a burst of reads go to the registry's event loop in one call. The datagrams that the registry has
/// sealed in one pass come to the lane in one call. No lock is taken per datagram.
///
/// All methods except `init`, `makeSocket`, `hand` and `noteTaken` are called on the lane's event loop.
///
/// The queue in each direction is bounded, because one of the two event loops can be slower than the other.
final class ServerLane: @unchecked Sendable {
    /// The orders that the registry's event loop has collected for a lane in one pass.
    struct Orders: Sendable {
        var update = LaneUpdate()
        var transmits: [Transmit] = []

        var isEmpty: Bool { update.isEmpty && transmits.isEmpty }
    }

    /// The results of a burst of reads, or of orders that were carried out, for the registry's event loop.
    struct Result: Sendable {
        var report = LaneReport()
        var received: UInt64 = 0
        /// The addresses to which the system has refused to send, each with the system's error.
        var refusedSends: [(address: SocketAddress, error: SystemError)] = []
    }

    let eventLoop: any EventLoop
    /// The lane's sockets, one for each address of the server.
    var sockets: [UDPSocket] = []
    private let now: @Sendable () -> Instant
    private let deliver: @Sendable (Result) -> Void
    /// The machine of the lane; nil before `start`.
    private var machine: MemberLane?
    private var received: UInt64 = 0
    private var refusedSends: [(address: SocketAddress, error: SystemError)] = []
    private var strangers: [(bytes: [UInt8], path: Path)] = []
    private var isServingStrangers = false
    private var isClosed = false
    private let queueLimit: Int
    /// The number of datagrams that were handed to this lane and are not sent yet, and the number of datagrams that
    /// were dropped because the queue was full.
    private let unsent = Atomic<Int>(0)
    private let unsentDropped = Atomic<UInt64>(0)
    /// The number of accepted datagrams that the registry has not taken yet.
    private let untaken = Atomic<Int>(0)
    private var dropped = DatagramLosses()

    /// - Parameters:
    ///   - now: Returns the current time of the registry.
    ///   - queueLimit: The largest number of datagrams that wait in one direction.
    ///   - deliver: Passes a result to the registry's event loop, which then calls `noteTaken`.
    init(
        eventLoop: any EventLoop, queueLimit: Int = Limits.laneQueue, now: @escaping @Sendable () -> Instant,
        deliver: @escaping @Sendable (Result) -> Void
    ) {
        self.eventLoop = eventLoop
        self.queueLimit = queueLimit
        self.now = now
        self.deliver = deliver
    }

    /// Makes a socket of the lane. It is a follower of the registry's socket (see `UDPSocket`).
    func makeSocket(
        index: UInt8, address: SocketAddress, options: UDPSocket.Options, logger: Logger
    ) -> UDPSocket {
        UDPSocket(
            index: index, address: address, options: options, eventLoop: eventLoop, logger: logger,
            callbacks: .init(
                onDatagram: { [weak self] in self?.receive($0, $1) },
                onBurst: { [weak self] in self?.reportBurst() },
                onRefusal: { [weak self] in self?.refusedSends.append(($0, $1)) },
                onFailure: { _ in }))
    }

    func start(_ machine: MemberLane) {
        eventLoop.assertInEventLoop()
        self.machine = machine
    }

    /// Hands orders to the lane, and drops the datagrams for which the queue has no room. Called on the registry's
    /// event loop.
    func hand(_ orders: Orders) {
        var orders = orders
        let excess = orders.transmits.count - max(queueLimit - unsent.load(ordering: .relaxed), 0)
        if excess > 0 {
            orders.transmits.removeLast(excess)
            unsentDropped.add(UInt64(excess), ordering: .relaxed)
        }
        unsent.add(orders.transmits.count, ordering: .relaxed)
        eventLoop.execute { [orders] in
            self.unsent.subtract(orders.transmits.count, ordering: .relaxed)
            self.carryOut(orders)
        }
    }

    /// Notes that the registry has taken a result. Called on the registry's event loop.
    func noteTaken(_ result: Result) {
        untaken.subtract(result.report.accepted.count, ordering: .relaxed)
    }

    private func carryOut(_ orders: Orders) {
        eventLoop.assertInEventLoop()
        guard !isClosed else { return }
        machine?.apply(orders.update)
        for transmit in orders.transmits {
            let socket = Int(transmit.path.socket)
            if socket < sockets.count { sockets[socket].send(transmit) }
        }
        for socket in sockets { socket.flush() }
        if !refusedSends.isEmpty { reportBurst() }
    }

    /// Closes the sockets for good.
    func close() {
        eventLoop.assertInEventLoop()
        isClosed = true
        for socket in sockets { socket.close() }
    }

    /// Reads the sockets until they are empty, and hands the results to the registry's event loop.
    func drain(done: @escaping @Sendable () -> Void) {
        UDPSocket.drain(sockets, on: eventLoop) {
            self.handleStrangers()
            done()
        }
    }

    var hasSentAll: Bool { sockets.allSatisfy(\.hasSentAll) }

    var losses: DatagramLosses {
        var losses = sockets.reduce(into: dropped) { $0.add($1.countLosses()) }
        losses.count(.sendQueueFull, unsentDropped.load(ordering: .relaxed))
        return losses
    }

    func receive(_ datagram: Span<UInt8>, _ path: Path) {
        eventLoop.assertInEventLoop()
        guard !isClosed, machine != nil else { return }
        received &+= 1
        guard untaken.load(ordering: .relaxed) < queueLimit else { return dropped.count(.receiveBufferFull) }
        if machine?.expects(datagram, path: path) == true {
            machine?.handle(datagram, path: path, now: now())
        } else if strangers.count < Limits.strangerQueue, datagram.count <= ProtocolConstants.maximumDatagram {
            // The session may have begun already: the registry's order that announces the session may still wait on
            // this event loop.
            strangers.append(([UInt8](copying: datagram), path))
            serveStrangers()
        } else if datagram.count > ProtocolConstants.maximumDatagram {
            machine?.handle(datagram, path: path, now: now())
        } else {
            dropped.count(.strangersDropped)
        }
    }

    /// Schedules a call of `handleStrangers` after the orders that already wait on the event loop, because these orders
    /// may announce the sessions of the queued datagrams.
    private func serveStrangers() {
        guard !isServingStrangers else { return }
        isServingStrangers = true
        eventLoop.execute {
            self.isServingStrangers = false
            self.handleStrangers()
        }
    }

    private func handleStrangers() {
        guard !isClosed else { return }
        let now = now()
        for stranger in strangers { machine?.handle(stranger.bytes.span, path: stranger.path, now: now) }
        strangers.removeAll(keepingCapacity: strangers.count < 64)
        reportBurst()
    }

    func reportBurst() {
        eventLoop.assertInEventLoop()
        guard !isClosed else { return }
        let report = machine?.takeReport()
        guard report != nil || !refusedSends.isEmpty else { return }
        untaken.add(report?.accepted.count ?? 0, ordering: .relaxed)
        deliver(Result(report: report ?? LaneReport(), received: received, refusedSends: refusedSends))
        received = 0
        refusedSends = []
    }
}

extension MemberLane {
    /// Calls `isExpected` without copying the lane; see `MeshMachine.expects`.
    @inline(__always)
    fileprivate mutating func expects(_ datagram: Span<UInt8>, path: Path) -> Bool {
        isExpected(datagram, path: path)
    }
}
