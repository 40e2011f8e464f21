internal import NIOCore
internal import NIOPosix
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

#if os(Linux)
    /// Tests sockets that are bound to a wildcard address. On Linux, every address in 127.0.0.0/8 belongs to the host.
    @Suite("Wildcard sockets", .timeLimit(.minutes(10)))
    struct WildcardSocketTests {
        /// A socket with the paths of the datagrams that it has received.
        private final class Endpoint: @unchecked Sendable {
            private var socket: UDPSocket?
            private let eventLoop: any EventLoop
            private let datagrams: AsyncStream<(bytes: [UInt8], path: Path)>

            init(_ address: SecureMesh.SocketAddress, notesLocalAddress: Bool = false, answers: Bool = false) {
                eventLoop = MultiThreadedEventLoopGroup.singleton.next()
                let (stream, continuation) = AsyncStream.makeStream(of: (bytes: [UInt8], path: Path).self)
                datagrams = stream
                var options = UDPSocket.Options(profile: .peer)
                options.notesLocalAddress = notesLocalAddress
                socket = UDPSocket(
                    index: 0, address: address, options: options, eventLoop: eventLoop, logger: LoopbackMesh.quiet,
                    callbacks: .init(
                        onDatagram: { [weak self] bytes, path in
                            continuation.yield(([UInt8](copying: bytes), path))
                            if answers {
                                self?.socket?.send(Transmit(path: path, bytes: [UInt8](copying: bytes)))
                                self?.socket?.flush()
                            }
                        }, onBurst: {}, onFailure: { _ in }))
            }

            func bind() async throws -> UInt16 {
                try await socket?.bind(isIPv6Only: false)
                return try await eventLoop.submit { self.socket?.address.port ?? 0 }.get()
            }

            func send(to remote: SecureMesh.SocketAddress, from local: SecureMesh.SocketAddress.IP? = nil) async throws
            {
                try await send([([7], local)], to: remote)
            }

            /// Sends all datagrams with one system call.
            func send(
                _ datagrams: [(bytes: [UInt8], local: SecureMesh.SocketAddress.IP?)],
                to remote: SecureMesh.SocketAddress
            ) async throws {
                try await eventLoop.submit {
                    for (bytes, local) in datagrams {
                        self.socket?.send(Transmit(path: Path(remote: remote, local: local), bytes: bytes))
                    }
                    self.socket?.flush()
                }.get()
            }

            func received() async -> Path? { await nextDatagram()?.path }

            func nextDatagram() async -> (bytes: [UInt8], path: Path)? {
                var iterator = datagrams.makeAsyncIterator()
                return await iterator.next()
            }

            func close() async throws { try await eventLoop.submit { self.socket?.close() }.get() }
        }

        private static let asked = SecureMesh.SocketAddress.IP.v4(0x7F00_0005)
        private static let loopback = SecureMesh.SocketAddress(ip: .v4(0x7F00_0001), port: 0)

        @Test(
            "a socket on a wildcard address knows which address was asked, and answers from it",
            arguments: [SecureMesh.SocketAddress.wildcard(), SecureMesh.SocketAddress(ip: .v4(0), port: 0)])
        func answer(wildcard: SecureMesh.SocketAddress) async throws {
            let server = Endpoint(wildcard, notesLocalAddress: true, answers: true)
            let client = Endpoint(Self.loopback)
            let port: UInt16
            do {
                port = try await server.bind()
            } catch  where wildcard.isIPv6 {
                return  // this host has no IPv6
            }
            _ = try await client.bind()
            try await client.send(to: SecureMesh.SocketAddress(ip: Self.asked, port: port))
            #expect(await server.received()?.local == Self.asked)
            #expect(await client.received()?.remote == SecureMesh.SocketAddress(ip: Self.asked, port: port))
            try await server.close()
            try await client.close()
        }

        @Test(
            "datagrams of one system call keep their bytes, and each leaves from the address that was chosen for it",
            arguments: [SecureMesh.SocketAddress.wildcard(), SecureMesh.SocketAddress(ip: .v4(0), port: 0)])
        func batch(wildcard: SecureMesh.SocketAddress) async throws {
            let sender = Endpoint(wildcard)
            let receiver = Endpoint(Self.loopback)
            let port: UInt16
            do {
                port = try await sender.bind()
            } catch  where wildcard.isIPv6 {
                return  // this host has no IPv6
            }
            let target = SecureMesh.SocketAddress(ip: Self.loopback.ip, port: try await receiver.bind())
            let locals: [SecureMesh.SocketAddress.IP?] = [Self.asked, nil, .v4(0x7F00_0006), Self.asked, nil]
            let datagrams = locals.enumerated().map { index, local in
                (bytes: [UInt8](repeating: UInt8(index), count: 1 + 300 * index), local: local)
            }
            try await sender.send(datagrams, to: target)
            for (bytes, local) in datagrams {
                let received = await receiver.nextDatagram()
                #expect(received?.bytes == bytes)
                let source = SecureMesh.SocketAddress(ip: local ?? Self.loopback.ip, port: port)
                #expect(received?.path.remote == source)
            }
            try await sender.close()
            try await receiver.close()
        }

        @Test("a server on a wildcard address does not answer its own port at the addresses of this host")
        func ownAddress() async throws {
            let own = SecureMesh.SocketAddress.ofHost.first { ip in
                let address = SecureMesh.SocketAddress(ip: ip, port: 1)
                return !address.isIPv6 && address.isUsable && !address.isLoopback && !address.isLinkLocal
            }
            guard let own else { return }  // this host has no address but loopback
            let hello = try Sample.of(.hello).bytes
            try await LoopbackMesh.run(listen: ["0.0.0.0:0"]) { mesh in
                let driver = try await mesh.server.runningDriver()
                let source = SecureMesh.SocketAddress(ip: own, port: mesh.address.port)
                let refused = try await driver.submit { registry, now throws(Never) in
                    registry.handle(hello.span, path: Path(remote: source), now: now)
                    return registry.rejections[.sourceNotAllowed]
                }.get()
                #expect(refused == 1)
            }
        }

        @Test("a datagram from an address that is not this host's leaves from one that is")
        func foreign() async throws {
            let sender = Endpoint(SecureMesh.SocketAddress(ip: .v4(0), port: 0))
            let receiver = Endpoint(Self.loopback)
            let ports = (try await sender.bind(), try await receiver.bind())
            let target = SecureMesh.SocketAddress(ip: .v4(0x7F00_0001), port: ports.1)
            for _ in 0..<2 {
                try await sender.send(to: target, from: Fixture.address(1).ip)
                #expect(await receiver.received()?.remote == SecureMesh.SocketAddress(ip: target.ip, port: ports.0))
            }
            // The kernel has refused one local address. The socket can still use other addresses.
            try await sender.send(to: target, from: Self.asked)
            #expect(await receiver.received()?.remote == SecureMesh.SocketAddress(ip: Self.asked, port: ports.0))
            try await sender.close()
            try await receiver.close()
        }
    }
#endif
