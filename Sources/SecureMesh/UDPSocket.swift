internal import Logging
internal import NIOCore
internal import NIOPosix

/// One bound UDP socket on an event loop: vector reads, batched writes, and back at its port if it fails.
///
/// SwiftNIO closes a datagram channel over one send that the kernel refuses (no route, a firewall's rule). Here that
/// is the loss of one datagram: the socket is bound again, what was in the same batch goes out one by one, and the
/// destination that failed is left alone for a second. Everything but `bind` happens on the event loop.
final class UDPSocket: @unchecked Sendable {
    /// How a socket reads.
    struct Profile: Sendable {
        var vectorCount: Int
        var slotSize: Int

        /// Many small datagrams.
        static let server = Profile(vectorCount: 64, slotSize: 2_048)
        /// Any message that a sender may choose to make. A datagram larger than its slot would be cut.
        static let peer = Profile(vectorCount: 16, slotSize: 65_536)
    }

    let index: UInt8
    let eventLoop: any EventLoop
    private(set) var address: SocketAddress
    /// Whether the last burst of reads ended because the socket was empty.
    private(set) var isDrained = true
    /// Datagrams read since the socket was bound.
    private(set) var received: UInt64 = 0
    /// Datagrams dropped because the socket could not take them.
    private(set) var unsent: UInt64 = 0
    private let profile: Profile
    private let logger: Logger
    private let onDatagram: (Span<UInt8>, Path) -> Void
    private let onBurst: () -> Void
    private var channel: (any Channel)?
    /// Not bound yet.
    private var opening: (any Channel)?
    private var isClosing = false
    private var burst = 0
    private var destinations: [SocketAddress: NIOCore.SocketAddress] = [:]
    private typealias Outgoing = (bytes: [UInt8], remote: SocketAddress)
    /// Written and not flushed.
    private var batch: [Outgoing] = []
    /// A flush can run into a read, and that into a send: SwiftNIO drains a socket that it is about to close.
    private var isFlushing = false
    /// To be sent one by one: one of them has closed the channel. Then what came while there was none.
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

    /// Binds the socket; `address` holds the port that was given.
    ///
    /// - Parameter sharesPort: bind for IPv6 alone, as another socket has the port for IPv4.
    func bind(sharesPort: Bool) async throws {
        guard let local = address.forSocket(isIPv6: address.isIPv6) else {
            throw MeshError.unresolvable(address.description)
        }
        let channel = try await open(local, sharesPort: sharesPort).get()
        try await eventLoop.submit { self.adopt(channel, sharesPort: sharesPort) }.get()
    }

    /// The datagram goes out with the next `flush`, 64 in one call of the kernel.
    func send(_ bytes: [UInt8], to remote: SocketAddress) {
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

    func flush() {
        while !isFlushing, !batch.isEmpty, let channel {
            let sent = batch
            batch = []
            flushNow(channel)
            guard !channel.isActive else { continue }
            suspects = sent + batch + suspects
            batch = []
        }
    }

    func close() {
        isClosing = true
        channel?.close(promise: nil)
        channel = nil
    }

    fileprivate func read(_ envelope: AddressedEnvelope<ByteBuffer>) {
        received += 1
        burst += 1
        guard let remote = SocketAddress(envelope.remoteAddress) else { return }
        onDatagram(envelope.data.readableBytesUInt8Span, Path(socket: index, remote: remote))
    }

    fileprivate func readComplete() {
        isDrained = burst < profile.vectorCount * Self.vectorsPerBurst
        burst = 0
        onBurst()
    }

    /// SwiftNIO leaves a channel open that it could not bind: each attempt would cost a file descriptor.
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
                    "receiveBufferAskedFor": "\(Limits.receiveBuffer)",
                ])
        }
        channel.closeFuture.whenComplete { _ in
            guard !self.isClosing else { return }
            self.channel = nil
            self.isDrained = true
            if let count = self.rebinding.happened() {
                self.logger.warning(
                    "a datagram could not be sent, socket bound again",
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

    /// Converted addresses are kept: making one costs more than sealing a datagram.
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

    /// An ICMP error or a full kernel queue is loss, not an end.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
