internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

@Suite("Sockets", .timeLimit(.minutes(10)))
struct UDPSocketTests {
    private final class Token {}

    @Test("a bind that fails leaves no socket open, and nothing keeps a reference to it")
    func failedBind() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        weak var held: Token?
        do {
            let token = Token()
            held = token
            let socket = UDPSocket(
                index: 0, address: Fixture.address(1), options: .server, eventLoop: eventLoop,
                logger: LoopbackMesh.quiet,
                callbacks: .init(onDatagram: { _, _ in _ = token }, onBurst: {}, onFailure: { _ in }))
            await #expect(throws: (any Error).self) { try await socket.bind(isIPv6Only: false) }
        }
        // After two empty tasks on the event loop, everything that closes on this loop has closed.
        for _ in 0..<2 { try await eventLoop.submit {}.get() }
        #expect(held == nil)
    }

    /// An address to which a socket on 127.0.0.1 cannot send. The kernel refuses such a datagram when it is sent.
    private static let refused = Fixture.address(1)

    private static func transmit(
        _ byte: UInt8, to remote: SecureMesh.SocketAddress, _ priority: Transmit.Priority = .session
    ) -> Transmit {
        Transmit(path: Path(remote: remote), bytes: [byte], priority: priority)
    }

    /// Two sockets on 127.0.0.1: a sender and a receiver. The first byte and the source port of each datagram at the
    /// receiver are in `received`.
    private final class Pair {
        let sender: UDPSocket
        let receiver: UDPSocket
        let failure: EventLoopFuture<MeshError>
        private let received: AsyncStream<(byte: UInt8, port: UInt16)>
        private let ended: EventLoopPromise<MeshError>

        init(
            _ options: UDPSocket.Options = .init(profile: .peer), rebindTime: Duration = .seconds(600),
            logger: Logger = LoopbackMesh.quiet
        ) async throws {
            var options = options
            options.rebindTime = rebindTime
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let (stream, continuation) = AsyncStream.makeStream(of: (byte: UInt8, port: UInt16).self)
            let ended = eventLoop.makePromise(of: MeshError.self)
            let make = { [options] (onDatagram: @escaping (Span<UInt8>, Path) -> Void) in
                UDPSocket(
                    index: 0, address: SecureMesh.SocketAddress(ip: .v4(0x7F00_0001), port: 0), options: options,
                    eventLoop: eventLoop, logger: logger,
                    callbacks: .init(onDatagram: onDatagram, onBurst: {}, onFailure: { ended.succeed($0) }))
            }
            self.ended = ended
            failure = ended.futureResult
            sender = make { _, _ in }
            receiver = make { bytes, path in continuation.yield((bytes[0], path.remote.port)) }
            received = stream
            try await sender.bind(isIPv6Only: false)
            try await receiver.bind(isIPv6Only: false)
        }

        deinit {
            sender.eventLoop.execute { [sender, receiver, ended] in
                sender.close()
                receiver.close()
                ended.fail(CancellationError())
            }
        }

        /// Runs `body` on the event loop. `body` gets the sender and the receiver's address.
        func run<Result: Sendable>(
            _ body: @escaping @Sendable (_ sender: UDPSocket, _ target: SecureMesh.SocketAddress) throws -> Result
        ) async throws -> Result {
            try await sender.eventLoop.submit { [sender, receiver] in
                defer { sender.flush() }
                return try body(sender, receiver.address)
            }.get()
        }

        /// Closes the sender's channel while another descriptor occupies the sender's port, as another process could
        /// do.
        ///
        /// - Returns: The other descriptor.
        func losePort() async throws -> CInt {
            try await run { sender, _ in
                let other = try #require(sender.bound.first?.descriptor).duplicate()
                sender.bound.first?.channel?.close(promise: nil)
                return other
            }
        }

        /// Reads datagrams. Returns their first bytes, in the order in which they arrived.
        func nextBytes(_ count: Int) async -> [UInt8] {
            var bytes: [UInt8] = []
            var iterator = received.makeAsyncIterator()
            while bytes.count < count, let next = await iterator.next() { bytes.append(next.byte) }
            return bytes
        }

        /// Reads datagrams until one has the first byte `last`. Returns all different first bytes and source ports.
        func received(upTo last: UInt8) async -> (bytes: Set<UInt8>, ports: Set<UInt16>) {
            var (bytes, ports): (Set<UInt8>, Set<UInt16>) = ([], [])
            var iterator = received.makeAsyncIterator()
            while !bytes.contains(last), let next = await iterator.next() {
                bytes.insert(next.byte)
                ports.insert(next.port)
            }
            return (bytes, ports)
        }
    }

    @Test("a datagram that the kernel refuses is lost alone: the socket stays open and sends the others")
    func refusedSend() async throws {
        let pair = try await Pair()
        let (port, unsent) = try await pair.run { sender, target in
            let channel = sender.bound.first?.channel
            sender.send(Self.transmit(1, to: target))
            for _ in 0..<100 { sender.send(Self.transmit(2, to: Self.refused)) }
            sender.send(Self.transmit(3, to: target))
            sender.flush()
            #expect(sender.bound.first?.channel === channel && channel?.isActive == true)
            return (sender.address.port, sender.countLosses().total)
        }
        #expect(await pair.received(upTo: 3) == ([1, 3], [port]))
        #expect(unsent == 100)
    }

    @Test("datagrams of one system call arrive in order, also if a refused or a large one is among them")
    func batches() async throws {
        let pair = try await Pair()
        let values = (0..<Limits.sendBatch * 2 + 3).map { UInt8($0) }
        try await pair.run { sender, target in
            for value in values { sender.send(Self.transmit(value, to: target, value % 3 == 0 ? .message : .session)) }
        }
        #expect(await pair.nextBytes(values.count) == values)
        let unsent = try await pair.run { sender, target in
            for value in values {
                let isLarge = value == 5
                let bytes = [value] + [UInt8](repeating: 0, count: isLarge ? 60_000 : 0)
                let address = value % 7 == 6 ? Self.refused : target
                sender.send(Transmit(path: Path(remote: address), bytes: bytes))
            }
            sender.flush()
            return sender.countLosses().total
        }
        #expect(unsent == UInt64(values.count { $0 % 7 == 6 }))
        let sent = values.filter { $0 % 7 != 6 }
        #expect(await pair.nextBytes(sent.count) == sent)
    }

    @Test("an IPv4 socket cannot send to an IPv6 address, and no socket to port 0 or to a broadcast address")
    func unusableAddresses() async throws {
        let pair = try await Pair()
        let unsent = try await pair.run { sender, target in
            sender.send(Self.transmit(0, to: SecureMesh.SocketAddress(ip: .v6(0, 1), port: 1)))
            sender.send(Self.transmit(0, to: SecureMesh.SocketAddress(ip: target.ip, port: 0)))
            sender.send(Self.transmit(0, to: SecureMesh.SocketAddress(ip: .v4(0x7FFF_FFFF), port: 1)))
            sender.flush()
            return sender.countLosses().total
        }
        #expect(unsent == 3)
    }

    @Test("a socket whose channel fails is bound again at its port")
    func boundAgain() async throws {
        let pair = try await Pair()
        let port = try await pair.run { sender, _ in
            sender.bound.first?.channel?.close(promise: nil)
            return sender.address.port
        }
        try await pair.run { sender, target in sender.send(Self.transmit(1, to: target)) }
        #expect(await pair.received(upTo: 1) == ([1], [port]))
    }

    @Test("datagrams that are sent while the port is lost wait, up to a limit, and leave once the port is free")
    func sendQueue() async throws {
        let pair = try await Pair()
        let other = try await pair.losePort()
        let (port, unsent) = try await pair.run { sender, target in
            for _ in 0..<Limits.sendQueue { sender.send(Self.transmit(1, to: target)) }
            sender.send(Self.transmit(2, to: target))
            sender.flush()
            return (sender.address.port, sender.countLosses().total)
        }
        #expect(unsent == 1)
        close(other)
        #expect(await pair.received(upTo: 1) == ([1], [port]))
    }

    @Test("while datagrams of sessions wait, answers to strangers and messages are dropped and counted")
    func priorities() async throws {
        let pair = try await Pair()
        let other = try await pair.losePort()
        let losses = try await pair.run { sender, target in
            sender.send(Self.transmit(1, to: target))
            for _ in 0..<2 { sender.send(Self.transmit(2, to: target, .answer)) }
            for _ in 0..<3 { sender.send(Self.transmit(3, to: target, .message)) }
            sender.flush()
            return sender.countLosses()
        }
        #expect(losses[.answersDropped] == 2 && losses[.messagesDropped] == 3 && losses.total == 5)
        close(other)
        #expect(await pair.received(upTo: 1).bytes == [1])
        // The port is free again, so datagrams do not wait in the socket.
        try await pair.run { sender, target in
            sender.send(Self.transmit(4, to: target, .answer))
            sender.send(Self.transmit(5, to: target, .message))
        }
        #expect(await pair.received(upTo: 5).bytes == [4, 5])
    }

    #if os(Linux)
        /// A size to request for the send buffer. Linux grants twice as much, so 25,000 bytes are more than a quarter
        /// of the buffer, and 60,000 bytes are more than half of it.
        private static let smallSendBuffer = 45_000

        private static func pairWithSmallSendBuffer() async throws -> Pair {
            var options = UDPSocket.Options(profile: .peer)
            options.sendBuffer = smallSendBuffer
            return try await Pair(options)
        }

        /// Sends a datagram of 60,000 bytes, which begins with 1. Then fills `count` bytes of the send buffer with the
        /// first part of a datagram that begins with 2. Linux keeps that part until the next part is sent (MSG_MORE).
        private static func occupy(
            _ count: Int, of sender: UDPSocket, to target: SecureMesh.SocketAddress
        ) throws {
            sender.send(Transmit(path: Path(remote: target), bytes: [UInt8](repeating: 1, count: 60_000)))
            sender.flush()
            let copy = try #require(sender.bound.first?.descriptor).duplicate()
            defer { close(copy) }
            var address = [UInt8](repeating: 0, count: 16)
            address[0] = UInt8(AF_INET)
            address.replaceSubrange(2..<8, with: [UInt8(target.port >> 8), UInt8(target.port & 0xFF), 127, 0, 0, 1])
            let more: CInt = 0x8000
            let sent = unsafe address.withUnsafeBytes { bytes in
                unsafe sendto(
                    copy, [2] + [UInt8](repeating: 0, count: count - 1), count, more,
                    bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            }
            try #require(sent == count)
        }

        @Test("answers that stay in the send buffer keep out further answers to strangers, but no messages")
        func quarterFull() async throws {
            let pair = try await Self.pairWithSmallSendBuffer()
            let losses = try await pair.run { sender, target in
                try Self.occupy(25_000, of: sender, to: target)
                // A multicast address is no neighbor's, so the system has no link-layer address for it.
                let stranger = SecureMesh.SocketAddress(ip: .v6(0xFF02_0000_0000_0000, 0x1234), port: 1)
                sender.send(Self.transmit(3, to: stranger, .answer))
                sender.send(Self.transmit(4, to: target, .message))
                sender.flush()
                return sender.countLosses()
            }
            #expect(losses[.answersDropped] == 1 && losses.total == 1)
            // The message is the last part of the datagram, so the datagram leaves.
            #expect(await pair.received(upTo: 2).bytes == [1, 2])
        }

        @Test("messages that stay in the send buffer keep out answers and messages, but no datagrams of sessions")
        func halfFull() async throws {
            let pair = try await Self.pairWithSmallSendBuffer()
            let before = try await pair.run { sender, target in
                try Self.occupy(60_000, of: sender, to: target)
                sender.send(Self.transmit(3, to: target, .message))
                sender.send(Self.transmit(4, to: target, .answer))
                sender.flush()
                return sender.countLosses()
            }
            #expect(before[.answersDropped] == 1 && before[.messagesDropped] == 1 && before.total == 2)
            try await pair.run { sender, target in sender.send(Self.transmit(5, to: target)) }
            #expect(await pair.received(upTo: 2).bytes == [1, 2])
            #expect(try await pair.run { sender, _ in sender.countLosses().total } == 2)
        }
    #endif

    @Test("a lost port is logged once, and if it is lost for good, the socket ends with an error that names it")
    func portLost() async throws {
        let lines = LogLines()
        let pair = try await Pair(rebindTime: .milliseconds(10), logger: lines.logger)
        _ = lines.take()
        let other = try await pair.losePort()
        #expect(try await pair.failure.get() == .addressInUse(pair.sender.address))
        let said = lines.take()
        #expect(said.count == 1)
        #expect(
            said.first?.hasPrefix(
                "error socket lost: its address cannot be bound again address=\(pair.sender.address) count=1 ") == true)
        #expect(try await pair.run { sender, _ in sender.bound.isEmpty })
        close(other)
    }

    @Test("a server that has lost its port for good ends with an error that names it", .timeLimit(.minutes(1)))
    func serverLosesPort() async throws {
        let server = try MeshServer(
            .init(key: SigningKey(), roster: .open, listen: [SecureMesh.SocketAddress("127.0.0.1:0")]),
            logger: LoopbackMesh.quiet)
        let running = Task { try await server.run() }
        let address = try await #require(server.boundAddresses.first)
        let driver = try await server.runningDriver()
        let others = try await driver.eventLoop.submit {
            let bound = try #require(driver.sockets.first?.bound)
            let others = try bound.map { try #require($0.descriptor).duplicate() }
            for socket in bound { socket.channel?.close(promise: nil) }
            return others
        }.get()
        await #expect(throws: MeshError.addressInUse(address)) { try await running.value }
        for other in others { close(other) }
    }

    @Test("a socket on a port that the system chose takes another one if that is lost")
    func moved() async throws {
        let pair = try await Pair(.peer)
        let before = pair.sender.address.port
        let other = try await pair.losePort()
        // The socket moves to a new port. The number of that port is known as soon as the socket sends again.
        try await pair.run { sender, target in sender.send(Self.transmit(1, to: target)) }
        let ports = await pair.received(upTo: 1).ports
        #expect(ports.count == 1 && !ports.contains(before))
        #expect(try await pair.run { sender, _ in sender.address.port } == ports.first)
        close(other)
    }

    @Test("a socket that is closed while its port is lost stays closed, and drops the waiting datagrams")
    func closedMeanwhile() async throws {
        let pair = try await Pair()
        let other = try await pair.losePort()
        let unsent = try await pair.run { sender, target in
            sender.send(Self.transmit(0, to: target))
            sender.close()
            sender.send(Self.transmit(1, to: target))
            sender.flush()
            return sender.countLosses().total
        }
        #expect(unsent == 2)
        close(other)
        let address = try await pair.run { sender, _ in sender.address }
        let heir = UDPSocket(
            index: 0, address: address, options: .server, eventLoop: pair.sender.eventLoop, logger: LoopbackMesh.quiet,
            callbacks: .init(onDatagram: { _, _ in }, onBurst: {}, onFailure: { _ in }))
        // If another test has forked a process, that process has a copy of the descriptor until it executes its
        // program.
        while await (try? heir.bind(isIPv6Only: false)) == nil { try Task.checkCancellation() }
        try await heir.eventLoop.submit { heir.close() }.get()
        // The end of `pair` closes its sockets again. It must not help the heir to bind the port.
        withExtendedLifetime(pair) {}
    }

    // MARK: the kernel's filter

    private static let epoch: UInt64 = 0x0102_0304_A5A6_A7A8

    /// Returns a datagram of `kind` with the given header fields. After the header, all bytes are zero.
    private static func datagram(_ kind: Kind, to: UInt64 = 0, from: UInt64 = 0, counter: UInt64 = 0) -> [UInt8] {
        var bytes: [UInt8] = [ProtocolConstants.version, kind.rawValue]
        bytes.append(bigEndian: UInt16(kind.minimumSize))
        for number in [to, from, counter] { bytes.append(bigEndian: number) }
        return bytes + [UInt8](repeating: 0, count: kind.minimumSize - bytes.count)
    }

    private static func heartbeat(to epoch: UInt64) -> [UInt8] { datagram(.heartbeat, to: epoch, from: 7, counter: 1) }

    /// Datagrams whose header is neither that of a HELLO nor that of a member's datagram.
    private static var garbage: [[UInt8]] {
        let hello = datagram(.hello)
        let changed = (0..<Header.size).map { offset in
            var bytes = hello
            bytes[offset] ^= 0x80
            return bytes
        }
        return changed + [
            [], [1], [1, 1, 1, 0], Array(hello.dropLast()), hello + [0], heartbeat(to: epoch ^ 1),
            heartbeat(to: epoch ^ 1 << 63), [0] + heartbeat(to: epoch).dropFirst(),
            datagram(.pulse, to: 1, from: epoch),
        ]
    }

    /// A server's socket. `kinds` gives the kind of each datagram that the socket delivers, in order.
    private struct FilteredSocket {
        let socket: UDPSocket
        var kinds: AsyncStream<UInt8?>.AsyncIterator

        init(_ address: SecureMesh.SocketAddress, usesKernelFilter: Bool = true) async throws {
            let (stream, continuation) = AsyncStream.makeStream(of: UInt8?.self)
            var options = UDPSocket.Options.server
            options.usesKernelFilter = usesKernelFilter
            socket = UDPSocket(
                index: 0, address: address, options: options,
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: LoopbackMesh.quiet,
                callbacks: .init(
                    onDatagram: { bytes, _ in continuation.yield(bytes.count > 1 ? bytes[1] : nil) }, onBurst: {},
                    onFailure: { _ in }))
            kinds = stream.makeAsyncIterator()
            try await socket.bind(isIPv6Only: false)
            try await run { $0.separateMembers(epoch: UDPSocketTests.epoch) }
        }

        func run<Result: Sendable>(_ body: @escaping @Sendable (UDPSocket) throws -> Result) async throws -> Result {
            try await socket.eventLoop.submit { [socket] in try body(socket) }.get()
        }
    }

    #if os(Linux)
        @Test(
            "the kernel drops all strangers' datagrams but HELLOs, and hands over members' before them",
            arguments: ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"])
        func filter(_ text: String) async throws {
            let address = try SecureMesh.SocketAddress(text)
            var filtered = try await FilteredSocket(address)
            #expect(filtered.socket.hasMembersSocket)
            let isIPv6Loopback = text == "[::1]:0"
            let sender = try SocketDescriptor(
                bindingTo: try SecureMesh.SocketAddress(isIPv6Loopback ? "[::1]:0" : "127.0.0.1:0"), isIPv6Only: false)
            let target = SecureMesh.SocketAddress(
                ip: isIPv6Loopback ? .v6(0, 1) : .v4(0x7F00_0001), port: filtered.socket.address.port)
            let garbage = Self.garbage
            let hello = Self.datagram(.hello)
            for bytes in garbage + [hello, Self.heartbeat(to: Self.epoch), Self.datagram(.confirm, to: Self.epoch)] {
                guard case .sent = sender.send(bytes, to: target) else {
                    Issue.record("not sent: \(bytes.count) bytes")
                    return
                }
            }
            #expect(await filtered.kinds.next() == Kind.heartbeat.rawValue)
            #expect(await filtered.kinds.next() == Kind.confirm.rawValue)
            try await filtered.run { $0.readStrangers() }
            #expect(await filtered.kinds.next() == Kind.hello.rawValue)
            let losses = try await filtered.run { $0.countLosses() }
            #expect(losses[.strangersDropped] == UInt64(garbage.count) && losses.total == UInt64(garbage.count))
            try await filtered.run { $0.close() }
        }

        @Test("a flood of strangers that nobody reads leaves the members' receive buffer free")
        func ownBuffer() async throws {
            var filtered = try await FilteredSocket(SecureMesh.SocketAddress("127.0.0.1:0"))
            let sender = try SocketDescriptor.stranger()
            let target = filtered.socket.address
            let hello = Self.datagram(.hello)
            // These HELLOs fill more than the receive buffer. The kernel also counts a fixed overhead for each
            // datagram.
            let buffer = try await filtered.run { $0.bound.first?.receiveBuffer ?? 0 }
            for _ in 0..<(buffer / hello.count) { _ = sender.send(hello, to: target) }
            _ = sender.send(Self.heartbeat(to: Self.epoch), to: target)
            #expect(await filtered.kinds.next() == Kind.heartbeat.rawValue)
            let losses = try await filtered.run { $0.countLosses() }
            #expect(losses[.strangersDropped] > 0 && losses[.receiveBufferFull] == 0)
            try await filtered.run { $0.close() }
        }
    #endif

    @Test("without the kernel's filter one socket takes everything") func noFilter() async throws {
        var filtered = try await FilteredSocket(SecureMesh.SocketAddress("127.0.0.1:0"), usesKernelFilter: false)
        #expect(!filtered.socket.hasMembersSocket)
        let sender = try SocketDescriptor.stranger()
        for bytes in [Self.datagram(.hello), Self.heartbeat(to: 1), Self.datagram(.pulse), []] {
            _ = sender.send(bytes, to: filtered.socket.address)
        }
        for kind in [Kind.hello, .heartbeat, .pulse] { #expect(await filtered.kinds.next() == kind.rawValue) }
        #expect(await filtered.kinds.next() == .some(nil))
        try await filtered.run { $0.close() }
    }

    @Test("an address that a server has cannot be bound, though its two sockets share it")
    func sharedAddress() async throws {
        let filtered = try await FilteredSocket(SecureMesh.SocketAddress("127.0.0.1:0"))
        let address = filtered.socket.address
        for other in [address, SecureMesh.SocketAddress(ip: .v4(0), port: address.port)] {
            let second = UDPSocket(
                index: 0, address: other, options: .server, eventLoop: filtered.socket.eventLoop,
                logger: LoopbackMesh.quiet,
                callbacks: .init(onDatagram: { _, _ in }, onBurst: {}, onFailure: { _ in }))
            let error = await #expect(throws: SystemError.self) { try await second.bind(isIPv6Only: false) }
            #expect(error?.code == EADDRINUSE)
        }
        try await filtered.run { $0.close() }
    }

    @Test("a server's socket that is bound again still has its filter") func filterAfterRebind() async throws {
        var filtered = try await FilteredSocket(SecureMesh.SocketAddress("127.0.0.1:0"))
        let before = filtered.socket.address
        let hadFilter = try await filtered.run { socket in
            defer { socket.bound.last?.channel?.close(promise: nil) }
            return socket.hasMembersSocket
        }
        // The event loop binds the socket again at once. If another socket has taken the port meanwhile, the event loop
        // binds again later.
        while try await filtered.run({ $0.hasMembersSocket }) != hadFilter {
            await Task.yield()
        }
        try #require(filtered.socket.address == before)
        let sender = try SocketDescriptor.stranger()
        for bytes in [Self.datagram(.hello), Self.heartbeat(to: Self.epoch)] { _ = sender.send(bytes, to: before) }
        // After it is bound, the socket reads the strangers' datagrams once, even if `readStrangers` is not called.
        let kinds = [await filtered.kinds.next(), await filtered.kinds.next()]
        #expect(Set(kinds) == [Kind.hello.rawValue, Kind.heartbeat.rawValue])
        try await filtered.run { $0.close() }
    }
}
