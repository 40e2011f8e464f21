internal import Logging
internal import MeshSimulator
internal import NIOCore
internal import NIOPosix
internal import SelfTest
internal import Synchronization
internal import Testing

@testable internal import SecureMesh

/// Tests of a server with several event loops. If the kernel cannot distribute the members' datagrams among the loops,
/// these tests use one loop.
@Suite("Server lanes", .timeLimit(.minutes(10)))
struct ServerLaneTests {
    private static var loops: Int {
        SocketDescriptor.offersDivision ? 2 : 1
    }

    /// Makes `count` peers join, and calls `body` while all of them run.
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

    /// Broadcasts `body` until `count` members have acknowledged it. On a busy host, a member may join again at any
    /// time, and may then lose a message that was sealed for its old session.
    private static func deliver(_ body: [UInt8], from peer: MeshPeer, to count: Int) async throws {
        while true {
            do throws(DeliveryError) {
                let delivery = try await peer.broadcast(body, waitingForDelivery: .seconds(10))
                if delivery.acknowledged == count { return }
            } catch {
                guard error == .notSent(.notJoined) else { throw error }
                try await peer.joined()
            }
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
                // On a busy host, a round trip of more than two intervals makes a member join again.
                configuration.heartbeatInterval = .milliseconds(500)
                configuration.lifetime = .seconds(20)
            }
        ) { mesh in
            try await Self.withPeers(8, in: mesh) { peers in
                for peer in peers { try await peer.peer.joined() }
                try await Self.deliver([7], from: peers[0].peer, to: 7)
                for peer in peers.dropFirst() { #expect(await peer.events.message()?.body == [7]) }
                // The loop waits until the server has accepted ten heartbeats of each member.
                let keys = peers.map(\.key.publicKey)
                while try await mesh.server.standings(of: keys).contains(where: { ($0?.received ?? 0) < 10 }) {
                    await Task.yield()
                }
                #expect(try await mesh.server.members().count == 8)
                // On a busy host, repeated HELLOs and CONFIRMs may be refused, and so may datagrams that a member sent
                // before it joined again. No datagram may be refused because it reached the wrong event loop.
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
                key: SigningKey(), name: PeerName("m\(number)"), server: address, serverKey: key.publicKey,
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
        // When the server has ended, its address is free again.
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
        let sender = try SocketDescriptor.stranger()
        var received = stream.makeAsyncIterator()
        func heartbeat(_ session: UInt64) -> [UInt8] {
            let start: [UInt8] = [1, Kind.heartbeat.rawValue, 0, 134]
            return start + [UInt8](bigEndian: 9) + [UInt8](bigEndian: session) + [UInt8](repeating: 7, count: 114)
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

    @Test("an event loop that is slower than the registry's keeps a bounded number of datagrams to send")
    func slowLane() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let lane = ServerLane(eventLoop: loop, queueLimit: 3, now: { .start }, deliver: { _ in })
        @Sendable func hand(_ count: Int) {
            let transmit = Transmit(path: Fixture.path, bytes: [1], lane: 1)
            lane.hand(ServerLane.Orders(transmits: Array(repeating: transmit, count: count)))
        }
        // The lane carries out its orders on this event loop. While the closure runs there, no orders are carried out.
        let dropped = try await loop.submit {
            for _ in 0..<4 { hand(2) }
            return lane.losses[.sendQueueFull]
        }.get()
        #expect(dropped == 5)
        let later = try await loop.submit {
            hand(3)
            return lane.losses[.sendQueueFull]
        }.get()
        #expect(later == dropped)
    }

    @Test("an event loop accepts a bounded number of datagrams that the registry has not taken")
    func slowRegistry() async throws {
        var (registry, peer) = try Self.joined(loops: 64)
        let session = try #require(peer.session)
        let loop = Int(LaneDivision(loops: 64).loop(of: session))
        try #require(loop > 0)
        var machine = registry.makeLane()
        let updates = registry.takeLaneUpdates()
        machine.apply(try #require(updates)[loop - 1])
        let heartbeats = try (0..<5).map { _ in
            let heartbeat = peer.heartbeat(version: peer.version)
            return try #require(heartbeat).bytes
        }
        let inbox = ResultInbox()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let lane = ServerLane(
            eventLoop: eventLoop, queueLimit: 2, now: { .start },
            deliver: { result in inbox.results.withLock { $0.append(result) } })
        @Sendable func read(_ heartbeats: ArraySlice<[UInt8]>) -> (accepted: Int, dropped: UInt64) {
            for heartbeat in heartbeats {
                lane.receive(heartbeat.span, Fixture.path)
                lane.reportBurst()
            }
            let accepted = inbox.results.withLock { $0.reduce(0) { $0 + $1.report.accepted.count } }
            return (accepted, lane.losses[.receiveBufferFull])
        }
        let full = try await eventLoop.submit { [machine] in
            lane.start(machine)
            return read(heartbeats.prefix(4))
        }.get()
        #expect(full == (2, 2))
        let later = try await eventLoop.submit {
            if let first = inbox.results.withLock({ $0.first }) { lane.noteTaken(first) }
            return read(heartbeats.suffix(1))
        }.get()
        #expect(later == (3, 2))
    }

    /// Collects the results of a lane. It replaces a registry that takes results slowly.
    private final class ResultInbox: Sendable {
        let results = Mutex<[ServerLane.Result]>([])
    }

    /// Returns a registry with lanes, and a scripted peer that is a member.
    private static func joined(loops: UInt8) throws -> (Registry, ScriptedPeer) {
        var configuration = Registry.Configuration(
            key: Fixture.serverKey, bound: [Fixture.address(254)], roster: .open)
        configuration.division = LaneDivision(loops: loops)
        var registry = Registry(configuration, random: .seeded(1), now: .start)
        var peer = ScriptedPeer(key: Fixture.key(101), name: try Fixture.name("m1"), context: Fixture.context)
        func answers(to bytes: [UInt8]) -> [Transmit] {
            registry.handle(bytes.span, path: Fixture.path, now: .start)
            var sent: [Transmit] = []
            while let output = registry.pollOutput() {
                if case .transmit(let transmit) = output { sent.append(transmit) }
            }
            return sent
        }
        let hello = peer.hello(from: Fixture.path.remote, ephemeral: Fixture.secret(1))
        try peer.open(welcome: try #require(answers(to: hello).last).bytes)
        for transmit in answers(to: try #require(peer.confirm).bytes) { peer.hear(transmit.bytes) }
        return (registry, peer)
    }
}
