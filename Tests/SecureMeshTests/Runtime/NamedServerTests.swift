internal import NIOConcurrencyHelpers
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

@Suite("A server with a name", .timeLimit(.minutes(10)))
struct NamedServerTests {
    @Test("a peer joins the server of a name whose first address is dead, and leaves it there")
    func secondAddress() async throws {
        try await LoopbackMesh.run { mesh in
            let names = Names([.success([.v6(0, 1), .v4(0x7F00_0001)])])
            try await mesh.withPeer("A", { $0.name(mesh, names) }) { a in
                let located = await a.events.next { if case .serverLocated = $0 { true } else { false } }
                let port = mesh.address.port
                #expect(located == .serverLocated([SocketAddress(ip: .v6(0, 1), port: port), mesh.address]))
                await a.events.joined()
                let members = try await mesh.server.members()
                #expect(members.count == 1)
                await a.peer.leave()
                var departures = mesh.server.events.makeAsyncIterator()
                while let event = await departures.next() {
                    guard case .left(_, let departure) = event else { continue }
                    #expect(departure == .left)
                    break
                }
            }
        }
    }

    @Test("a peer whose name service does not answer yet says so once, and joins when it does")
    func noNameServiceYet() async throws {
        try await LoopbackMesh.run { mesh in
            let failure = Names.Answer.failure(.unavailable(reason: "not yet"))
            let names = Names([failure, failure, .success([.v4(0x7F00_0001)])])
            try await mesh.withPeer("A", { $0.name(mesh, names) }) { a in
                let first = await a.events.next { _ in true }
                #expect(first == .lookupFailed(reason: "not yet"))
                let second = await a.events.next { _ in true }
                #expect(second == .serverLocated([mesh.address]))
                await a.events.joined()
                #expect(names.count == 3)
            }
        }
    }

    @Test("a peer finds a server that has moved within 10 s of the change of the name")
    func movedServer() async throws {
        let key = SigningKey()
        let names = Names([.success([.v4(0x7F00_0001)])])
        let old = try MeshServer(
            .init(key: key, roster: .open, listen: [try SocketAddress("127.0.0.1:0")]), logger: LoopbackMesh.quiet)
        let running = Task { try await old.run() }
        let port = try #require(try await old.boundAddresses.first).port
        var configuration = MeshPeer.Configuration(
            key: SigningKey(), name: try PeerName("A"), server: try ServerAddress("mesh.test:\(port)"),
            serverKeys: [key.publicKey])
        configuration.resolver = names
        let peer = try MeshPeer(configuration, logger: LoopbackMesh.quiet)
        let events = EventLog(peer.events)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await peer.run() }
            await events.joined()
            running.cancel()
            _ = await events.next { $0 == .dismissed(.stopping) }
            // The name gets a new address only after a HELLO to the old address was not answered.
            _ = await events.next { if case .unanswered = $0 { true } else { false } }
            let new = try MeshServer(
                .init(key: key, roster: .open, listen: [SocketAddress(ip: .v4(0x7F00_0002), port: port)]),
                logger: LoopbackMesh.quiet)
            tasks.addTask { try await new.run() }
            _ = try await new.boundAddresses
            let start = ContinuousClock.now
            names.set(.success([.v4(0x7F00_0002)]))
            await events.joined()
            #expect(ContinuousClock.now - start < .seconds(10))
            tasks.cancelAll()
        }
    }

    @Test("a name that does not exist ends the peer, unless it has been found before")
    func unknownHost() async throws {
        try await LoopbackMesh.run { mesh in
            let unknown = Names([.failure(.unavailable(reason: "not yet")), .failure(.unknownHost)])
            let peer = try mesh.peer { $0.name(mesh, unknown) }
            await #expect(throws: MeshError.unknownHost("mesh.test")) { try await peer.run() }

            // Nothing answers at this address, so the peer keeps trying.
            let names = Names([.success([.v4(0x7F00_0002)]), .failure(.unknownHost)])
            try await mesh.withPeer("A", { $0.name(mesh, names) }) { a in
                let failed = await a.events.next { if case .lookupFailed = $0 { true } else { false } }
                #expect(failed == .lookupFailed(reason: "there is no host of this name"))
                names.set(.success([.v4(0x7F00_0001)]))
                await a.events.joined()
            }
        }
    }

    @Test("addresses that the peer's socket cannot reach are not asked, and the event says why")
    func otherFamily() async throws {
        try await LoopbackMesh.run { mesh in
            let names = Names([.success([.v6(0, 1)])])
            try await mesh.withPeer(
                "A",
                {
                    $0.name(mesh, names)
                    $0.bind = SocketAddress(ip: .v4(0x7F00_0001), port: 0)
                }
            ) { a in
                guard case .lookupFailed(let reason)? = await a.events.next({ _ in true }) else {
                    Issue.record("no failure")
                    return
                }
                #expect(reason.contains("cannot reach [::1]:\(mesh.address.port)"))
            }
        }
    }

    @Test("a peer whose lookup hangs leaves at once")
    func hanging() async throws {
        try await LoopbackMesh.run { mesh in
            let names = Names([])
            try await mesh.withPeer("A", { $0.name(mesh, names) }) { a in
                await names.asked()
                await a.peer.leave()
                #expect(await a.events.next { _ in true } == .left)
            }
        }
    }
}

extension MeshPeer.Configuration {
    /// Sets the server to the name `mesh.test` with the port of `mesh`. `names` resolves that name.
    fileprivate mutating func name(_ mesh: LoopbackMesh, _ names: Names) {
        if let named = try? ServerAddress("mesh.test:\(mesh.address.port)") { server = named }
        resolver = names
    }
}

/// A name service that gives the answers of a list in turn, and repeats the last one without end. If the list is empty,
/// it never answers.
private final class Names: HostResolver {
    typealias Answer = Result<[SocketAddress.IP], HostLookupError>

    private let state: NIOLockedValueBox<(answers: [Answer], count: Int)>
    private let first = OneShot<Void>()

    init(_ answers: [Answer]) {
        state = NIOLockedValueBox((answers, 0))
    }

    var count: Int { state.withLockedValue { $0.count } }

    func set(_ answer: Answer) {
        state.withLockedValue { $0.answers = [answer] }
    }

    /// Waits until the first lookup begins.
    func asked() async { await first.value(ifCancelled: ()) }

    func addresses(of host: String) async -> Answer {
        let answer = state.withLockedValue { state in
            defer {
                state.count += 1
                if state.answers.count > 1 { state.answers.removeFirst() }
            }
            return state.answers.first
        }
        first.give(())
        if let answer { return answer }
        return await OneShot<Answer>().value(ifCancelled: .failure(.unknownHost))
    }
}
