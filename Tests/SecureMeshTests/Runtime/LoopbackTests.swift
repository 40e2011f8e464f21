internal import NIOCore
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

@Suite("A mesh on real sockets", .timeLimit(.minutes(10)))
struct LoopbackTests {
    @Test("two peers join, see each other, exchange a broadcast and a direct message, and leave")
    func exchange() async throws {
        _ = try await LoopbackCheck.run()
    }

    @Test("a message goes to the holder of a name, and to nobody where there is none")
    func byName() async throws {
        try await LoopbackMesh.runTwoPeers { _, a, b in
            try await b.peer.send(Array("by name".utf8), to: try PeerName("A"))
            #expect(await a.events.message()?.body == Array("by name".utf8))
            let absent = try PeerName("C")
            await #expect(throws: SendError.unknownMember) { try await b.peer.send([1], to: absent) }
            #expect(try await b.peer.boundAddress.port != 0)
            #expect(try await b.peer.rejections()[.sealBroken] == 0)
        }
    }

    @Test("a message of 60,000 bytes arrives whole where its sender chose to allow it, and is refused where not")
    func largeMessage() async throws {
        let body = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 / 251) }
        try await LoopbackMesh.runTwoPeers(a: { $0.maximumMessageSize = 65_000 }) { _, a, b in
            try await a.peer.send(body, to: b.key.publicKey)
            #expect(await b.events.message()?.body == body)
            await #expect(throws: SendError.tooLarge(limit: 1_083)) { try await b.peer.broadcast(body) }
        }
    }

    @Test("a peer with a small receive buffer gets each message that fits, and goes on after one that does not")
    func smallReceiveBuffer() async throws {
        try await LoopbackMesh.runTwoPeers(
            a: { $0.maximumMessageSize = 65_000 }, b: { $0.receiveBuffer = 4_096 }
        ) { _, a, b in
            for size in [3_948, 3_947] {
                try await a.peer.send([UInt8](repeating: 1, count: size), to: b.key.publicKey)
            }
            #expect(await b.events.message()?.body.count == 3_947)
            #expect(try await b.peer.rejections()[.lengthMismatch] == 1)
        }
    }

    @Test("a program that reads nothing keeps 16 MiB of messages at most, stays a member, and ends within 2 s")
    func unreadMessages() async throws {
        let body = [UInt8](repeating: 7, count: 65_000)
        let count = Limits.eventBytes / body.count + 40
        var rate = MessageRate(perSecond: 10_000, burst: 10_000)
        (rate.bytesPerSecond, rate.byteBurst) = (60_000_000, 60_000_000)
        (rate.totalBytesPerSecond, rate.totalByteBurst) = (240_000_000, 240_000_000)
        let settings = { @Sendable [rate] (configuration: inout MeshPeer.Configuration) in
            (configuration.maximumMessageSize, configuration.messageRate) = (body.count, rate)
        }
        try await LoopbackMesh.run { mesh in
            try await mesh.withPeer("A", settings) { a in
                try await a.peer.joined()
                let key = SigningKey()
                let reader = try mesh.peer("B", key: key, settings)
                let unread = reader.events
                let running = Task { try await reader.run() }
                try await reader.joined()
                await a.events.sees("B")
                // Each call waits for an ACK, so it returns only after the message has arrived.
                for _ in 0..<count {
                    try await a.peer.send(body, to: key.publicKey, waitingForDelivery: .seconds(30))
                }
                #expect(try await mesh.server.members().count == 2)
                let begun = ContinuousClock.now
                running.cancel()
                try await running.value
                #expect(ContinuousClock.now - begun < .seconds(2))
                var (kept, missed) = (0, 0)
                for await event in unread {
                    switch event {
                    case .message(let message): kept += message.body.count
                    case .missed(let count): missed += count
                    default: break
                    }
                }
                #expect(kept <= Limits.eventBytes && kept > Limits.eventBytes - body.count)
                #expect(missed == count - kept / body.count)
            }
        }
    }

    @Test("a peer on IPv6 and one on IPv4 are members of one mesh and talk")
    func bothFamilies() async throws {
        try await LoopbackMesh.run(listen: ["127.0.0.1:0", "[::1]:0"]) { mesh in
            let addresses = try await mesh.server.boundAddresses
            try await mesh.withPeer("four", server: addresses[0]) { four in
                try await mesh.withPeer("six", server: addresses[1]) { six in
                    await four.events.sees("six")
                    await six.events.sees("four")
                    try await four.peer.broadcast([4])
                    #expect(await six.events.message()?.body == [4])
                    try await six.peer.broadcast([6])
                    #expect(await four.events.message()?.body == [6])
                }
            }
        }
    }

    @Test("a new roster revokes a member, and the member gets the reason")
    func revocation() async throws {
        let key = SigningKey()
        let name = try PeerName("A")
        try await LoopbackMesh.run(roster: Roster(authorized: [key.publicKey: name])) { mesh in
            await #expect(throws: MeshError.notAuthorized) {
                try await mesh.withPeer("A", key: key) { a in
                    await a.events.joined()
                    try await mesh.server.setRoster(Roster(authorized: [:]))
                    let end = await a.events.next { if case .dismissed = $0 { true } else { false } }
                    #expect(end == .dismissed(.revoked))
                    // The peer's `run()` throws, and the task group that called it throws the same error.
                    _ = await a.events.next { _ in false }
                    throw MeshError.notAuthorized
                }
            }
            let members = try await mesh.server.members()
            #expect(members.isEmpty)
        }
    }

    @Test("garbage of every size to 1,400 bytes at the server harms nobody")
    func garbage() async throws {
        try await LoopbackMesh.run { mesh in
            try await mesh.withPeer("A") { a in
                await a.events.joined()
                var random = RandomSource.seeded(0x5EED)
                let socket = try SocketDescriptor.stranger()
                for size in 0...1_400 {
                    let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    #expect(socket.sends(bytes, to: mesh.address))
                }
                try await mesh.withPeer("B") { _ in await a.events.sees("B") }
                let (refused, lost) = (try await mesh.server.rejections(), try await mesh.server.losses())
                #expect(refused.total + lost.total > 0)
            }
        }
    }

    @Test("a flooded server reports the datagrams of strangers for which its queue has no room")
    func flooded() async throws {
        try await LoopbackMesh.run { mesh in
            let driver = try await mesh.server.runningDriver()
            let path = Path(remote: Fixture.address(9))
            try await driver.eventLoop.submit {
                for _ in 0..<Limits.strangerQueue + 10 { driver.receive([0].span, path) }
            }.get()
            let losses = try await mesh.server.losses()
            #expect(losses[.strangersDropped] == 10, "\(losses.nonZero)")
        }
    }

    @Test("a port in use is an error that names the address, and leaves nothing running")
    func portInUse() async throws {
        try await LoopbackMesh.run { mesh in
            let second = try MeshServer(
                .init(key: SigningKey(), roster: .open, listen: [mesh.address]), logger: LoopbackMesh.quiet)
            await #expect(throws: MeshError.addressInUse(mesh.address)) { try await second.run() }
            await #expect(throws: MeshError.notRunning) { try await second.members() }
            await #expect(throws: MeshError.alreadyRan) { try await second.run() }
        }
    }
}
