internal import Logging
internal import SecureMesh
internal import SelfTest
internal import ServiceLifecycle
internal import Testing

@Suite("A peer among the services of a group", .timeLimit(.minutes(10)))
struct ServiceGroupTests {
    /// A service that runs a closure. The closure can be a loop over the events of a peer.
    private struct Consumer: Service {
        let body: @Sendable () async -> Void

        func run() async throws { await body() }
    }

    /// Runs the services of a group, waits until the peer is a member, and then shuts the group down gracefully.
    /// Returns when the group has ended.
    private static func runToEnd(_ services: (MeshPeer) -> [any Service], in mesh: LoopbackMesh) async throws {
        let peer = try mesh.peer()
        let group = ServiceGroup(services: services(peer), logger: LoopbackMesh.quiet)
        let running = Task { try await group.run() }
        try await peer.joined()
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("a group with a consumer of events ends, and the peer has left")
    func events() async throws {
        try await LoopbackMesh.run { mesh in
            try await Self.runToEnd({ peer in [peer, Consumer { for await _ in peer.events {} }] }, in: mesh)
            while try await !mesh.server.members().isEmpty { try Task.checkCancellation() }
        }
    }

    @Test("a group with a consumer of sets of members ends")
    func membership() async throws {
        try await LoopbackMesh.run { mesh in
            try await Self.runToEnd({ peer in [peer, Consumer { for await _ in peer.membership {} }] }, in: mesh)
        }
    }

    @Test("a service that waits for the peer to join an absent server ends with its group")
    func joined() async throws {
        let nowhere = try SocketAddress("127.0.0.1:9")
        let peer = try MeshPeer(
            key: SigningKey(), name: PeerName("A"), server: nowhere, serverKey: SigningKey().publicKey,
            logger: LoopbackMesh.quiet)
        let consumer = Consumer {
            await #expect(throws: MeshError.cancelled) { try await peer.joined() }
        }
        let group = ServiceGroup(services: [peer, consumer], logger: LoopbackMesh.quiet)
        let running = Task { try await group.run() }
        _ = try await peer.boundAddress
        await group.triggerGracefulShutdown()
        try await running.value
    }
}
