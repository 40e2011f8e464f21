internal import SecureMesh
internal import SelfTest

extension LoopbackMesh {
    /// Creates a peer that is not running.
    func peer(
        _ name: String = "A", key: SigningKey = SigningKey(),
        _ configure: (inout MeshPeer.Configuration) -> Void = { _ in }
    ) throws -> MeshPeer {
        var configuration = MeshPeer.Configuration(
            key: key, name: try PeerName(name), server: address, serverKeys: [serverKey.publicKey])
        configure(&configuration)
        return try MeshPeer(configuration, logger: Self.quiet)
    }

    /// Runs a server and the peers "A" and "B", and calls `body` once each peer has seen the other.
    static func runTwoPeers(
        configure: (inout MeshServer.Configuration) -> Void = { _ in },
        a configureA: @escaping @Sendable (inout MeshPeer.Configuration) -> Void = { _ in },
        b configureB: @escaping @Sendable (inout MeshPeer.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (LoopbackMesh, RunningPeer, RunningPeer) async throws -> Void
    ) async throws {
        try await run(configure: configure) { mesh in
            try await mesh.withPeer("A", configureA) { a in
                try await mesh.withPeer("B", configureB) { b in
                    await a.events.sees("B")
                    await b.events.sees("A")
                    try await body(mesh, a, b)
                }
            }
        }
    }
}
