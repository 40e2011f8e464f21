internal import NIOCore
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

@Suite("The calls of a peer", .timeLimit(.minutes(10)))
struct MeshPeerTests {
    private static func unstarted() throws -> MeshPeer {
        try MeshPeer(
            key: SigningKey(), name: PeerName("A"), server: SocketAddress("127.0.0.1:9"),
            serverKey: SigningKey().publicKey, logger: LoopbackMesh.quiet)
    }

    /// Waits until the sequence gives a set of `count` members, and returns their names.
    private static func names(in sets: MeshMembership, count: Int) async -> [String] {
        for await members in sets where members.count == count {
            return members.map(\.name.description).sorted()
        }
        return []
    }

    @Test("a call before run() ends when its task is cancelled")
    func cancelled() async throws {
        let peer = try Self.unstarted()
        let server = try MeshServer(
            key: SigningKey(), roster: .open, listen: SocketAddress("127.0.0.1:0"), logger: LoopbackMesh.quiet)
        let calls: [@Sendable () async throws -> Void] = [
            { try await peer.joined() },
            { _ = try await peer.members() },
            { _ = try await peer.boundAddress },
            { _ = try await server.members() },
            { _ = try await server.boundAddresses },
            { try await server.setRoster(.open) },
        ]
        for call in calls {
            let task = Task { try await call() }
            task.cancel()
            await #expect(throws: MeshError.cancelled) { try await task.value }
        }
        let sending = Task { try await peer.broadcast("x") }
        sending.cancel()
        await #expect(throws: SendError.cancelled) { try await sending.value }
        let leaving = Task { await peer.leave() }
        leaving.cancel()
        await leaving.value
        let following = Task { for await _ in peer.membership {} }
        following.cancel()
        await following.value
    }

    @Test("the sequences of a peer or a server that nobody can run any more end")
    func released() async throws {
        func sequences() throws -> (MeshEvents<PeerEvent>, MeshMembership, MeshEvents<ServerEvent>) {
            let peer = try Self.unstarted()
            let server = try MeshServer(
                key: SigningKey(), roster: .open, listen: SocketAddress("127.0.0.1:0"), logger: LoopbackMesh.quiet)
            return (peer.events, peer.membership, server.events)
        }
        let (peerEvents, membership, serverEvents) = try sequences()
        for await _ in peerEvents {}
        for await _ in membership {}
        for await _ in serverEvents {}
    }

    @Test("calls that are made before run() are answered once it runs, and fail after it")
    func waiting() async throws {
        try await LoopbackMesh.run { mesh in
            let peer = try mesh.peer()
            async let bound = peer.boundAddress
            async let joined: Void = peer.joined()
            async let running: Void = peer.run()
            #expect(try await bound.port != 0)
            try await joined
            // A second call returns at once, because the peer may already send messages.
            try await peer.joined()
            try await peer.broadcast("nobody else is here")
            await peer.leave()
            try await running
            await #expect(throws: MeshError.notRunning) { try await peer.joined() }
            await #expect(throws: MeshError.notRunning) { try await peer.members() }
            await #expect(throws: SendError.notRunning) { try await peer.broadcast("x") }
            await #expect(throws: MeshError.alreadyRan) { try await peer.run() }
            await peer.leave()
        }
    }

    @Test("a peer whose port another process has taken moves, and its bound address is the new one")
    func moved() async throws {
        try await LoopbackMesh.run { mesh in
            let peer = try mesh.peer()
            async let running: Void = peer.run()
            try await peer.joined()
            let before = try await peer.boundAddress
            let driver = try await peer.lifecycle.started().driver
            // A second descriptor keeps the port occupied, as another process could do.
            let other = try await driver.eventLoop.submit {
                let bound = try #require(driver.sockets.first?.bound.first)
                let other = try #require(bound.descriptor).duplicate()
                bound.channel?.close(promise: nil)
                return other
            }.get()
            while try await peer.boundAddress == before { try Task.checkCancellation() }
            close(other)
            #expect(try await peer.boundAddress.port != 0)
            await peer.leave()
            try await running
        }
    }

    @Test("a peer leaves a server on the same host without pauses")
    func leave() async throws {
        let clock = ContinuousClock()
        try await LoopbackMesh.run { mesh in
            let pauses = Limits.leaveGap * (Limits.leaveRepeats - 1)
            var fastest = Duration.seconds(1)
            // On a busy host, most departures may take longer. So only the fastest one is checked.
            for number in 0..<100 where fastest >= pauses {
                let peer = try mesh.peer("A\(number)")
                let events = peer.events
                async let running: Void = peer.run()
                try await peer.joined()
                let start = clock.now
                await peer.leave()
                try await running
                fastest = min(fastest, clock.now - start)
                var last: PeerEvent?
                for await event in events { last = event }
                #expect(last == .left)
                while try await !mesh.server.members().isEmpty { try Task.checkCancellation() }
            }
            #expect(fastest < pauses)
        }
    }

    @Test("a key that is not listed ends the peer with notAuthorized; joined() throws it before the end and after it")
    func notAuthorized() async throws {
        try await LoopbackMesh.run(roster: Roster(authorized: [:])) { mesh in
            await #expect(throws: MeshError.notAuthorized) { try await mesh.peer().run() }
            let peer = try mesh.peer("B")
            let joined = Task { try await peer.joined() }
            await #expect(throws: MeshError.notAuthorized) { try await peer.run() }
            await #expect(throws: MeshError.notAuthorized) { try await joined.value }
            await #expect(throws: MeshError.notAuthorized) { try await peer.joined() }
        }
    }

    @Test("members are found by name; bytes and texts go to a member, a name and a key")
    func sending() async throws {
        try await LoopbackMesh.runTwoPeers { mesh, a, b in
            let member = try #require(try await a.peer.member(named: PeerName("B")))
            #expect(member.publicKey == b.key.publicKey)
            #expect(try await a.peer.member(named: PeerName("C")) == nil)
            #expect(try await mesh.server.member(named: PeerName("B")) == member)
            let slice = [0, 1, 2, 3][1..<3].map { UInt8($0) }[...]
            try await a.peer.send(slice, to: member)
            try await a.peer.send([3], to: member.name)
            try await a.peer.send([4].lazy.map { $0 + 1 }, to: member.publicKey)
            try await a.peer.send("text", to: member)
            try await a.peer.send("text", to: member.name)
            try await a.peer.send("text", to: member.publicKey)
            #expect(try await a.peer.broadcast("to all") == 1)
            var bodies: [[UInt8]] = []
            for _ in 0..<7 { bodies.append(try #require(await b.events.message()).body) }
            let text = Array("text".utf8)
            #expect(bodies == [[1, 2], [3], [5], text, text, text, Array("to all".utf8)])
        }
    }

    @Test("a call that waits for delivery returns when the receiver's peer has the message")
    func waitingForDelivery() async throws {
        try await LoopbackMesh.runTwoPeers { _, a, b in
            try await a.peer.send([1], to: b.key.publicKey, waitingForDelivery: .seconds(60))
            try await a.peer.send([2], to: PeerName("B"), waitingForDelivery: .seconds(60))
            let delivery = try await a.peer.broadcast([3], waitingForDelivery: .seconds(60))
            #expect(delivery.acknowledgedBy.map(\.name.description) == ["B"] && delivery.missing.isEmpty)
            for number in 1...UInt8(3) { #expect(await b.events.message()?.body == [number]) }
            let absent = SigningKey().publicKey
            await #expect(throws: DeliveryError.notSent(.unknownMember)) {
                try await a.peer.send([4], to: absent, waitingForDelivery: .seconds(60))
            }
            let waiting = Task { try await a.peer.send([5], to: b.key.publicKey, waitingForDelivery: .zero) }
            await #expect(throws: DeliveryError.notAcknowledged) { try await waiting.value }
        }
    }

    @Test("a canceled wait for delivery left its message in the queue")
    func canceledWait() async throws {
        try await LoopbackMesh.runTwoPeers { _, a, b in
            let waiting = Task {
                while !Task.isCancelled { await Task.yield() }
                try await a.peer.send([1], to: b.key.publicKey, waitingForDelivery: .seconds(60))
            }
            waiting.cancel()
            await #expect(throws: DeliveryError.interrupted) { try await waiting.value }
            #expect(await b.events.message()?.body == [1])
            let driver = try await a.peer.lifecycle.started().driver
            let kept = try await driver.submit { (peer, _) throws(Never) in
                peer.usages.filter { $0.name.contains("unacknowledged") || $0.name.contains("deliveries") }
            }.get()
            #expect(kept.count >= 3 && kept.allSatisfy { $0.count == 0 }, "\(kept)")
        }
    }

    @Test("joined() waited for a server that had stopped, although the peer could send messages")
    func joinedWithoutServer() async throws {
        try await LoopbackMesh.runTwoPeers { mesh, a, b in
            let driver = try await mesh.server.lifecycle.started().driver
            _ = try await driver.submit { (registry, now) throws(Never) in registry.stop(now: now) }
            for peer in [a, b] { _ = await peer.events.next { $0 == .dismissed(.stopping) } }
            try await a.peer.joined()
            try await a.peer.send([1], to: b.key.publicKey, waitingForDelivery: .seconds(60))
        }
    }

    @Test("a peer that leaves counted as one that may send, although every message was refused")
    func maySendWhileLeaving() async throws {
        try await LoopbackMesh.run { mesh in
            let peer = try mesh.peer()
            async let running: Void = peer.run()
            try await peer.joined()
            let driver = try await peer.lifecycle.started().driver
            let (maySpeak, maySend) = try await driver.submit { (peer, now) throws(Never) in
                peer.leave(now: now)
                return (peer.maySpeak(now), peer.maySend(now))
            }.get()
            #expect(maySpeak && !maySend)
            try await running
        }
    }

    @Test("a call between the end of a peer and the end of run() threw notRunning in place of the error")
    func closing() async throws {
        try await LoopbackMesh.run { mesh in
            let peer = try mesh.peer()
            let running = Task { try await peer.run() }
            let driver = try await peer.lifecycle.started().driver
            driver.close(.notAuthorized)
            await #expect(throws: MeshError.notAuthorized) { try await driver.value { _, _ in Bool?.none } }
            await #expect(throws: MeshError.notAuthorized) { try await running.value }
        }
    }

    @Test("a peer that sends faster than receivers accept is refused, and no message is lost")
    func overRate() async throws {
        // On a busy host, B may receive many messages at once. So B accepts larger bursts than A may send.
        let (rate, accepted) = (MessageRate(perSecond: 10, burst: 4), MessageRate(perSecond: 10, burst: 64))
        try await LoopbackMesh.runTwoPeers(a: { $0.messageRate = rate }, b: { $0.messageRate = accepted }) { _, a, b in
            var pauses = 0
            // A busy host may be too slow to exceed the rate with 30 messages. Then more messages are sent.
            var sent: UInt8 = 0
            while sent < 30 || pauses == 0, sent < 250 {
                // A refused message is sent again until it is accepted.
                while true {
                    do throws(SendError) {
                        try await a.peer.send([sent], to: b.key.publicKey)
                        sent += 1
                        break
                    } catch {
                        guard case .overRate(let pause) = error else { throw error }
                        #expect(pause > .zero && pause <= .seconds(1) / rate.perSecond)
                        pauses += 1
                        try Task.checkCancellation()
                    }
                }
            }
            #expect(pauses > 0)
            for number in 0..<sent { #expect(await b.events.message()?.body == [number]) }
            #expect(try await b.peer.rejections()[.senderOverRate] == 0)
        }
    }

    @Test("every consumer of sets of members gets the newest one: those that wait, and those that come late")
    func membership() async throws {
        try await LoopbackMesh.run { mesh in
            try await mesh.withPeer("A") { a in
                let early = Task { await Self.names(in: a.peer.membership, count: 2) }
                try await mesh.withPeer("B") { _ in
                    try await mesh.withPeer("C") { _ in
                        #expect(await early.value == ["B", "C"])
                        #expect(await Self.names(in: a.peer.membership, count: 2) == ["B", "C"])
                        let members = try await a.peer.members()
                        #expect(members.count == 2)
                    }
                }
                #expect(await Self.names(in: a.peer.membership, count: 0) == [])
            }
        }
    }

    @Test("a member that joins again under another name is an event with both names")
    func renamed() async throws {
        try await LoopbackMesh.run { mesh in
            let key = SigningKey()
            try await mesh.withPeer("A") { a in
                try await mesh.withPeer("old", key: key) { _ in
                    await a.events.sees("old")
                    try await mesh.withPeer("new", key: key) { _ in
                        let event = await a.events.next { if case .memberRejoined = $0 { true } else { false } }
                        guard case .memberRejoined(let member, let previous)? = event else {
                            Issue.record("\(String(describing: event))")
                            return
                        }
                        #expect(member.name.description == "new" && member.publicKey == key.publicKey)
                        #expect(previous?.description == "old")
                    }
                }
            }
        }
    }
}
