internal import SelfTest
internal import Testing

@testable internal import SecureMesh

/// Tests malformed datagrams of every length and kind, which are sent to the sockets of a running server and a running
/// peer.
@Suite("A live mesh under malformed datagrams", .timeLimit(.minutes(10)))
struct SweepTests {
    @Test("a live server refuses every length to 1,400 bytes and every single-bit flip of every kind, and loses nobody")
    func server() async throws {
        try await Self.survives(usesKernelFilter: false) { mesh, _ in
            (mesh.address, { try await mesh.server.rejections() })
        }
    }

    @Test("a live server and its kernel refuse the same datagrams together, and lose nobody")
    func filteredServer() async throws {
        try await LoopbackMesh.run { mesh in
            try await mesh.withPeer("A") { a in
                await a.events.joined()
                let socket = try SocketDescriptor.stranger()
                let datagrams = try Self.lengths() + Self.flips()
                for bytes in datagrams { #expect(socket.sends(bytes, to: mesh.address)) }
                // A well-formed HELLO that is over budget is answered with RETRY, so it does not count as refused.
                let answered = UInt64(Kind.hello.minimumSize * 8)
                while try await mesh.server.rejections().total + mesh.server.losses().total + answered
                    < UInt64(datagrams.count)
                {
                    try Task.checkCancellation()
                }
                #expect(try await mesh.server.members().count == 1)
            }
        }
    }

    @Test("a live peer refuses every length to 1,400 bytes and every single-bit flip of every kind, and stays a member")
    func peer() async throws {
        try await Self.survives { mesh, peer in
            let bound = try await peer.peer.boundAddress
            let address = SocketAddress(ip: .v4(0x7F00_0001), port: bound.port)
            return (address, { try await peer.peer.rejections() })
        }
    }

    private typealias Target = (address: SocketAddress, rejections: @Sendable () async throws -> RejectionCounters)

    /// Makes two peers join, and sends all malformed datagrams to `target`. Then checks that the two peers still
    /// exchange messages.
    private static func survives(
        usesKernelFilter: Bool = true,
        _ target: @Sendable @escaping (LoopbackMesh, RunningPeer) async throws -> Target
    ) async throws {
        try await LoopbackMesh.runTwoPeers(configure: { $0.usesKernelFilter = usesKernelFilter }) { mesh, a, b in
            try await sweep(try await target(mesh, a))
            #expect(try await mesh.server.members().count == 2)
            for (from, to) in [(a, b), (b, a)] {
                #expect(try await from.peer.broadcast(Array("still here".utf8)) == 1)
                #expect(await to.events.message()?.body == Array("still here".utf8))
            }
        }
    }

    /// Sends all malformed datagrams to `target`, in batches. After each batch, waits until `target` has counted the
    /// datagrams of the batch. This keeps the kernel's buffers from overflowing.
    private static func sweep(_ target: Target) async throws {
        let socket = try SocketDescriptor.stranger()
        let datagrams = try lengths() + flips()
        let before = try await target.rejections()
        var unsent = 0
        var short: UInt64 = 0
        for start in stride(from: 0, to: datagrams.count, by: batch) {
            // The last datagram of each batch is too short for a header. The target handles datagrams in order. So when
            // it has counted this refusal, it has handled the whole batch.
            for bytes in datagrams[start..<min(start + batch, datagrams.count)] + [[0]] {
                if !socket.sends(bytes, to: target.address) { unsent += 1 }
                if bytes.count < Header.size { short += 1 }
            }
            while try await target.rejections()[.truncatedHeader] < before[.truncatedHeader] + short {
                try Task.checkCancellation()
            }
        }
        #expect(unsent == 0)
        let batches = (datagrams.count + batch - 1) / batch
        let sent = UInt64(datagrams.count + batches)
        // A well-formed HELLO that is over budget is answered with RETRY, so it does not count as refused.
        let answered = UInt64(Kind.hello.minimumSize * 8)
        let after = try await target.rejections()
        let refused = after.total - before.total
        // On a busy host, datagrams of the members themselves may arrive late and be refused.
        let late: [Rejection] = [.numberStale, .deltaNotApplicable, .snapshotNotWanted, .sessionEnded]
        let own = late.reduce(0) { $0 + after[$1] - before[$1] }
        #expect(refused <= sent + own && refused + answered >= sent, "\(refused) of \(sent): \(after.nonZero)")
    }

    private static let batch = 128

    private static func lengths() -> [[UInt8]] {
        var random = RandomSource.seeded(0x5EED)
        return (0...1_400).flatMap { size in
            [
                [UInt8](repeating: 0, count: size),
                (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) },
            ]
        }
    }

    private static func flips() throws -> [[UInt8]] {
        let vectors = try VectorCheck.published()
        return try Kind.allCases.flatMap { kind in
            let bytes = try #require(vectors.first { $0.kind == kind }).bytes
            #expect(bytes[1] == kind.rawValue)
            return (0..<(bytes.count * 8)).map { bytes.flipping(bit: $0) }
        }
    }
}
