internal import Logging
internal import NIOCore
internal import NIOPosix

/// A UDP socket on an event loop, with vector reads. It binds its address again if its channel fails.
///
/// SwiftNIO reads. Datagrams are sent by `SocketDescriptor`, so that a datagram that the kernel refuses to send is lost
/// alone. Everything except `bind` happens on the event loop.
final class UDPSocket: @unchecked Sendable {
    /// The sizes of a socket's reads.
    struct Profile: Sendable {
        var vectorCount: Int
        var slotSize: Int

        /// For many small datagrams.
        static let server = Profile(vectorCount: 64, slotSize: 2_048)
        /// For messages of any size. A datagram larger than its slot would be cut off. Memory is resident only where
        /// datagrams were written, which is one page per slot as long as they are small.
        static let peer = Profile(vectorCount: 4, slotSize: 65_536)
    }

    /// The calls of a socket to its owner, on the event loop.
    struct Callbacks {
        var onDatagram: (Span<UInt8>, Path) -> Void
        /// Called after a burst of reads.
        var onBurst: () -> Void
        /// Called once if the socket has lost its address for `Limits.rebindTime`. It is closed then.
        var onFailure: (MeshError) -> Void
    }

    let index: UInt8
    let eventLoop: any EventLoop
    private(set) var address: SocketAddress
    /// The channel that reads; nil while the socket is not bound.
    private(set) var channel: (any Channel)?
    /// True if the last burst of reads ended because the socket was empty.
    private(set) var isDrained = true
    /// The number of datagrams read since the socket was bound.
    private(set) var received: UInt64 = 0
    private(set) var losses = DatagramLosses()
    /// The error of the last send that the system refused.
    private(set) var lastSendError: SystemError?
    private let profile: Profile
    private let logger: Logger
    private let callbacks: Callbacks
    /// True if the system chose the port, so that another one will do if it is lost.
    private let mayMove: Bool
    private let rebindTime: TimeAmount
    private var isIPv6Only = false
    private(set) var descriptor: SocketDescriptor?
    private var sendBuffer = SendBufferGauge(size: 0)
    /// The channel while it is being set up.
    private var opening: (any Channel)?
    private var isClosing = false
    private var burst = 0
    /// The sizes of the buffers that the system has granted, in bytes.
    private var buffers = (receive: 0, send: 0)
    /// The datagrams of sessions that wait until the socket can send, the oldest first.
    private var waiting: [Transmit] = []
    private var retry: Scheduled<Void>?
    private var failedRebinds = LogThrottle()

    /// - Parameters:
    ///   - index: The number of the socket in `Path.socket`.
    ///   - mayMove: Whether the socket takes another port if it has lost one that the system chose.
    ///   - rebindTime: The time after which a socket that has lost its address gives up.
    init(
        index: UInt8, address: SocketAddress, profile: Profile, mayMove: Bool = false,
        rebindTime: Duration = Limits.rebindTime, eventLoop: any EventLoop, logger: Logger, callbacks: Callbacks
    ) {
        self.index = index
        self.address = address
        self.profile = profile
        self.mayMove = mayMove && address.port == 0
        self.rebindTime = .nanoseconds(rebindTime.wholeNanoseconds)
        self.eventLoop = eventLoop
        self.logger = logger
        self.callbacks = callbacks
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

    /// Sends a datagram, lets it wait in a bounded queue, or drops it, by its priority.
    func send(_ transmit: Transmit) {
        eventLoop.assertInEventLoop()
        switch transmit.priority {
        case .session:
            if waiting.isEmpty, attempt(transmit) { return }
            guard !isClosing, waiting.count < Limits.sendQueue else { return losses.count(.sendQueueFull) }
            waiting.append(transmit)
            retryLater()
        case .message:
            guard hasRoom(.half), attempt(transmit) else { return losses.count(.messagesDropped) }
        case .answer:
            guard hasRoom(.quarter), attempt(transmit) else { return losses.count(.answersDropped) }
        }
    }

    /// Closes the socket for good.
    func close() {
        eventLoop.assertInEventLoop()
        isClosing = true
        retry?.cancel()
        losses.count(.sendQueueFull, UInt64(waiting.count))
        waiting = []
        descriptor = nil
        channel?.close(promise: nil)
        channel = nil
    }

    fileprivate func read(_ envelope: AddressedEnvelope<ByteBuffer>) {
        eventLoop.assertInEventLoop()
        received += 1
        burst += 1
        guard let remote = SocketAddress(envelope.remoteAddress) else { return }
        callbacks.onDatagram(envelope.data.readableBytesUInt8Span, Path(socket: index, remote: remote))
    }

    fileprivate func readComplete() {
        eventLoop.assertInEventLoop()
        isDrained = burst < profile.vectorCount * Self.vectorsPerBurst
        burst = 0
        callbacks.onBurst()
    }

    // MARK: sending

    /// Returns whether a datagram that does not wait may be sent: no datagram waits, and the buffer is not too full.
    private func hasRoom(_ share: SendBufferGauge.Share) -> Bool {
        guard waiting.isEmpty, let descriptor else { return false }
        return sendBuffer.isBelow(share) { descriptor.sendBufferUse }
    }

    /// Returns false if the datagram can be sent later. A datagram that the kernel refuses is dropped.
    private func attempt(_ transmit: Transmit) -> Bool {
        guard let descriptor else { return false }
        switch descriptor.send(transmit.bytes, to: transmit.path.remote) {
        case .sent:
            sendBuffer.charge(transmit.bytes.count)
            return true
        case .full:
            return false
        case .refused(let error):
            losses.count(.sendRefused)
            lastSendError = error
            return true
        }
    }

    /// Tries again after a pause: SwiftNIO does not tell when a socket becomes writable unless it sends itself.
    private func retryLater() {
        guard retry == nil, descriptor != nil else { return }
        retry = eventLoop.scheduleTask(in: Self.retryPause) {
            self.retry = nil
            self.sendWaiting()
        }
    }

    private func sendWaiting() {
        let sent = waiting.firstIndex { !attempt($0) } ?? waiting.count
        waiting.removeFirst(sent)
        if !waiting.isEmpty { retryLater() }
    }

    // MARK: binding

    private func open(_ local: SocketAddress) -> EventLoopFuture<Void> {
        do {
            let descriptor = try SocketDescriptor(bindingTo: local, isIPv6Only: isIPv6Only)
            let sizes = (
                receive: descriptor.requestReceiveBuffer(Limits.receiveBuffer),
                send: descriptor.requestSendBuffer(Limits.sendBuffer)
            )
            buffers = sizes
            sendBuffer = SendBufferGauge(size: sizes.send)
            return listen(try descriptor.duplicate()).map { self.adopt($0, descriptor) }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// Makes the channel that reads. Closes it if it cannot be set up: SwiftNIO would leave it open.
    private func listen(_ copy: CInt) -> EventLoopFuture<any Channel> {
        let size = profile.vectorCount * profile.slotSize
        return DatagramBootstrap(group: eventLoop)
            .channelOption(.datagramVectorReadMessageCount, value: profile.vectorCount)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: size))
            .channelOption(.maxMessagesPerRead, value: UInt(Self.vectorsPerBurst))
            .channelInitializer { channel in
                self.opening = channel
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(socket: self))
                }
            }
            .withBoundSocket(copy)
            .always { result in
                if case .failure = result { self.opening?.close(promise: nil) }
                self.opening = nil
            }
    }

    private func adopt(_ channel: any Channel, _ descriptor: SocketDescriptor) {
        guard !isClosing else { return channel.close(promise: nil) }
        self.channel = channel
        self.descriptor = descriptor
        if let local = channel.localAddress.flatMap({ SocketAddress($0) }) {
            address = SocketAddress(ip: address.ip, port: local.port)
        }
        channel.closeFuture.whenComplete { _ in self.channelClosed() }
        sendWaiting()
    }

    private func logListening() {
        logger.info(
            "listening",
            metadata: [
                "address": "\(address)", "receiveBuffer": "\(buffers.receive)",
                "receiveBufferRequested": "\(Limits.receiveBuffer)", "sendBuffer": "\(buffers.send)",
                "sendBufferRequested": "\(Limits.sendBuffer)",
            ])
    }

    private func channelClosed() {
        guard !isClosing else { return }
        channel = nil
        descriptor = nil
        isDrained = true
        rebind(until: .now() + rebindTime)
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
                metadata: ["address": "\(address)", "error": "\(error)", "count": "\(count)"])
        }
        guard .now() < deadline else {
            close()
            return callbacks.onFailure(error)
        }
        _ = eventLoop.scheduleTask(in: Self.rebindPause) { self.rebind(until: deadline) }
    }

    private static let vectorsPerBurst = 4
    private static let retryPause = TimeAmount.milliseconds(1)
    private static let rebindPause = TimeAmount.milliseconds(100)
}

private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let socket: UDPSocket

    init(socket: UDPSocket) {
        self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        socket.read(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        socket.readComplete()
    }

    /// Ignores errors of the kernel: they are loss of datagrams.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
