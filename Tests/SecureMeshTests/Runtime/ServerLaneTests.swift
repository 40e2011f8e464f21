internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

/// A server with several event loops. The tests run as with one where the kernel does not divide members.
@Suite("Server lanes", .timeLimit(.minutes(10)))
struct ServerLaneTests {
    private static var loops: Int {
        SocketDescriptor.offersDivision ? 2 : 1
    }

    /// Runs peers one inside another, and then `body`.
    private static func withPeers(
        _ count: Int, in mesh: LoopbackMesh, _ peers: [RunningPeer] = [],
        _ body: @escaping @Sendable ([RunningPeer]) async throws -> Void
    ) async throws {
        guard peers.count < count else { return try await body(peers) }
        let addresses = try await mesh.server.boundAddresses
        let address = addresses[peers.count % addresses.count]
        try await mesh.withPeer("m\(peers.count)", server: address) { peer in
            try await withPeers(count, in: mesh, peers + [peer], body)
        }
    }

    @Test(
        "members of both event loops join, talk, are revoked and hear that the server stops",
        arguments: [["127.0.0.1:0"], ["127.0.0.1:0", "[::1]:0"]])
    func members(listen: [String]) async throws {
        try await LoopbackMesh.run(
            listen: listen,
            configure: { configuration in
                configuration.eventLoops = Self.loops
                configuration.heartbeatInterval = .milliseconds(100)
                configuration.lifetime = .seconds(20)
            }
        ) { mesh in
            try await Self.withPeers(8, in: mesh) { peers in
                for peer in peers { try await peer.peer.joined() }
                for peer in peers.dropLast() { await peer.events.sees("m7") }
                try await peers[0].peer.broadcast([7])
                for peer in peers.dropFirst() { #expect(await peer.events.message()?.body == [7]) }
                // Each lives for some intervals by its heartbeats.
                let keys = peers.map(\.key.publicKey)
                while try await mesh.server.standings(of: keys).contains(where: { ($0?.received ?? 0) < 10 }) {
                    await Task.yield()
                }
                #expect(try await mesh.server.members().count == 8)
                // On a busy host repeated HELLOs and CONFIRMs are refused, and so is what a member sent before it
                // joined again. Nothing is refused because it reached the wrong event loop.
                let rejections = try await mesh.server.rejections()
                let misled: [Rejection] = [.misdirected, .unknownSession, .sourceMismatch, .sealBroken]
                #expect(misled.allSatisfy { rejections[$0] == 0 }, "\(rejections.nonZero)")
                #expect(try await mesh.server.losses().total == 0)

                var roster: [PublicKey: PeerName] = [:]
                for (index, key) in keys.dropLast(2).enumerated() { roster[key] = try PeerName("m\(index)") }
                try await mesh.server.setRoster(Roster(authorized: roster))
                for peer in peers.suffix(2) {
                    let dismissed = await peer.events.next { if case .dismissed = $0 { true } else { false } }
                    #expect(dismissed != nil)
                }
                #expect(try await mesh.server.members().count == 6)
            }
        }
    }

    @Test("a server that stops dismisses the members of all event loops") func stop() async throws {
        let key = SigningKey()
        var configuration = MeshServer.Configuration(
            key: key, roster: .open, listen: [try SecureMesh.SocketAddress("127.0.0.1:0")])
        configuration.eventLoops = Self.loops
        let server = try MeshServer(configuration, logger: LoopbackMesh.quiet)
        let running = Task { try await server.run() }
        let address = try #require(try await server.boundAddresses.first)
        let peers = try (0..<8).map { number in
            try MeshPeer(
                MeshPeer.Configuration(
                    key: SigningKey(), name: try PeerName("m\(number)"), server: address,
                    serverKeys: [key.publicKey]),
                logger: LoopbackMesh.quiet)
        }
        let events = peers.map { EventLog($0.events) }
        let tasks = peers.map { peer in Task { try await peer.run() } }
        for peer in peers { try await peer.joined() }
        running.cancel()
        for event in events {
            let dismissed = await event.next { if case .dismissed = $0 { true } else { false } }
            #expect(dismissed != nil)
        }
        try await running.value
        // The address is free when the server has ended.
        _ = try SocketDescriptor(bindingTo: address, isIPv6Only: false)
        for task in tasks {
            task.cancel()
            _ = await task.result
        }
    }

    @Test("the sockets of a lane are bound again with those of the registry") func rebind() async throws {
        guard Self.loops == 2 else { return }
        let loops = Array(MultiThreadedEventLoopGroup(numberOfThreads: 2).makeIterator())
        let local = try SecureMesh.SocketAddress("127.0.0.1:0")
        let (stream, continuation) = AsyncStream.makeStream(of: (loop: Int, kind: UInt8).self)
        func callbacks(_ loop: Int) -> UDPSocket.Callbacks {
            .init(
                onDatagram: { bytes, _ in continuation.yield((loop, bytes[1])) }, onBurst: {}, onFailure: { _ in })
        }
        let follower = UDPSocket(
            index: 0, address: local, options: .server, eventLoop: loops[1], logger: LoopbackMesh.quiet,
            callbacks: callbacks(1))
        let leader = UDPSocket(
            index: 0, address: local, options: .server, followers: [follower], eventLoop: loops[0],
            logger: LoopbackMesh.quiet, callbacks: callbacks(0))
        try await leader.bind(isIPv6Only: false)
        try await loops[0].submit { leader.separateMembers(epoch: 9) }.get()
        let sender = try SocketDescriptor(bindingTo: local, isIPv6Only: false)
        var received = stream.makeAsyncIterator()
        func heartbeat(_ session: UInt64) -> [UInt8] {
            var bytes: [UInt8] = [1, Kind.heartbeat.rawValue, 0, 134]
            bytes.append(contentsOf: [UInt8](bigEndian: 9 as UInt64))
            bytes.append(contentsOf: [UInt8](bigEndian: session))
            bytes.append(contentsOf: [UInt8](repeating: 7, count: 114))
            return bytes
        }
        for isLeader in [true, false] {
            for session in [2, 3, 5, 4] as [UInt64] {
                _ = sender.send(heartbeat(session), to: leader.address)
                #expect(await received.next()?.loop == Int(session % 2))
            }
            let lost = isLeader ? leader : follower
            let before = (
                leader: try await leader.eventLoop.submit { leader.bound.last }.get(),
                follower: try await follower.eventLoop.submit { follower.bound.last }.get()
            )
            try await lost.eventLoop.submit { lost.bound.last?.channel?.close(promise: nil) }.get()
            while true {
                let newest = try await follower.eventLoop.submit { follower.bound.last }.get()
                let first = try await leader.eventLoop.submit { leader.bound.last }.get()
                if let newest, let first, newest !== before.follower, first !== before.leader { break }
                await Task.yield()
            }
        }
        _ = sender.send(heartbeat(3), to: leader.address)
        #expect(await received.next()?.loop == 1)
        for socket in [leader, follower] { try await socket.eventLoop.submit { socket.close() }.get() }
    }
}
