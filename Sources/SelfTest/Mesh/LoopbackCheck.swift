internal import SecureMesh

/// Checks a server and two peers on sockets of 127.0.0.1: the peers join, send a broadcast and a direct message, and
/// leave.
package enum LoopbackCheck {
    package static func run(within limit: Duration = .seconds(30)) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { tasks in
            tasks.addTask { try await exchange() }
            tasks.addTask {
                try await ContinuousClock().sleep(for: limit)
                throw Fault("no end within \(limit.argument)")
            }
            defer { tasks.cancelAll() }
            return try require(try await tasks.next(), "nothing ran")
        }
    }

    private static func exchange() async throws -> String {
        try await LoopbackMesh.run { mesh in
            try await mesh.withPeer("A") { a in
                try await mesh.withPeer("B") { b in
                    try await talk(mesh, a, b)
                }
                let left = await a.events.next { if case .memberLeft = $0 { true } else { false } }
                try require(left != nil, "A was not told that B left")
                try require(try await a.peer.members().isEmpty, "B has left and is still listed")
            }
        }
        return "a server and two peers on 127.0.0.1: join, broadcast, direct message, leave"
    }

    private static func talk(_ mesh: LoopbackMesh, _ a: RunningPeer, _ b: RunningPeer) async throws {
        await a.events.sees("B")
        await b.events.sees("A")
        let reached = try await a.peer.broadcast(Array("to all".utf8))
        try require(reached == 1, "a broadcast went to \(reached) members, not to one")
        let first = try require(await b.events.message(), "no broadcast came")
        try require(first.body == Array("to all".utf8) && first.isBroadcast, "the broadcast came as \(first)")
        try require(first.sender.publicKey == a.key.publicKey, "the broadcast came as \(first.sender)'s")

        try await b.peer.send(Array("to you".utf8), to: a.key.publicKey)
        let second = try require(await a.events.message(), "no direct message came")
        try require(second.body == Array("to you".utf8) && !second.isBroadcast, "the direct message came as \(second)")

        let seen = try await a.peer.members().map(\.name.description)
        try require(seen == ["B"], "A sees \(seen)")
        let members = try await mesh.server.members().count
        try require(members == 2, "the server has \(members) members, not two")
    }
}
