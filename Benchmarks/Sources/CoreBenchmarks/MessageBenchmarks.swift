internal import SecureMeshCore

extension Benchmark {
    /// Measures messages between members, and the handling of a whole SNAPSHOT at a newcomer.
    ///
    /// - Parameter count: The number of members.
    mutating func measureMessages(members count: Int) {
        var mesh = BenchmarkMesh(
            members: count, batch: Delta.mostAdditions, active: 0, lifetime: .seconds(36_000))
        // The server would send a recent SNAPSHOT and DELTAs instead of a new SNAPSHOT, so time passes first.
        for _ in 0..<100 { mesh.advance(by: .seconds(1)) }
        mesh.addSender()
        measureSnapshot(mesh)
        let receiver = Path(remote: BenchmarkMesh.senderAddress)
        for (size, name, repeats) in [(20, "20 bytes", 50), (1_083, "1,083 bytes", 50), (60_000, "60,000 bytes", 10)] {
            measure(
                "MESSAGE of \(name) to a member", limit: 8, repeats: repeats,
                prepare: { mesh.advance(by: .seconds(2)) },
                run: { _ in Self.use(mesh.messages(repeats, size: size)) })
            measure(
                "MESSAGE of \(name) at a receiver", limit: 4, repeats: repeats,
                prepare: {
                    mesh.advance(by: .seconds(2))
                    return mesh.messages(repeats, size: size)
                },
                run: { messages in
                    for message in messages { mesh.peer.handle(message.span, path: receiver, now: mesh.now) }
                    while mesh.peer.pollOutput() != nil {}
                })
        }
        measureRefusedMessages(&mesh)
        let body = [UInt8](repeating: 7, count: 20)
        measure(
            "broadcast, per member of \(count)", limit: 1.2, repeats: count,
            prepare: { mesh.advance(by: .seconds(1)) }, run: { _ in Self.use(mesh.broadcast(body)) })
    }

    private mutating func measureRefusedMessages(_ mesh: inout BenchmarkMesh) {
        mesh.advance(by: .seconds(2))
        let messages = mesh.messages(2, size: 20)
        guard let heard = messages.first, let unheard = messages.last else { return }
        let (now, source) = (mesh.now, Path(remote: BenchmarkMesh.senderAddress))
        mesh.peer.handle(heard.span, path: source, now: now)
        while mesh.peer.pollOutput() != nil {}
        func changed(_ index: Int) -> [UInt8] {
            var changed = unheard
            changed[index] ^= 1
            return changed
        }
        for (name, message) in [
            ("replayed MESSAGE", heard), ("MESSAGE to an unknown session", changed(11)),
            ("MESSAGE of an unknown sender", changed(19)), ("MESSAGE with a broken seal", changed(40)),
        ] {
            measure("refuse: \(name)", limit: 0) { mesh.peer.handle(message.span, path: source, now: now) }
        }
    }

    private mutating func measureSnapshot(_ mesh: BenchmarkMesh) {
        guard let (receiver, parts) = mesh.snapshot else { return }
        measure(
            "SNAPSHOT at a newcomer, per entry", limit: 5.5, repeats: mesh.registry.memberCount - 1,
            prepare: { receiver },
            run: { receiver in
                for part in parts {
                    receiver.handle(part.span, path: Path(remote: BenchmarkMesh.server), now: mesh.now)
                }
                while receiver.pollOutput() != nil {}
            })
    }

    /// Measures handshakes that the server refuses.
    mutating func measureRefusedHandshakes() {
        var mesh = BenchmarkMesh(members: 5)
        let count = 5
        func broken(_ datagrams: [BenchmarkMesh.Datagram]) -> [BenchmarkMesh.Datagram] {
            datagrams.map { datagram in
                var bytes = datagram.bytes
                bytes[bytes.count - 1] ^= 1
                return (bytes, datagram.path)
            }
        }
        measure(
            "refuse: HELLO with a broken seal", limit: 10, repeats: count,
            prepare: {
                mesh.advance(by: .seconds(2))
                return broken((0..<count).map { _ in mesh.hello() })
            },
            run: { mesh.handle($0) })
        measure(
            "refuse: CONFIRM with a broken seal", limit: 0, repeats: count,
            prepare: {
                mesh.advance(by: .seconds(2))
                return broken(mesh.confirms(count))
            },
            run: { mesh.handle($0) })
        let (hello, path) = mesh.hello()
        mesh.handle([(hello, path)])
        measure("HELLO again", limit: 2) { mesh.handle([(hello, path)]) }
        measure(
            "RETRY to a HELLO beyond the budget", limit: 6, repeats: 50,
            prepare: {
                mesh.advance(by: .milliseconds(1))
                // These HELLOs use up the handshake budget of the server.
                for _ in 0..<2_000 { mesh.handle([mesh.strayHello()]) }
                return (0..<50).map { _ in mesh.strayHello() }
            },
            run: { mesh.handle($0) })
    }
}
