internal import Logging
internal import NIOCore
internal import NIOPosix

/// A UDP socket on an event loop, with vector reads. It binds its address again if a channel fails.
///
/// SwiftNIO reads. Datagrams are sent by `SocketDescriptor`, so that a datagram that the kernel refuses to send is lost
/// alone. Everything except `bind` happens on the event loop.
///
/// A server's socket consists of two sockets of the kernel where the kernel can tell members' datagrams from strangers'
/// (`PacketFilter`). Members' have a receive buffer of their own then, which strangers cannot fill. Strangers' are read
/// only when `readStrangers` is called. Answers to strangers are sent from the strangers' socket, so that they do not
/// fill the send buffer of members' datagrams. Both count as one socket in `Path.socket`.
///
/// With lanes, each lane has a `UDPSocket` of its own for the same address, on its own event loop: a follower. A
/// follower has one socket of the kernel. The leading `UDPSocket` opens it, and opens it again together with its own.
final class UDPSocket: @unchecked Sendable {
    /// The sizes of a socket's reads.
    struct Profile: Sendable {
        var vectorCount: Int
        var slotSize: Int
        /// The number of reads before the driver runs.
        var vectorsPerBurst: Int

        /// For many small datagrams.
        static let server = Profile(vectorCount: 64, slotSize: 2_048, vectorsPerBurst: 4)
        /// For messages of any size, since a datagram larger than its slot would be cut off. There is one slot, because
        /// SwiftNIO copies the buffer before its first use, which makes all of it resident.
        static let peer = Profile(vectorCount: 1, slotSize: 65_536, vectorsPerBurst: 64)
    }

    /// The choices that differ between servers, peers and tests.
    struct Options: Sendable {
        var profile: Profile
        /// True to let the kernel tell members' datagrams from strangers'. Needs `separateMembers`.
        var usesKernelFilter = false
        /// True to find out, on a wildcard address, at which address of the host each datagram has arrived.
        var notesLocalAddress = false
        /// True to take another port if the one that the system chose is lost.
        var mayMove = false
        /// The time for which a socket that has lost its address tries to bind it again.
        var rebindTime = Limits.rebindTime

        static let server = Options(profile: .server, usesKernelFilter: true, notesLocalAddress: true)
        static let peer = Options(profile: .peer, mayMove: true)
    }

    /// The calls of a socket to its owner, on the event loop.
    struct Callbacks {
        var onDatagram: (Span<UInt8>, Path) -> Void
        /// Called after a burst of reads.
        var onBurst: () -> Void
        /// Called after each datagram that the system has refused to send.
        var onRefusal: (SocketAddress, SystemError) -> Void = { _, _ in }
        /// Called once if the socket has lost its address for `Limits.rebindTime`. It is closed then.
        var onFailure: (MeshError) -> Void
    }

    let index: UInt8
    let eventLoop: any EventLoop
    private(set) var address: SocketAddress
    /// The lanes' sockets of the same address.
    private let followers: [UDPSocket]
    /// The sockets of the kernel, the strangers' first if there are two; empty while the socket is not bound.
    private(set) var bound: [BoundSocket] = []
    private var counted = DatagramLosses()
    /// The last send that the system refused.
    private(set) var lastRefusal: (address: SocketAddress, error: SystemError)?
    private let options: Options
    private let logger: Logger
    private let callbacks: Callbacks
    /// True if the system chose the port, so that another one will do if it is lost.
    private let mayMove: Bool
    private var isIPv6Only = false
    /// The epoch that members address; nil before `separateMembers`.
    private var epoch: UInt64?
    private var isClosing = false
    /// The datagrams of sessions that wait until the socket can send, the oldest first.
    private var waiting: [Transmit] = []
    private var retry: Scheduled<Void>?
    /// Opened when it is first needed; then nil inside if the system does not offer it.
    private var neighbors: Neighbors??
    private var failedRebinds = LogThrottle()
    /// A source address that the system has refused, and the time until which it is not tried again.
    private var foreign: (ip: SocketAddress.IP, until: NIODeadline)?

    /// - Parameters:
    ///   - index: The number of the socket in `Path.socket`.
    ///   - followers: The lanes' sockets of the same address, in the order of the lanes.
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

    /// True if the kernel tells members' datagrams from strangers'.
    var hasMembersSocket: Bool { bound.count > 1 }

    private var division: LaneDivision { LaneDivision(loops: UInt8(1 + followers.count)) }

    /// True if no datagram waits to be sent.
    var hasSentAll: Bool { waiting.isEmpty }

    /// True if the last burst of reads from the members' socket ended because the socket was empty.
    var isDrained: Bool { bound.last?.isDrained ?? true }

    /// The number of datagrams read from the members' socket since it was bound.
    var received: UInt64 { bound.last?.received ?? 0 }

    /// Returns the datagrams lost since the start, including those that the kernel dropped.
    func countLosses() -> DatagramLosses {
        for socket in bound {
            counted.count(socket.isPaced ? .strangersDropped : .receiveBufferFull, socket.takeDrops())
        }
        return counted
    }

    /// Binds the socket. Then `address` has the port that the system has chosen.
    ///
    /// - Parameter isIPv6Only: Whether to bind for IPv6 only, because another socket has the port for IPv4.
    func bind(isIPv6Only: Bool) async throws {
        try await eventLoop.flatSubmit {
            self.isIPv6Only = isIPv6Only
            return self.open(self.address).map { self.logListening() }
        }.get()
    }

    /// Begins to take datagrams that are addressed to the epoch from a socket of their own, and strangers' datagrams
    /// only when `readStrangers` is called. Does nothing if the kernel does not offer this.
    func separateMembers(epoch: UInt64) {
        eventLoop.assertInEventLoop()
        self.epoch = epoch
        guard hasMembersSocket, let strangers = bound.first else { return }
        do {
            try strangers.descriptor?.sendMembersApart(epoch: epoch, division: division)
        } catch {
            // Without the kernel's choice nothing would reach the lanes.
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

    /// Reads some of the strangers' datagrams, as soon as there are any, if they have a socket of their own.
    func readStrangers() {
        bound.first?.read()
    }

    /// Lets the event loop read until every socket has been empty once, or has given as many datagrams as its buffer
    /// could have held at the start. So a flood does not delay the end of members that have expired.
    ///
    /// - Parameter done: Is called on the event loop, also if the sockets are closed.
    static func drain(_ sockets: [UDPSocket], on eventLoop: any EventLoop, done: @escaping @Sendable () -> Void) {
        awaitDrain(sockets, sockets.map { $0.received + queuedDatagrams }, on: eventLoop, done: done)
    }

    /// - Parameter seen: The number of datagrams that each socket had given at the last look. If it has not changed,
    ///   the socket is empty, even if the last burst of reads took as much as a burst can.
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

    /// Sends a datagram, lets it wait in a bounded queue, or drops it, by its priority.
    func send(_ transmit: Transmit) {
        eventLoop.assertInEventLoop()
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

    /// Closes the socket for good, but not its followers.
    func close() {
        eventLoop.assertInEventLoop()
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
            let socket = BoundSocket(descriptor, isPaced: false)
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

    /// Closes the socket of the kernel, until `follow` brings another one.
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
        // Members' datagrams that came meanwhile are read first.
        eventLoop.execute { self.callbacks.onBurst() }
    }

    // MARK: sending

    /// Returns whether a datagram that does not wait may be sent: no datagram waits, and the buffer is not too full.
    private func hasRoom(_ share: SendBufferGauge.Share, in socket: BoundSocket?) -> Bool {
        waiting.isEmpty && socket?.isBelow(share) == true
    }

    /// Returns true if an answer to this address would leave at once, and not fill the send buffer further.
    private func isKnown(_ remote: SocketAddress) -> Bool {
        if neighbors == nil { neighbors = .some(Neighbors()) }
        return neighbors??.knows(remote.ip) == true
    }

    /// Returns false if the datagram can be sent later. A datagram that the kernel refuses is dropped.
    private func attempt(_ transmit: Transmit, from socket: BoundSocket?) -> Bool {
        guard let socket else { return false }
        let remote = transmit.path.remote
        let local = source(for: transmit.path)
        var result = socket.send(transmit.bytes, to: remote, from: local)
        if case .refused = result, let local {
            // The address is not this host's, or it is no longer.
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

    /// Returns the address of this host from which to send; nil if the socket is bound to one, or the system chooses.
    private func source(for path: Path) -> SocketAddress.IP? {
        guard address.isUnspecified, let local = path.local else { return nil }
        if let foreign, foreign.ip == local, .now() < foreign.until { return nil }
        return local
    }

    /// Tries again after a pause. SwiftNIO reports that a socket has become writable only if SwiftNIO itself sends.
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
                BoundSocket(descriptor, isPaced: !members.isEmpty && index == 0)
            }
            let following = zip(followers, members.dropFirst()).map { $0.follow($1, at: own, of: self) }
            return EventLoopFuture.andAllSucceed(sockets.map { listen($0, at: own) } + following, on: eventLoop).map {
                self.adopt(sockets, own)
            }.flatMapErrorThrowing { error in
                // SwiftNIO leaves a channel open that could not be set up.
                for socket in sockets { socket.close() }
                for follower in self.followers { _ = follower.unfollow() }
                throw error
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// Makes the channel that reads a socket.
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
                    // Where the system does not offer it, answers leave from the address that the system chooses.
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
            "sendBufferRequested": .stringConvertible(Limits.sendBuffer),
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

    /// Opens all sockets again.
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

    /// More datagrams than the receive buffer can hold: the kernel counts at least 512 bytes for each, and doubles
    /// the size that was requested.
    private static let queuedDatagrams = UInt64(Limits.receiveBuffer * 2 / 512)
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

    /// Ignores an error of the socket, because it means no more than a lost datagram.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
