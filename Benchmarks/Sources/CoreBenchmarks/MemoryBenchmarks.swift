internal import CMallocCounter
internal import SecureMeshCore

/// The heap memory of a server and of a peer in a large mesh, in bytes.
struct MemoryBenchmarks {
    /// The memory that each additional member takes, and the limit of this memory, in bytes.
    struct Result {
        let name: String
        let bytes: Int
        let limit: Int
    }

    let results: [Result]

    /// Measures the memory in a mesh that `count` members have joined.
    init(members count: Int) {
        let large = Self.held(members: count)
        let small = Self.held(members: 1)
        results = [
            Result(
                name: "a server of \(count) members, per member", bytes: (large.server - small.server) / count,
                limit: 2_048),
            Result(
                name: "a peer in a mesh of \(count) members, per member", bytes: (large.peer - small.peer) / count,
                limit: 1_024),
        ]
    }

    /// Returns the heap memory of a server and of a peer in a mesh of `count` members, in bytes. The memory of a server
    /// without members, and that of a peer that has not joined, is not included.
    private static func held(members count: Int) -> (server: Int, peer: Int) {
        // Most members are not active, which makes no difference to the server.
        var mesh = BenchmarkMesh(members: count, batch: Delta.mostAdditions, active: 40, lifetime: .seconds(36_000))
        precondition(mesh.registry.memberCount >= count && mesh.peer.memberCount >= count, "not all have joined")
        let empty = mesh.makeMachines()
        let full = malloc_live()
        mesh.registry = empty.registry
        let withoutServer = malloc_live()
        mesh.peer = empty.peer
        return (full - withoutServer, withoutServer - malloc_live())
    }
}
