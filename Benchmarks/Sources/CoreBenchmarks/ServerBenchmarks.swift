internal import SecureMeshCore

extension Benchmark {
    /// Measures heartbeats, PULSEs and refused datagrams at the server.
    mutating func measureServer(_ mesh: inout BenchmarkMesh) {
        let count = mesh.members.count
        var sample: (bytes: [UInt8], path: Path)?
        measure(
            "heartbeat", limit: 3, repeats: count,
            prepare: {
                let heartbeats = mesh.heartbeats()
                sample = heartbeats.first
                return heartbeats
            },
            run: { mesh.handle($0) })
        measure(
            "pulse to a member", limit: 1.1, repeats: count,
            prepare: {
                mesh.handle(mesh.heartbeats())
                return mesh.now + BenchmarkMesh.heartbeat
            },
            run: { now in
                mesh.registry.handleTimeout(now: now)
                repeat {
                    while mesh.registry.pollOutput() != nil {}
                    now = now + .nanoseconds(1)
                    mesh.registry.handleTimeout(now: now)
                } while mesh.registry.nextDeadline.map { $0 <= now + .milliseconds(1) } == true
            })
        guard let (bytes, path) = sample else { return }
        let now = mesh.now
        func changed(_ index: Int, by bits: UInt8) -> [UInt8] {
            var changed = bytes
            changed[index] ^= bits
            return changed
        }
        for (name, datagram, source) in [
            ("random bytes", [UInt8](repeating: 0xA5, count: 150), path),
            ("another epoch", changed(11, by: 1), path),
            ("unknown session", changed(19, by: 1), path),
            ("another source", bytes, Path(remote: BenchmarkMesh.peerAddress)),
            ("replayed counter", bytes, path),
            ("broken seal at the server", changed(27, by: 0x80), path),
        ] {
            measure("refuse: \(name)", limit: 0) { mesh.registry.handle(datagram.span, path: source, now: now) }
        }
    }

    /// Measures HELLO and CONFIRM at a server with few members, and a whole join in a large mesh.
    mutating func measureJoins(_ mesh: inout BenchmarkMesh) {
        var small = BenchmarkMesh(members: 5)
        let count = 5
        measure(
            "HELLO", limit: 100, repeats: count,
            prepare: {
                small.advance(by: .seconds(2))
                return (0..<count).map { _ in small.hello() }
            },
            run: { small.handle($0) })
        measure(
            "CONFIRM", limit: 400, repeats: count,
            prepare: {
                small.advance(by: .seconds(2))
                return small.confirms(count)
            },
            run: { small.handle($0) })
        measure(
            "join and its DELTA to \(mesh.members.count)", limit: 4_000, repeats: 5, prepare: {},
            run: { _ in for _ in 0..<5 { mesh.addMember() } })
    }

    /// Measures how a complete peer handles the server's datagrams.
    mutating func measurePeer(_ mesh: inout BenchmarkMesh) {
        measure(
            "DELTA at a peer", limit: 60, repeats: 4,
            prepare: {
                mesh.heldKinds = [.delta]
                while mesh.held[.delta, default: []].count < 4 { mesh.addMember() }
                mesh.heldKinds = []
                return mesh.takeHeld(.delta).prefix(4)
            },
            run: { deltas in
                for delta in deltas {
                    mesh.peer.handle(delta.span, path: Path(remote: BenchmarkMesh.server), now: mesh.now)
                }
                while mesh.peer.pollOutput() != nil {}
            })
    }
}
