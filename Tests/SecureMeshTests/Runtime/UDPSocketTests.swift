internal import NIOCore
internal import NIOPosix
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

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
                logger: LoopbackMesh.quiet, onDatagram: { _, _ in _ = token }, onBurst: {})
            await #expect(throws: (any Error).self) { try await socket.bind(sharesPort: false) }
        }
        // What closes on the event loop has closed then.
        for _ in 0..<2 { try await eventLoop.submit {}.get() }
        #expect(held == nil)
    }

    /// An address to which no socket that is bound to 127.0.0.1 can send. The kernel refuses it at once.
    private static let refused = Fixture.address(1)

    /// Two sockets on 127.0.0.1, and what the second has received: the byte, and the port that it came from.
    private struct Pair {
        let sender: UDPSocket
        let receiver: UDPSocket
        private var received: AsyncStream<(byte: UInt8, port: UInt16)>.AsyncIterator
        private var eventLoop: any EventLoop { sender.eventLoop }

        init() async throws {
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let (stream, continuation) = AsyncStream.makeStream(of: (byte: UInt8, port: UInt16).self)
            let make = { (onDatagram: @escaping (Span<UInt8>, Path) -> Void) in
                UDPSocket(
                    index: 0, address: SecureMesh.SocketAddress(ip: .v4(0x7F00_0001), port: 0), profile: .peer,
                    eventLoop: eventLoop, logger: LoopbackMesh.quiet, onDatagram: onDatagram, onBurst: {})
            }
            sender = make { _, _ in }
            receiver = make { bytes, path in continuation.yield((bytes[0], path.remote.port)) }
            received = stream.makeAsyncIterator()
            try await sender.bind(sharesPort: false)
            try await receiver.bind(sharesPort: false)
        }

        /// On the event loop.
        func run<Result: Sendable>(
            _ body: @escaping @Sendable (_ target: SecureMesh.SocketAddress) -> Result
        ) async throws -> Result {
            try await eventLoop.submit { [receiver] in body(receiver.address) }.get()
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
            try await eventLoop.submit { [sender, receiver] in
                sender.close()
                receiver.close()
            }.get()
        }
    }

    @Test("a datagram that the kernel refuses is lost alone: the socket is bound again at its port, the others go out")
    func refusedSend() async throws {
        var pair = try await Pair()
        let sender = pair.sender
        let port = try await pair.run { target in
            sender.send([1], to: target)
            sender.send([2], to: Self.refused)
            sender.send([3], to: target)
            sender.flush()
            // There is no socket at this moment: this one waits for it.
            sender.send([4], to: target)
            return sender.address.port
        }
        #expect(await pair.received(upTo: 4) == ([1, 3, 4], [port]))
        #expect(try await pair.run { _ in sender.unsent } == 1)
        // The destination is left alone for a second, so the next batch goes out whole.
        let unsent = try await pair.run { target in
            sender.send([5], to: Self.refused)
            sender.send([6], to: target)
            sender.flush()
            return sender.unsent
        }
        #expect(unsent == 2)
        #expect(await pair.received(upTo: 6) == ([6], [port]))
        try await pair.close()
    }

    @Test("what is sent while the socket is bound again waits, up to a bound") func resendQueue() async throws {
        let pair = try await Pair()
        let sender = pair.sender
        let lost = try await pair.run { target in
            sender.send([0], to: Self.refused)
            sender.flush()
            for _ in 0..<Limits.resendQueue { sender.send([1], to: target) }
            return sender.unsent
        }
        #expect(lost == 1)
        try await pair.close()
    }

    @Test("a socket that is closed while it is bound again stays closed, and its port is free")
    func closedMeanwhile() async throws {
        let pair = try await Pair()
        let sender = pair.sender
        let address = try await pair.run { target in
            sender.send([0], to: Self.refused)
            sender.flush()
            sender.close()
            sender.send([1], to: target)
            return sender.address
        }
        #expect(try await pair.run { _ in sender.unsent } == 1)
        let heir = UDPSocket(
            index: 0, address: address, profile: .peer, eventLoop: sender.eventLoop, logger: LoopbackMesh.quiet,
            onDatagram: { _, _ in }, onBurst: {})
        // A process that another test starts can hold a copy of the descriptor until it runs its own program.
        while await (try? heir.bind(sharesPort: false)) == nil { try Task.checkCancellation() }
        try await sender.eventLoop.submit { heir.close() }.get()
        try await pair.close()
    }
}
