internal import SelfTest
internal import Testing

@testable internal import SecureMesh

@Suite("Configurations", .timeLimit(.minutes(10)))
struct ConfigurationTests {
    private static let address = SocketAddress(ip: .v4(0x7F00_0001), port: 3000)

    @Test("a server refuses what cannot work, each with the reason")
    func server() throws {
        typealias Configuration = MeshServer.Configuration
        let cases: [(reason: String, spoil: (inout Configuration) -> Void)] = [
            ("no address", { $0.listen = [] }),
            (
                "between 1 and 255 addresses",
                { $0.listen = Array(repeating: SocketAddress(ip: .v4(0x7F00_0001), port: 0), count: 256) }
            ),
            ("heartbeat interval", { $0.heartbeatInterval = .milliseconds(19) }),
            ("heartbeat interval", { $0.heartbeatInterval = .seconds(21) }),
            ("lifetime", { $0.lifetime = .milliseconds(999) }),
            ("lifetime", { $0.lifetime = .seconds(66) }),
            ("number of peers", { $0.maximumPeers = 0 }),
            ("number of peers", { $0.maximumPeers = Limits.directoryEntries + 1 }),
        ]
        let good = Configuration(key: Fixture.serverKey, roster: .open, listen: [Self.address])
        _ = try MeshServer(good, logger: LoopbackMesh.quiet)
        for (reason, spoil) in cases {
            var bad = good
            spoil(&bad)
            Self.expect(reason) { () throws(MeshError) in _ = try MeshServer(bad, logger: LoopbackMesh.quiet) }
        }
    }

    @Test("a peer refuses what cannot work, each with the reason")
    func peer() throws {
        typealias Configuration = MeshPeer.Configuration
        let cases: [(reason: String, spoil: (inout Configuration) -> Void)] = [
            ("no server key", { $0.serverKeys = [] }),
            ("own", { $0.serverKeys.append(Fixture.peerKey.publicKey) }),
            ("127.0.0.1:0", { $0.server = ServerAddress(SocketAddress(ip: .v4(0x7F00_0001), port: 0)) }),
            ("1 to 8 addresses", { $0.server = ServerAddress(Array(repeating: Self.address, count: 9)) }),
            ("1 to 8 addresses", { $0.server = ServerAddress([]) }),
            ("at most", { $0.maximumMessageSize = PeerMessage.largestBody + 1 }),
            ("at most", { $0.maximumMessageSize = -1 }),
        ]
        let good = Configuration(
            key: Fixture.peerKey, name: try Fixture.name("a"), server: Self.address,
            serverKeys: [Fixture.serverKey.publicKey])
        _ = try MeshPeer(good, logger: LoopbackMesh.quiet)
        for (reason, spoil) in cases {
            var bad = good
            spoil(&bad)
            Self.expect(reason) { () throws(MeshError) in _ = try MeshPeer(bad, logger: LoopbackMesh.quiet) }
        }
    }

    @Test("an address that is not this host's cannot be bound, and the error says why")
    func foreignAddress() async throws {
        let foreign = Fixture.address(1)
        let server = try MeshServer(
            .init(key: Fixture.serverKey, roster: .open, listen: [foreign]), logger: LoopbackMesh.quiet)
        let error = await #expect(throws: MeshError.self) { try await server.run() }
        guard case .cannotBind(foreign, let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty && !reason.contains("): "))
    }

    @Test("an event is logged the first time, and not again at once")
    func rareLine() {
        var line = LogThrottle()
        #expect(line.happened() == 1)
        for _ in 0..<100 { #expect(line.happened() == nil) }
    }

    private static func expect(
        _ reason: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws(MeshError) -> Void
    ) {
        let error = thrownError(body)
        guard case .invalidConfiguration(let text)? = error else {
            Issue.record("\(reason): \(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
        #expect(text.contains(reason), sourceLocation: sourceLocation)
    }
}
