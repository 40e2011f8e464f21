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

    @Test("a bind that fails leaves no socket open, and nothing that holds on to it")
    func failedBind() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        weak var held: Token?
        do {
            let token = Token()
            held = token
            let socket = UDPSocket(
                index: 0, address: Fixture.address(1), profile: .peer, eventLoop: eventLoop,
                logger: LoopbackMesh.quiet,
                callbacks: .init(onDatagram: { _, _ in _ = token }, onBurst: {}, onFailure: { _ in }))
            await #expect(throws: (any Error).self) { try await socket.bind(isIPv6Only: false) }
        }
        // What closes on the event loop has closed then.
        for _ in 0..<2 { try await eventLoop.submit {}.get() }
        #expect(held == nil)
    }

    /// An address to which no socket that is bound to 127.0.0.1 can send. The kernel refuses it at once.
    private static let refused = Fixture.address(1)

    private static func transmit(
        _ byte: UInt8, to remote: SecureMesh.SocketAddress, _ priority: Transmit.Priority = .session
    ) -> Transmit {
        Transmit(path: Path(remote: remote), bytes: [byte], priority: priority)
    }

    /// Two sockets on 127.0.0.1. The second one streams the byte that it receives, and the port that it came from.
    private struct Pair {
        let sender: UDPSocket
        let receiver: UDPSocket
        let failure: EventLoopFuture<MeshError>
        private var received: AsyncStream<(byte: UInt8, port: UInt16)>.AsyncIterator
        private let ended: EventLoopPromise<MeshError>
        private var eventLoop: any EventLoop { sender.eventLoop }

        init(mayMove: Bool = false, rebindTime: Duration = .seconds(600)) async throws {
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let (stream, continuation) = AsyncStream.makeStream(of: (byte: UInt8, port: UInt16).self)
            let ended = eventLoop.makePromise(of: MeshError.self)
            let make = { (onDatagram: @escaping (Span<UInt8>, Path) -> Void) in
                UDPSocket(
                    index: 0, address: SecureMesh.SocketAddress(ip: .v4(0x7F00_0001), port: 0), profile: .peer,
                    mayMove: mayMove, rebindTime: rebindTime, eventLoop: eventLoop, logger: LoopbackMesh.quiet,
                    callbacks: .init(onDatagram: onDatagram, onBurst: {}, onFailure: { ended.succeed($0) }))
            }
            self.ended = ended
            failure = ended.futureResult
            sender = make { _, _ in }
            receiver = make { bytes, path in continuation.yield((bytes[0], path.remote.port)) }
            received = stream.makeAsyncIterator()
            try await sender.bind(isIPv6Only: false)
            try await receiver.bind(isIPv6Only: false)
        }

        /// On the event loop.
        func run<Result: Sendable>(
            _ body: @escaping @Sendable (_ target: SecureMesh.SocketAddress) throws -> Result
        ) async throws -> Result {
            try await eventLoop.submit { [receiver] in try body(receiver.address) }.get()
        }

        /// Closes the sender's channel while another descriptor keeps its port, as another process would.
        func losePort() async throws -> CInt {
            try await run { [sender] _ in
                let other = try #require(sender.descriptor).duplicate()
                sender.channel?.close(promise: nil)
                return other
            }
        }

        /// The datagrams up to `last`, without repeats.
        mutating func received(upTo last: UInt8) async -> (bytes: Set<UInt8>, ports: Set<UInt16>) {
            var (bytes, ports): (Set<UInt8>, Set<UInt16>) = ([], [])
            while !bytes.contains(last), let next = await received.next() {
                bytes.insert(next.byte)
                ports.insert(next.port)
            }
            return (bytes, ports)
        }

        func close() async throws {
            try await eventLoop.submit { [sender, receiver, ended] in
                sender.close()
                receiver.close()
                ended.fail(CancellationError())
            }.get()
        }
    }

    @Test("a datagram that the kernel refuses is lost alone: the socket stays open and sends the others")
    func refusedSend() async throws {
        var pair = try await Pair()
        let sender = pair.sender
        let (port, unsent) = try await pair.run { target in
            let channel = sender.channel
            sender.send(Self.transmit(1, to: target))
            for _ in 0..<100 { sender.send(Self.transmit(2, to: Self.refused)) }
            sender.send(Self.transmit(3, to: target))
            #expect(sender.channel === channel && channel?.isActive == true)
            return (sender.address.port, sender.losses.total)
        }
        #expect(await pair.received(upTo: 3) == ([1, 3], [port]))
        #expect(unsent == 100)
        try await pair.close()
    }

    @Test("an IPv4 socket has no way to an IPv6 address, and no socket has one to port 0 or to a broadcast address")
    func unusableAddresses() async throws {
        let pair = try await Pair()
        let sender = pair.sender
        let unsent = try await pair.run { target in
            sender.send(Self.transmit(0, to: SecureMesh.SocketAddress(ip: .v6(0, 1), port: 1)))
            sender.send(Self.transmit(0, to: SecureMesh.SocketAddress(ip: target.ip, port: 0)))
            sender.send(Self.transmit(0, to: SecureMesh.SocketAddress(ip: .v4(0x7FFF_FFFF), port: 1)))
            return sender.losses.total
        }
        #expect(unsent == 3)
        try await pair.close()
    }

    @Test("a socket whose channel fails is bound again at its port")
    func boundAgain() async throws {
        var pair = try await Pair()
        let sender = pair.sender
        let port = try await pair.run { _ in
            sender.channel?.close(promise: nil)
            return sender.address.port
        }
        try await pair.run { target in sender.send(Self.transmit(1, to: target)) }
        #expect(await pair.received(upTo: 1) == ([1], [port]))
        try await pair.close()
    }

    @Test("what is sent while the port is lost waits, up to a bound, and leaves once the port is free")
    func sendQueue() async throws {
        var pair = try await Pair()
        let sender = pair.sender
        let other = try await pair.losePort()
        let (port, unsent) = try await pair.run { target in
            for _ in 0..<Limits.sendQueue { sender.send(Self.transmit(1, to: target)) }
            sender.send(Self.transmit(2, to: target))
            return (sender.address.port, sender.losses.total)
        }
        #expect(unsent == 1)
        close(other)
        #expect(await pair.received(upTo: 1) == ([1], [port]))
        try await pair.close()
    }

    @Test("while datagrams of sessions wait, answers to strangers and messages are dropped and counted")
    func priorities() async throws {
        var pair = try await Pair()
        let sender = pair.sender
        let other = try await pair.losePort()
        let losses = try await pair.run { target in
            sender.send(Self.transmit(1, to: target))
            for _ in 0..<2 { sender.send(Self.transmit(2, to: target, .answer)) }
            for _ in 0..<3 { sender.send(Self.transmit(3, to: target, .message)) }
            return sender.losses
        }
        #expect(losses[.answersDropped] == 2 && losses[.messagesDropped] == 3 && losses.total == 5)
        close(other)
        #expect(await pair.received(upTo: 1).bytes == [1])
        // The port is free, so nothing waits any more.
        try await pair.run { target in
            sender.send(Self.transmit(4, to: target, .answer))
            sender.send(Self.transmit(5, to: target, .message))
        }
        #expect(await pair.received(upTo: 5).bytes == [4, 5])
        try await pair.close()
    }

    @Test("a port that was lost for good ends the socket with an error that names it")
    func portLost() async throws {
        let pair = try await Pair(rebindTime: .milliseconds(10))
        let sender = pair.sender
        let other = try await pair.losePort()
        #expect(try await pair.failure.get() == .addressInUse(sender.address))
        #expect(try await pair.run { _ in sender.descriptor == nil && sender.channel == nil })
        close(other)
        try await pair.close()
    }

    @Test("a socket on a port that the system chose takes another one if that is lost")
    func moved() async throws {
        var pair = try await Pair(mayMove: true)
        let sender = pair.sender
        let before = sender.address.port
        let other = try await pair.losePort()
        // The new port is known once the socket sends again.
        try await pair.run { target in sender.send(Self.transmit(1, to: target)) }
        let ports = await pair.received(upTo: 1).ports
        #expect(ports.count == 1 && !ports.contains(before))
        #expect(try await pair.run { _ in sender.address.port } == ports.first)
        close(other)
        try await pair.close()
    }

    @Test("a socket that is closed while its port is lost stays closed, and drops what waits")
    func closedMeanwhile() async throws {
        let pair = try await Pair()
        let sender = pair.sender
        let other = try await pair.losePort()
        let unsent = try await pair.run { target in
            sender.send(Self.transmit(0, to: target))
            sender.close()
            sender.send(Self.transmit(1, to: target))
            return sender.losses.total
        }
        #expect(unsent == 2)
        close(other)
        let address = try await pair.run { _ in sender.address }
        let heir = UDPSocket(
            index: 0, address: address, profile: .peer, eventLoop: sender.eventLoop, logger: LoopbackMesh.quiet,
            callbacks: .init(onDatagram: { _, _ in }, onBurst: {}, onFailure: { _ in }))
        // A process that another test starts can hold a copy of the descriptor until it runs its own program.
        while await (try? heir.bind(isIPv6Only: false)) == nil { try Task.checkCancellation() }
        try await sender.eventLoop.submit { heir.close() }.get()
        try await pair.close()
    }
}
