internal import Logging
internal import NIOCore
internal import NIOPosix

/// A UDP socket on an event loop, with vector reads and batched writes. It binds its port again if it fails.
///
/// SwiftNIO closes a datagram channel if the kernel refuses one send (no route, a firewall rule). Here one datagram is
/// lost then: the socket is bound again, the rest of the batch is sent one by one, and nothing is sent to the
/// destination that failed for one second. Everything except `bind` happens on the event loop.
final class UDPSocket: @unchecked Sendable {
    /// The sizes of a socket's reads.
    struct Profile: Sendable {
        var vectorCount: Int
        var slotSize: Int

        /// For many small datagrams.
        static let server = Profile(vectorCount: 64, slotSize: 2_048)
        /// For messages of any size. A datagram larger than its slot would be cut off.
        static let peer = Profile(vectorCount: 16, slotSize: 65_536)
    }

    let index: UInt8
    let eventLoop: any EventLoop
    private(set) var address: SocketAddress
    /// True if the last burst of reads ended because the socket was empty.
    private(set) var isDrained = true
    /// The number of datagrams read since the socket was bound.
    private(set) var received: UInt64 = 0
    /// The number of datagrams dropped because the socket could not send them.
    private(set) var unsent: UInt64 = 0
    private let profile: Profile
    private let logger: Logger
    private let onDatagram: (Span<UInt8>, Path) -> Void
    private let onBurst: () -> Void
    private var channel: (any Channel)?
    /// The channel while it is being bound.
    private var opening: (any Channel)?
    private var isClosing = false
    private var burst = 0
    private var destinations: [SocketAddress: NIOCore.SocketAddress] = [:]
    private typealias Outgoing = (bytes: [UInt8], remote: SocketAddress)
    /// The datagrams that are written and not flushed.
    private var batch: [Outgoing] = []
    /// A flush can cause a read, and that a send: SwiftNIO drains a socket before it closes it.
    private var isFlushing = false
    /// The datagrams to send one by one, since one of them has closed the channel, and then those that came while there
    /// was no channel.
    private var suspects: [Outgoing] = []
    private var failed: [SocketAddress: NIODeadline] = [:]
    private var rebinding = LogThrottle()
    private var wasBound = false

    init(
        index: UInt8, address: SocketAddress, profile: Profile, eventLoop: any EventLoop, logger: Logger,
        onDatagram: @escaping (Span<UInt8>, Path) -> Void, onBurst: @escaping () -> Void
    ) {
        self.index = index
        self.address = address
        self.profile = profile
        self.eventLoop = eventLoop
        self.logger = logger
        self.onDatagram = onDatagram
        self.onBurst = onBurst
    }

    /// Binds the socket. Then `address` has the port that the system has chosen.
    ///
    /// - Parameter sharesPort: Whether to bind for IPv6 only, since another socket has the port for IPv4.
    func bind(sharesPort: Bool) async throws {
        guard let local = address.forSocket(isIPv6: address.isIPv6) else {
            throw MeshError.unresolvable(address.description)
        }
        let channel = try await open(local, sharesPort: sharesPort).get()
        try await eventLoop.submit { self.adopt(channel, sharesPort: sharesPort) }.get()
    }

    /// Stores a datagram for the next `flush`, which sends up to 64 per system call.
    func send(_ bytes: [UInt8], to remote: SocketAddress) {
        eventLoop.assertInEventLoop()
        guard suspects.isEmpty, let channel else {
            if suspects.count < Limits.resendQueue, !isClosing {
                suspects.append((bytes, remote))
            } else {
                unsent += 1
            }
            return
        }
        guard write(bytes, remote, channel) else { return }
        batch.append((bytes, remote))
        if batch.count == Self.writeBatch { flush() }
    }

    /// Sends the stored datagrams.
    func flush() {
        eventLoop.assertInEventLoop()
        while !isFlushing, !batch.isEmpty, let channel {
            let sent = batch
            batch = []
            flushNow(channel)
            guard !channel.isActive else { continue }
            suspects = sent + batch + suspects
            batch = []
        }
    }

    /// Closes the socket for good.
    func close() {
        eventLoop.assertInEventLoop()
        isClosing = true
        channel?.close(promise: nil)
        channel = nil
    }

    fileprivate func read(_ envelope: AddressedEnvelope<ByteBuffer>) {
        eventLoop.assertInEventLoop()
        received += 1
        burst += 1
        guard let remote = SocketAddress(envelope.remoteAddress) else { return }
        onDatagram(envelope.data.readableBytesUInt8Span, Path(socket: index, remote: remote))
    }

    fileprivate func readComplete() {
        eventLoop.assertInEventLoop()
        isDrained = burst < profile.vectorCount * Self.vectorsPerBurst
        burst = 0
        onBurst()
    }

    /// Opens a channel, and closes it if it cannot be bound. SwiftNIO would leave it open, which costs a file
    /// descriptor per attempt.
    private func open(_ local: NIOCore.SocketAddress, sharesPort: Bool) -> EventLoopFuture<any Channel> {
        bootstrap(sharesPort: sharesPort).bind(to: local).always { result in
            if case .failure = result { self.opening?.close(promise: nil) }
            self.opening = nil
        }
    }

    private func bootstrap(sharesPort: Bool) -> DatagramBootstrap {
        let size = profile.vectorCount * profile.slotSize
        let bootstrap = DatagramBootstrap(group: eventLoop)
            .channelOption(.socketOption(.so_rcvbuf), value: .init(Limits.receiveBuffer))
            .channelOption(.datagramVectorReadMessageCount, value: profile.vectorCount)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: size))
            .channelOption(.maxMessagesPerRead, value: UInt(Self.vectorsPerBurst))
            .channelOption(.writeBufferWaterMark, value: .init(low: 4 << 20, high: 8 << 20))
            .channelInitializer { channel in
                self.opening = channel
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(socket: self))
                }
            }
        guard address.isIPv6 else { return bootstrap }
        let only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
        return bootstrap.channelOption(only, value: sharesPort ? 1 : 0)
    }

    private func write(_ bytes: [UInt8], _ remote: SocketAddress, _ channel: any Channel) -> Bool {
        guard channel.isWritable, let destination = destination(remote) else {
            unsent += 1
            return false
        }
        let envelope = AddressedEnvelope(remoteAddress: destination, data: channel.allocator.buffer(bytes: bytes))
        channel.write(envelope, promise: nil)
        return true
    }

    /// Finds the destination that closes the channel, and sends the rest.
    private func sendSuspects(_ channel: any Channel) {
        failed = failed.filter { .now() < $0.value }
        var rest = suspects[...]
        suspects = []
        while channel.isActive, let next = rest.popFirst() {
            guard write(next.bytes, next.remote, channel) else { continue }
            flushNow(channel)
            guard !channel.isActive else { continue }
            unsent += 1
            if failed.count < Self.keptDestinations { failed[next.remote] = .now() + Self.failurePause }
        }
        suspects = rest + batch + suspects
        batch = []
        if channel.isActive, !suspects.isEmpty { sendSuspects(channel) }
    }

    private func flushNow(_ channel: any Channel) {
        isFlushing = true
        channel.flush()
        isFlushing = false
    }

    private func adopt(_ channel: any Channel, sharesPort: Bool) {
        eventLoop.assertInEventLoop()
        let level: Logger.Level = wasBound ? .debug : .info
        wasBound = true
        self.channel = channel
        if let local = channel.localAddress.flatMap({ SocketAddress($0) }) {
            address = SocketAddress(ip: address.ip, port: local.port)
        }
        channel.getOption(.socketOption(.so_rcvbuf)).whenSuccess { [logger, address] granted in
            logger.log(
                level: level,
                "listening",
                metadata: [
                    "address": "\(address)", "receiveBuffer": "\(granted)",
                    "receiveBufferRequested": "\(Limits.receiveBuffer)",
                ])
        }
        channel.closeFuture.whenComplete { _ in
            guard !self.isClosing else { return }
            self.channel = nil
            self.isDrained = true
            if let count = self.rebinding.happened() {
                self.logger.warning(
                    "a datagram could not be sent: socket bound again",
                    metadata: ["address": "\(self.address)", "count": "\(count)"])
            }
            self.rebind(sharesPort: sharesPort)
        }
        sendSuspects(channel)
    }

    private func rebind(sharesPort: Bool) {
        guard !isClosing, let local = address.forSocket(isIPv6: address.isIPv6) else { return }
        open(local, sharesPort: sharesPort).whenComplete { result in
            switch result {
            case .success(let channel):
                guard !self.isClosing else { return channel.close(promise: nil) }
                self.adopt(channel, sharesPort: sharesPort)
            case .failure:
                _ = self.eventLoop.scheduleTask(in: Self.rebindDelay) { self.rebind(sharesPort: sharesPort) }
            }
        }
    }

    /// Converts an address. Results are stored, since a conversion costs more than sealing a datagram.
    private func destination(_ remote: SocketAddress) -> NIOCore.SocketAddress? {
        if let pause = failed[remote], .now() < pause { return nil }
        if let known = destinations[remote] { return known }
        guard remote.isUsable, let converted = remote.forSocket(isIPv6: address.isIPv6) else { return nil }
        if destinations.count == Self.keptDestinations { destinations.removeAll() }
        destinations[remote] = converted
        return converted
    }

    private static let writeBatch = 64
    private static let vectorsPerBurst = 4
    private static let keptDestinations = 16_384
    private static let failurePause = TimeAmount.seconds(1)
    private static let rebindDelay = TimeAmount.milliseconds(100)
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

    /// Ignores ICMP errors and full kernel queues: they are loss of datagrams.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
