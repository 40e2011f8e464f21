internal import SelfTest
internal import Testing

@testable internal import SecureMesh

/// Tests attacks on a mesh by a sender that has a socket, but no key.
@Suite("Strangers", .timeLimit(.minutes(10)))
struct StrangerTests {
    private let stranger = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)

    @Test("after an empty datagram the next peer joins")
    func emptyDatagram() async throws {
        try await LoopbackMesh.run { mesh in
            try await mesh.withPeer("A") { a in
                await a.events.joined()
                #expect(try SocketDescriptor.stranger().sends([], to: mesh.address))
                try await mesh.withPeer("B") { b in
                    await a.events.sees("B")
                    await b.events.sees("A")
                    try await a.peer.broadcast([1])
                    #expect(await b.events.message()?.body == [1])
                }
            }
        }
    }

    @Test("200 garbage datagrams per second for 8 s cost no peer its membership")
    func garbage() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(20)
        var random = RandomPayloads(seed: 8)
        for index in 0..<1_600 {
            let bytes = random.bytes(Int(random.below(200)))
            mesh.inject(bytes, from: stranger, after: .milliseconds(5) * index)
        }
        mesh.run(for: .seconds(8))
        #expect(mesh.registry?.rejections.total == 1_600)
        #expect(mesh.hasConverged && mesh.members.count == 20)
        #expect(peers.allSatisfy { $0.joins == 1 && !$0.has(.connectionLost) })
    }

    @Test("6 bytes get no answer, and a HELLO that cannot be opened at most one, smaller than itself")
    func amplification() throws {
        let mesh = TestMesh()
        _ = try mesh.join(20)
        var random = RandomPayloads(seed: 6)
        let before = mesh.flights.count
        for _ in 0..<500 { mesh.inject(random.bytes(6), from: stranger) }
        mesh.run(for: .zero)
        #expect(mesh.flights.count == before)
        for _ in 0..<2_000 { mesh.inject(mesh.garbageHello(), from: stranger) }
        mesh.run(for: .zero)
        let answers = mesh.flights[before...]
        #expect(!answers.isEmpty && answers.count <= 2_000)
        #expect(answers.allSatisfy { $0.destination == stranger && $0.bytes.count < Kind.hello.minimumSize })
    }

    @Test("a peer that the roster does not list is sent nothing but REJECT")
    func fakePeer() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(3)
        let names = Dictionary(uniqueKeysWithValues: peers.map { ($0.publicKey, $0.name) })
        mesh.setRoster(Roster(authorized: names))
        let fake = try ScriptedMember("fake", at: stranger, in: mesh)
        #expect(try fake.askForReject().reason == .notAuthorized)
        try mesh.broadcast("among us", from: peers[0])
        mesh.run(for: .seconds(2))
        #expect(mesh.members.count == 3)
        #expect(mesh.flights.filter { $0.destination == stranger }.map(\.kind) == [.reject])
    }

    @Test("replayed heartbeats keep a dead peer listed no longer than its lifetime")
    func deadPeer() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(2)
        mesh.run(for: .seconds(5))
        mesh.kill(peers[1])
        let heard = mesh.sent(.heartbeat, from: peers[1].address)
        for step in 0..<40 {
            for flight in heard { mesh.inject(flight.bytes, from: flight.source, after: .milliseconds(50) * step) }
        }
        mesh.run(
            for: ProtocolConstants.lifetime + ProtocolConstants.sweepInterval + ProtocolConstants.heartbeatInterval)
        #expect(mesh.departures(of: peers[1]) == [.expired])
        #expect(peers[0].machine.members.isEmpty)
    }

    @Test("a second identity with a member's name or address is refused")
    func duplicateBirths() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(10)
        let version = mesh.registry?.version
        let squatter = try ScriptedMember("peer-0", at: stranger, in: mesh)
        #expect(try squatter.askForReject().reason == .nameTaken)
        let twin = try ScriptedMember("twin", at: peers[1].address, in: mesh)
        #expect(try twin.askForReject().reason == .addressTaken)
        mesh.run(for: .seconds(2))
        #expect(mesh.registry?.version == version)
        #expect(mesh.hasConverged && peers.allSatisfy { $0.joins == 1 })
    }

    @Test("a stranger's directory and message are refused")
    func falseDirectory() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(2)
        let victim = try #require(peers.first)
        let session = try #require(victim.machine.session)
        let stolen = mesh.random.secret()
        // The headers claim that these datagrams come from the server and from the other peer. In truth, a stranger
        // signs and seals them.
        let forger = Signer(
            key: mesh.makeKey(), context: SigningContext(mesh: mesh.serverKey.publicKey), from: victim.machine.epoch)
        let directory = forger.sign(.snapshot, Snapshot(version: 99, part: 0, parts: 1, entries: [try .sample(7)]))
        mesh.inject(
            directory.sealed(to: session.rawValue, counter: 1_000, with: stolen), from: TestMesh.server,
            to: victim.address)
        let other = try #require(peers[1].machine.session)
        let words = Signer(key: forger.key, context: forger.context, from: other.rawValue)
            .sign(.message, PeerMessage(audience: nil, number: 1, body: Array("forged".utf8)))
        mesh.inject(
            words.sealed(to: session.rawValue, counter: 1, with: stolen), from: peers[1].address, to: victim.address)
        mesh.run(for: .zero)
        #expect(victim.machine.rejections[.sealBroken] == 2)
        #expect(victim.machine.members.map(\.publicKey) == [peers[1].publicKey])
        #expect(victim.messages.isEmpty)
    }
}
