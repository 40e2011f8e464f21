internal import Logging
internal import NIOCore
internal import NIOPosix

/// A UDP socket on an event loop, with vector reads. If a channel fails, the socket binds its address again.
///
/// SwiftNIO reads, and `SocketDescriptor` sends: SwiftNIO would close its channel if the kernel refused to send one
/// datagram. All methods except `bind`, `follow` and `unfollow` are called on the event loop.
///
/// Strangers are senders without a session. If the kernel can separate members' datagrams from strangers'
/// (`PacketFilter`), a server's `UDPSocket` consists of two sockets of the kernel. Members' datagrams then have their
/// own receive buffer, which only senders that know the server's epoch can fill. Strangers' datagrams are read only
/// when `readStrangers` is called. Answers to strangers are sent from the strangers' socket, so they do not fill the
/// send buffer for members. Both sockets of the kernel have the same number in `Path.socket`.
///
/// If a server has lanes, each lane has its own `UDPSocket` for the same address, on its own event loop. Such a
/// `UDPSocket` is a follower, and has one socket of the kernel. The registry's `UDPSocket` is the leader, and opens the
/// followers' sockets of the kernel. When the leader opens its own sockets again, it also opens the followers' sockets
/// again.
final class UDPSocket: @unchecked Sendable {
    /// The limits of a socket's reads.
    struct Profile: Sendable {
        var vectorCount: Int
        var slotSize: Int
        /// The number of vector reads in a burst. The driver runs a pass after each burst.
        var vectorsPerBurst: Int

        /// The profile of a server, which receives many small datagrams.
        static let server = Profile(vectorCount: 64, slotSize: 2_048, vectorsPerBurst: 4)
        /// The profile of a peer. A message can have any size, and a datagram larger than its slot would be cut off, so
        /// the slot is large. There is only one slot, because all slots occupy memory, even unused ones: SwiftNIO
        /// copies the whole buffer before its first use.
        static let peer = Profile(vectorCount: 1, slotSize: 65_536, vectorsPerBurst: 64)
    }

    /// The choices that differ between servers, peers and tests.
    struct Options: Sendable {
        var profile: Profile
        /// True to let the kernel separate members' datagrams from strangers'. The option takes effect when
        /// `separateMembers` is called.
        var usesKernelFilter = false
        /// True to note the local address at which each datagram arrived, if the socket is bound to a wildcard address.
        var notesLocalAddress = false
        /// True to bind another port if this socket must be bound again and another socket has taken its port. This
        /// option applies only if the system chose the port.
        var mayMove = false
        /// The time for which a socket that has lost its address tries to bind it again.
        var rebindTime = Limits.rebindTime
        /// The size of the send buffer that is requested for each socket of the kernel, in bytes.
        var sendBuffer = Limits.sendBuffer

        static let server = Options(profile: .server, usesKernelFilter: true, notesLocalAddress: true)
        static let peer = Options(profile: .peer, mayMove: true)
    }

    /// The functions that a socket calls on the event loop to inform its owner.
    struct Callbacks {
        var onDatagram: (Span<UInt8>, Path) -> Void
        /// Called after each burst of reads.
        var onBurst: () -> Void
        /// Called after each datagram that the system has refused to send. It must not call this socket.
        var onRefusal: (SocketAddress, SystemError) -> Void = { _, _ in }
        /// Called once, after the socket has been closed because of a failure. Either the socket could not bind its
        /// address again within `Options.rebindTime`, or the server has lanes and the kernel refuses the packet filter,
        /// without which lanes get no datagrams.
        var onFailure: (MeshError) -> Void
    }

    let index: UInt8
    let eventLoop: any EventLoop
    private(set) var address: SocketAddress
    /// The lanes' sockets for the same address.
    private let followers: [UDPSocket]
    /// The sockets of the kernel. If there are two, the strangers' socket is the first. Empty while the socket is not
    /// bound.
    private(set) var bound: [BoundSocket] = []
    private var counted = DatagramLosses()
    /// The address and the error of the last datagram that the system refused to send.
    private(set) var lastRefusal: (address: SocketAddress, error: SystemError)?
    private let options: Options
    private let logger: Logger
    private let callbacks: Callbacks
    /// True if `Options.mayMove` is set and the system chose the port.
    private let mayMove: Bool
    private var isIPv6Only = false
    /// The server's epoch, the field `to` of members' datagrams; nil before `separateMembers`.
    private var epoch: UInt64?
    private var isClosing = false
    /// The datagrams that the next `flush` sends, the oldest first.
    private var collected: [Transmit] = []
    /// The datagrams of sessions that wait until the socket can send them, the oldest first.
    private var waiting: [Transmit] = []
    private var retry: Scheduled<Void>?
    /// The system's link-layer addresses. The outer Optional is nil before the first use. The inner Optional is nil if
    /// the system does not offer the addresses.
    private var neighbors: Neighbors??
    private var failedRebinds = LogThrottle()
    /// A local address from which the system refused to send, and the time until which the address is not used again.
    private var foreign: (ip: SocketAddress.IP, until: NIODeadline)?

    /// Makes a socket that is not bound yet.
    ///
    /// - Parameters:
    ///   - index: The number of the socket in `Path.socket`.
    ///   - followers: The lanes' sockets for the same address, in the order of the lanes.
    init(
        index: UInt8, address: SocketAddress, options: Options, followers: [UDPSocket] = [],
        eventLoop: any EventLoop, logger: Logger, callbacks: Callbacks
    ) {
        self.index = index
        self.followers = followers
        self.address = address
        self.options = options
        mayMove = options.mayMove && address.port == 0
        self.eventLoop = eventLoop
        self.logger = logger
        self.callbacks = callbacks
    }

    /// True if a separate socket of the kernel receives members' datagrams.
    var hasMembersSocket: Bool { bound.count > 1 }

    private var division: LaneDivision { LaneDivision(loops: UInt8(1 + followers.count)) }

    /// True if no datagram waits to be sent.
    var hasSentAll: Bool { collected.isEmpty && waiting.isEmpty }

    /// True if the last burst of reads from the members' socket ended because the socket was empty.
    var isDrained: Bool { bound.last?.isDrained ?? true }

    /// The number of datagrams read from the members' socket since it was bound.
    var received: UInt64 { bound.last?.received ?? 0 }

    /// Returns the number of datagrams lost since the start, for each reason. The numbers include the datagrams that
    /// the kernel dropped.
    func countLosses() -> DatagramLosses {
        for socket in bound {
            counted.count(socket.isPaced ? .strangersDropped : .receiveBufferFull, socket.takeDrops())
        }
        return counted
    }

    /// Binds the socket, and sets `address` to the bound address, with the port that the system has chosen.
    ///
    /// - Parameter isIPv6Only: True to bind for IPv6 only, because another socket of the server uses the port for IPv4.
    func bind(isIPv6Only: Bool) async throws {
        try await eventLoop.flatSubmit {
            self.isIPv6Only = isIPv6Only
            return self.open(self.address).map { self.logListening() }
        }.get()
    }

    /// Begins to separate members' datagrams, which have the epoch in the header field `to`, from strangers'.
    /// Strangers' datagrams are then read only when `readStrangers` is called.
    ///
    /// If there is no members' socket, nothing changes. If the kernel refuses the filter, the result depends on the
    /// followers. Without followers, one socket of the kernel then receives all datagrams. With followers, this socket
    /// is closed, and `onFailure` is called.
    func separateMembers(epoch: UInt64) {
        eventLoop.assertInEventLoop()
        self.epoch = epoch
        guard hasMembersSocket, let strangers = bound.first else { return }
        do {
            try strangers.descriptor?.sendMembersApart(epoch: epoch, division: division)
        } catch {
            // Without the filter, no datagram would reach the lanes.
            guard followers.isEmpty else {
                close()
                return callbacks.onFailure(MeshError(binding: address, error))
            }
            logger.warning("kernel filter lost", metadata: ["address": "\(address)", "error": "\(error.message)"])
            let others = bound.dropFirst()
            bound = [strangers]
            for socket in others { socket.close() }
            strangers.descriptor?.takeAll()
            strangers.isPaced = false
            strangers.channel?.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }

    /// Reads one burst of strangers' datagrams as soon as such a datagram has arrived. Does nothing if strangers have
    /// no socket of their own.
    func readStrangers() {
        bound.first?.read()
    }

    /// Waits until every socket has been empty once, or has delivered as many datagrams as its receive buffer could
    /// have held at the start. Because of this limit, a flood cannot delay the expiry of silent members.
    ///
    /// - Parameter done: Called on the event loop after the wait, even if the sockets are closed.
    static func drain(_ sockets: [UDPSocket], on eventLoop: any EventLoop, done: @escaping @Sendable () -> Void) {
        awaitDrain(sockets, sockets.map { $0.received + queuedDatagrams }, on: eventLoop, done: done)
    }

    /// Checks every millisecond whether the wait of `drain` is over, and then calls `done`.
    ///
    /// - Parameter seen: The number of datagrams that each socket had delivered at the last check. If the number of a
    ///   socket has not changed, the socket is empty, even if its last burst had the largest size.
    private static func awaitDrain(
        _ sockets: [UDPSocket], _ targets: [UInt64], seen: [UInt64] = [], on eventLoop: any EventLoop,
        done: @escaping @Sendable () -> Void
    ) {
        _ = eventLoop.scheduleTask(in: .milliseconds(1)) {
            let received = sockets.map(\.received)
            let isDone = sockets.indices.allSatisfy { index in
                sockets[index].isDrained || received[index] >= targets[index]
                    || seen.indices.contains(index) && received[index] == seen[index]
            }
            guard isDone else { return awaitDrain(sockets, targets, seen: received, on: eventLoop, done: done) }
            done()
        }
    }

    /// Sends a datagram, at the latest with the next call of `flush`: the kernel sends several datagrams of one call in
    /// less time. If the datagram cannot be sent then, its priority decides whether it is put into a bounded queue or
    /// dropped.
    func send(_ transmit: consuming Transmit) {
        eventLoop.assertInEventLoop()
        collected.append(transmit)
        if collected.count == Limits.sendBatch { flush() }
    }

    /// Sends the datagrams that `send` has collected. Returns false if there are none.
    @discardableResult
    func flush() -> Bool {
        eventLoop.assertInEventLoop()
        guard !collected.isEmpty else { return false }
        // The array is moved to a local variable, because each use of an element of a property would copy the element.
        var datagrams: [Transmit] = []
        swap(&datagrams, &collected)
        var index = 0
        var isSendingAlone = false
        while index < datagrams.count {
            let end = isSendingAlone ? index : endOfBatch(in: datagrams, from: index)
            let sent = end > index + 1 ? sendTogether(datagrams[index..<end]) : 0
            // The kernel may refuse the others too. To try them together again and again would cost more.
            if end > index + 1, sent == 0 { isSendingAlone = true }
            index += sent
            guard index < end || sent == 0 else { continue }
            // This datagram cannot be sent with others, or the kernel has not sent it. Then the kernel says why if the
            // datagram is sent alone.
            sendAlone(datagrams[index])
            index += 1
        }
        datagrams.removeAll(keepingCapacity: true)
        if collected.isEmpty { swap(&datagrams, &collected) }
        return true
    }

    /// Closes the socket for good, but not its followers.
    func close() {
        eventLoop.assertInEventLoop()
        flush()
        isClosing = true
        retry?.cancel()
        counted.count(.sendQueueFull, UInt64(waiting.count))
        waiting = []
        closeBound()
    }

    // MARK: followers

    /// Begins to read and to send with a socket of the kernel that the leader has opened.
    private func follow(_ descriptor: SocketDescriptor, at local: SocketAddress, of leader: UDPSocket)
        -> EventLoopFuture<Void>
    {
        eventLoop.flatSubmit {
            guard !self.isClosing else { return self.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
            let socket = BoundSocket(descriptor, isPaced: false, requesting: self.options.sendBuffer)
            return self.listen(socket, at: local).map {
                self.bound = [socket]
                self.address = local
                socket.channel?.closeFuture.whenComplete { _ in
                    guard self.bound.contains(where: { $0 === socket }) else { return }
                    leader.eventLoop.execute { leader.lost() }
                }
                self.sendWaiting()
            }.flatMapErrorThrowing { error in
                socket.close()
                throw error
            }
        }
    }

    /// Closes the follower's socket of the kernel. `follow` may later set another socket of the kernel.
    private func unfollow() -> EventLoopFuture<Void> {
        eventLoop.submit { self.closeBound() }
    }

    fileprivate func read(_ envelope: AddressedEnvelope<ByteBuffer>, from socket: BoundSocket) {
        eventLoop.assertInEventLoop()
        socket.noteRead()
        guard let remote = SocketAddress(envelope.remoteAddress) else { return }
        let local = envelope.metadata?.packetInfo.flatMap { SocketAddress($0.destinationAddress)?.ip }
        callbacks.onDatagram(envelope.data.readableBytesUInt8Span, Path(socket: index, remote: remote, local: local))
    }

    fileprivate func readComplete(from socket: BoundSocket) {
        eventLoop.assertInEventLoop()
        socket.noteBurst(limit: options.profile.vectorCount * options.profile.vectorsPerBurst)
        guard socket.isPaced else { return callbacks.onBurst() }
        // Members' datagrams that have arrived in the meantime are read first.
        eventLoop.execute { self.callbacks.onBurst() }
    }

    // MARK: sending

    /// Returns the end of the datagrams that begin at `index` and may be sent with one system call; `index` if there
    /// are none.
    private func endOfBatch(in datagrams: [Transmit], from index: Int) -> Int {
        guard waiting.isEmpty, let socket = bound.last else { return index }
        let room = socket.room(below: .half)
        var end = index
        var pending = 0
        while end < datagrams.count {
            let size = datagrams[end].bytes.count
            // For a larger datagram, the cost of the system call is negligible.
            guard size <= Self.largestInBatch else { break }
            switch datagrams[end].priority {
            case .session: break
            case .message: guard pending < room || socket.isBelow(.half, pending: pending) else { return end }
            case .answer: return end
            }
            pending += SendBufferGauge.use(of: size)
            end += 1
        }
        return end
    }

    /// Sends datagrams with one system call. Returns the number of datagrams that were sent.
    private func sendTogether(_ transmits: ArraySlice<Transmit>) -> Int {
        bound.last?.send(transmits, source: source) ?? 0
    }

    private func sendAlone(_ transmit: Transmit) {
        switch transmit.priority {
        case .session:
            if waiting.isEmpty, attempt(transmit, from: bound.last) { return }
            guard !isClosing, waiting.count < Limits.sendQueue else { return counted.count(.sendQueueFull) }
            waiting.append(transmit)
            retryLater()
        case .message:
            let socket = bound.last
            guard hasRoom(.half, in: socket), attempt(transmit, from: socket) else {
                return counted.count(.messagesDropped)
            }
        case .answer:
            let socket = bound.first
            let isSafe = hasRoom(.quarter, in: socket) || hasRoom(.half, in: socket) && isKnown(transmit.path.remote)
            guard isSafe, attempt(transmit, from: socket) else { return counted.count(.answersDropped) }
        }
    }

    /// Returns true if a datagram that is never queued may be sent: the queue is empty, and less than `share` of the
    /// send buffer is in use.
    private func hasRoom(_ share: SendBufferGauge.Share, in socket: BoundSocket?) -> Bool {
        waiting.isEmpty && socket?.isBelow(share) == true
    }

    /// Returns true if the system would send an answer to this address at once, so the answer would not stay in the
    /// send buffer.
    private func isKnown(_ remote: SocketAddress) -> Bool {
        if neighbors == nil { neighbors = .some(Neighbors()) }
        return neighbors??.knows(remote.ip) == true
    }

    /// Tries to send a datagram. Returns false if the send buffer is full, so that the caller may try later. A datagram
    /// that the kernel refuses is dropped, and the result is true.
    private func attempt(_ transmit: Transmit, from socket: BoundSocket?) -> Bool {
        guard let socket else { return false }
        let remote = transmit.path.remote
        let local = source(for: transmit.path)
        var result = socket.send(transmit.bytes, to: remote, from: local)
        if case .refused = result, let local {
            // Perhaps this host has lost the local address.
            result = socket.send(transmit.bytes, to: remote, from: nil)
            if case .sent = result { foreign = (local, .now() + Self.foreignPause) }
        }
        switch result {
        case .sent: return true
        case .full: return false
        case .refused(let error):
            counted.count(.sendRefused)
            lastRefusal = (transmit.path.remote, error)
            callbacks.onRefusal(transmit.path.remote, error)
            return true
        }
    }

    /// Returns the address of this host from which to send; nil if the socket is bound to a particular address, or if
    /// the system should choose.
    private func source(for path: Path) -> SocketAddress.IP? {
        guard address.isUnspecified, let local = path.local else { return nil }
        if let foreign, foreign.ip == local, .now() < foreign.until { return nil }
        return local
    }

    /// Tries to send the queued datagrams again after a pause. SwiftNIO does not report when the socket is writable,
    /// because this class sends without SwiftNIO.
    private func retryLater() {
        guard retry == nil, !bound.isEmpty else { return }
        retry = eventLoop.scheduleTask(in: Self.retryPause) {
            self.retry = nil
            self.sendWaiting()
        }
    }

    private func sendWaiting() {
        let sent = waiting.firstIndex { !attempt($0, from: bound.last) } ?? waiting.count
        waiting.removeFirst(sent)
        if !waiting.isEmpty { retryLater() }
    }

    // MARK: binding

    private func open(_ local: SocketAddress) -> EventLoopFuture<Void> {
        do {
            let first = try SocketDescriptor(bindingTo: local, isIPv6Only: isIPv6Only)
            let own = SocketAddress(ip: local.ip, port: first.port)
            var members: [SocketDescriptor] = []
            if !followers.isEmpty {
                members = try first.openMembersSockets(at: own, count: Int(division.loops))
                if let epoch { try first.sendMembersApart(epoch: epoch, division: division) }
            } else if options.usesKernelFilter {
                members = (try? first.openMembersSockets(at: own)) ?? []
            }
            let sockets = ([first] + members.prefix(1)).enumerated().map { index, descriptor in
                BoundSocket(
                    descriptor, isPaced: !members.isEmpty && index == 0, requesting: options.sendBuffer)
            }
            let following = zip(followers, members.dropFirst()).map { $0.follow($1, at: own, of: self) }
            return EventLoopFuture.andAllSucceed(sockets.map { listen($0, at: own) } + following, on: eventLoop).map {
                self.adopt(sockets, own)
            }.flatMapErrorThrowing { error in
                // SwiftNIO does not close a channel that could not be set up.
                for socket in sockets { socket.close() }
                for follower in self.followers { _ = follower.unfollow() }
                throw error
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// Makes the channel that reads from a socket.
    private func listen(_ socket: BoundSocket, at local: SocketAddress) -> EventLoopFuture<Void> {
        let profile = options.profile
        let size = profile.vectorCount * profile.slotSize
        do {
            guard let copy = try socket.descriptor?.duplicate() else { throw ChannelError.ioOnClosedChannel }
            return DatagramBootstrap(group: eventLoop)
                .channelOption(.autoRead, value: !socket.isPaced)
                .channelOption(.datagramVectorReadMessageCount, value: profile.vectorCount)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: size))
                .channelOption(.maxMessagesPerRead, value: UInt(options.profile.vectorsPerBurst))
                .channelInitializer { channel in
                    socket.channel = channel
                    return channel.eventLoop.makeCompletedFuture {
                        let handler = DatagramHandler(owner: self, socket: socket)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .withBoundSocket(copy)
                .flatMap { channel in
                    guard self.options.notesLocalAddress, local.isUnspecified else {
                        return channel.eventLoop.makeSucceededVoidFuture()
                    }
                    // If the system does not offer this option, it chooses the address from which answers are sent.
                    return channel.setOption(.receivePacketInfo, value: true).recover { _ in }
                }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    private func adopt(_ sockets: [BoundSocket], _ local: SocketAddress) {
        guard !isClosing else {
            for socket in sockets { socket.close() }
            return
        }
        bound = sockets
        address = local
        for socket in sockets { socket.channel?.closeFuture.whenComplete { _ in self.channelClosed(socket) } }
        if let epoch {
            separateMembers(epoch: epoch)
            readStrangers()
        }
        sendWaiting()
    }

    private func logListening() {
        var metadata: Logger.Metadata = [
            "address": "\(address)", "receiveBuffer": .stringConvertible(bound.last?.receiveBuffer ?? 0),
            "receiveBufferRequested": .stringConvertible(Limits.receiveBuffer),
            "sendBuffer": .stringConvertible(bound.last?.sendBuffer ?? 0),
            "sendBufferRequested": .stringConvertible(options.sendBuffer),
        ]
        if options.usesKernelFilter { metadata["kernelFilter"] = .stringConvertible(hasMembersSocket) }
        if !followers.isEmpty { metadata["eventLoops"] = .stringConvertible(division.loops) }
        logger.info("listening", metadata: metadata)
    }

    private func closeBound() {
        let sockets = bound
        bound = []
        for socket in sockets { socket.close() }
    }

    private func channelClosed(_ socket: BoundSocket) {
        guard bound.contains(where: { $0 === socket }) else { return }
        lost()
    }

    /// Closes all sockets of the kernel, including the followers' sockets, and opens them again.
    private func lost() {
        guard !isClosing, !bound.isEmpty else { return }
        closeBound()
        let deadline = NIODeadline.now() + .nanoseconds(options.rebindTime.wholeNanoseconds)
        EventLoopFuture.andAllComplete(followers.map { $0.unfollow() }, on: eventLoop).whenComplete { _ in
            self.rebind(until: deadline)
        }
    }

    private func rebind(until deadline: NIODeadline) {
        guard !isClosing else { return }
        open(address).flatMapError { error in
            guard self.mayMove, case .addressInUse = MeshError(binding: self.address, error) else {
                return self.eventLoop.makeFailedFuture(error)
            }
            return self.open(SocketAddress(ip: self.address.ip, port: 0))
        }.whenComplete { result in
            switch result {
            case .success: self.logger.warning("socket bound again", metadata: ["address": "\(self.address)"])
            case .failure(let error): self.rebindFailed(MeshError(binding: self.address, error), deadline)
            }
        }
    }

    private func rebindFailed(_ error: MeshError, _ deadline: NIODeadline) {
        guard !isClosing else { return }
        if let count = failedRebinds.happened() {
            logger.error(
                "socket lost: its address cannot be bound again",
                metadata: ["address": "\(address)", "error": "\(error)", "count": .stringConvertible(count)])
        }
        guard .now() < deadline else {
            close()
            return callbacks.onFailure(error)
        }
        _ = eventLoop.scheduleTask(in: Self.rebindPause) { self.rebind(until: deadline) }
    }

    /// An upper bound of the number of datagrams in the receive buffer. The kernel doubles the requested size, and
    /// counts at least 512 bytes per datagram.
    private static let queuedDatagrams = UInt64(Limits.receiveBuffer * 2 / 512)
    /// The size of the largest datagram that is sent in one system call with others, in bytes.
    private static let largestInBatch = 2_048
    private static let retryPause = TimeAmount.milliseconds(1)
    private static let rebindPause = TimeAmount.milliseconds(100)
    private static let foreignPause = TimeAmount.seconds(5)
}

private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let owner: UDPSocket
    private let socket: BoundSocket

    init(owner: UDPSocket, socket: BoundSocket) {
        self.owner = owner
        self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        owner.read(unwrapInboundIn(data), from: socket)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        owner.readComplete(from: socket)
    }

    /// Ignores an error of the socket, because such an error means only that a datagram was lost.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
