import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the cost of handling messages to a session that another session has replaced.
@Suite("Messages to the previous session") struct PreviousSessionTests {
    @Test("a message to the previous session costs no copy of the table of senders") func cost() throws {
        let mesh = ScriptedMesh(seed: 12)
        var client = try mesh.peer("a")
        let old = try mesh.join(&client)
        var senders: [(entry: Entry, secret: Secret32)] = []
        for number in 0..<3_000 {
            let secret = mesh.random.secret()
            let entry = try mesh.entry(
                "sender-\(number)", key: mesh.random.signingKey(), agreementKey: secret.agreementPublicKey,
                at: 1_000 + number)
            senders.append((entry, secret))
        }
        try mesh.tell(&client, [old] + senders.map(\.entry), version: 2)
        // Each message has an intact seal and a wrong signature. The receiver remembers the sender of such a message.
        for (entry, secret) in senders {
            mesh.now = mesh.now + .milliseconds(5)
            try open(from: entry, secret, to: old, &client, mesh)
        }
        let count = client.machine.usages.first { $0.name == "senders" }?.count
        #expect(count == 3_000)
        client.machine.handleTimeout(now: mesh.now)
        _ = mesh.transmits(&client)
        let new = try mesh.join(&client)
        #expect(new.session != old.session && client.machine.session == new.session)
        try mesh.tell(&client, [new] + senders.map(\.entry), version: 3)
        let first = try #require(senders.first).entry
        let toOld = mesh.message(from: first, to: old, shared: mesh.random.secret())
        let refused = client.machine.rejections[.sealBroken]
        let before = try sendersOfPrevious(client.machine)
        for _ in 0..<20 {
            mesh.hand(toOld, to: &client)
            // A copy would be at another address, because it is made before the old table is freed.
            #expect(try sendersOfPrevious(client.machine) == before)
        }
        #expect(client.machine.rejections[.sealBroken] - refused == 20)
    }

    /// Returns the memory address of the previous session's table of senders.
    private func sendersOfPrevious(_ machine: Peer) throws -> UInt {
        var value: Any = machine
        // `Rare` keeps the session in the only element of an array. An element has no label.
        for name in ["sessions", "_late", "values", nil, "session", "pairs", "inbound"] {
            value = try #require(Mirror(reflecting: value).children.first { $0.label == name }?.value, "\(name ?? "")")
        }
        return try place(of: value)
    }

    private func place<Table>(of table: Table) throws -> UInt {
        try #require(MemoryLayout<Table>.size == MemoryLayout<UInt>.size)
        return unsafe unsafeBitCast(table, to: UInt.self)
    }

    private func open(
        from entry: Entry, _ secret: Secret32, to own: Entry, _ client: inout ScriptedMesh.Client, _ mesh: ScriptedMesh
    ) throws {
        let shared = try #require(secret.agree(with: own.agreementKey))
        mesh.hand(mesh.message(from: entry, to: own, shared: shared), to: &client, from: entry.address)
    }
}
