import SecureMesh
import Testing

@Suite("Vectors: members and messages")
struct VectorSessionTests {
    @Test("CONFIRM and HEARTBEAT are the vectors'", arguments: ["confirm", "heartbeat"])
    func heartbeat(_ name: String) throws {
        let section = try VectorSection.named(name)
        let welcome = try VectorSection.named("welcome")
        let body = Heartbeat(
            number: try section.number("number_u64"), token: try section.number("token_u64"),
            version: try section.number("version_u64"), part: try section.short("part_u64"))
        try checkToServer(
            section, name == "confirm" ? .confirm : .heartbeat, body,
            extra: name == "confirm" ? .binder(welcome.secret("binder")) : .none)
    }

    @Test("LEAVE is the vector's")
    func leave() throws {
        let section = try VectorSection.named("leave")
        try checkToServer(section, .leave, Leave(number: try section.number("number_u64")))
    }

    @Test("PULSE is the vector's")
    func pulse() throws {
        let section = try VectorSection.named("pulse")
        let body = Pulse(
            number: try section.number("number_u64"), token: try section.number("token_u64"),
            version: try section.number("version_u64"))
        try checkToPeer(section, .pulse, body, delivery: .echo(section.number("echo_u64")))
    }

    @Test("SNAPSHOT is the vector's, its entries ascend as unsigned numbers, and their bindings verify")
    func snapshot() throws {
        let section = try VectorSection.named("snapshot")
        let entries = [try entry(section, "entry_b"), try entry(section, "entry_a")]
        #expect(entries.count == Int(try section.number("n_u64")))
        #expect(entries[0].session < entries[1].session)
        let body = Snapshot(
            version: try section.number("version_u64"), part: try section.short("part_u64"),
            parts: try section.short("parts_u64"), entries: entries)
        try checkToPeer(section, .snapshot, body)
    }

    @Test("DELTA is the vector's")
    func delta() throws {
        let section = try VectorSection.named("delta")
        let body = Delta(
            from: try section.number("from_u64"), removed: [try section.session("removed_id_u64")],
            added: [try entry(section, "entry_b")])
        #expect(try section.number("to_u64") == body.from + 1)
        #expect(try section.number("removed_u64") == 1)
        #expect(try section.number("added_u64") == 1)
        try checkToPeer(section, .delta, body)
    }

    @Test("GOODBYE is the vector's")
    func goodbye() throws {
        let section = try VectorSection.named("goodbye")
        let reason = try #require(Goodbye.Reason(rawValue: UInt8(clamping: section.number("reason_u64"))))
        try checkToPeer(section, .goodbye, Goodbye(session: try section.session("session_u64"), reason: reason))
    }

    @Test("MESSAGE and its key are the vectors', from both ends", arguments: ["message", "message-all"])
    func message(_ name: String) throws {
        let world = try VectorWorld()
        let section = try VectorSection.named(name)
        let (a, b) = (try world.keys.secret("e_a"), try world.keys.secret("e_b"))
        let secret = try world.agree(a, b.agreementPublicKey)
        #expect(secret.array == (try section.bytes("d_ab")))
        #expect(b.agree(with: a.agreementPublicKey)?.array == secret.array)
        let (from, to) = (try world.keys.session("s_a_u64"), try world.keys.session("s_b_u64"))
        let key = PairEnd.key(
            secret, epoch: world.epoch, from: PairEnd(from, world.peerA.publicKey, a.agreementPublicKey),
            to: PairEnd(to, world.peerB.publicKey, b.agreementPublicKey), server: world.server.publicKey)
        #expect(key.array == (try section.bytes("k_ab")))
        var input = secret.array
        for number in [world.epoch, from.rawValue, to.rawValue] { input.append(bigEndian: number) }
        for part in [world.peerA.publicKey.bytes, world.peerB.publicKey.bytes] { part.append(to: &input) }
        for part in [a.agreementPublicKey.bytes, b.agreementPublicKey.bytes] { part.append(to: &input) }
        world.server.publicKey.bytes.append(to: &input)
        #expect(input == (try section.bytes("k_ab_input")))

        let audience = try section.bytes32("audience")
        try DatagramVector(
            section: section, world: world,
            header: Header(
                .message, to: to.rawValue, from: from.rawValue, counter: try section.number("counter_u64")),
            body: PeerMessage(
                audience: audience == .zero ? nil : PublicKey(bytes: audience),
                number: try section.number("number_u64"), body: Array(section.text("body_text").utf8)),
            signer: world.peerA, key: key
        ).check()
        section.expectAllRead()
    }

    private func checkToServer(
        _ section: VectorSection, _ kind: Kind, _ body: some Payload, extra: SigningContext.Extra = .none
    ) throws {
        let world = try VectorWorld()
        try DatagramVector(
            section: section, world: world,
            header: Header(
                kind, to: world.epoch, from: try world.keys.number("s_a_u64"),
                counter: try section.number("counter_u64")),
            body: body, signer: world.peerA, key: try VectorSection.named("welcome").secret("k_p2s"), extra: extra
        ).check()
        section.expectAllRead()
    }

    private func checkToPeer(
        _ section: VectorSection, _ kind: Kind, _ body: some Payload, delivery: Header.Delivery = .none
    ) throws {
        let world = try VectorWorld()
        try DatagramVector(
            section: section, world: world,
            header: Header(
                kind, to: try world.keys.number("s_a_u64"), from: world.epoch,
                counter: try section.number("counter_u64"), delivery: delivery),
            body: body, signer: world.server, key: try VectorSection.named("welcome").secret("k_s2p")
        ).check()
        section.expectAllRead()
    }

    /// The entry as the handshake's sections make it, compared with its bytes in `section`.
    private func entry(_ section: VectorSection, _ name: String) throws -> Entry {
        let world = try VectorWorld()
        let isA = name == "entry_a"
        let hello = try VectorSection.named(isA ? "hello" : "hello-b")
        let binding = try hello.bytes("signature")
        let entry = Entry(
            session: try world.keys.session(isA ? "s_a_u64" : "s_b_u64"), identity: try hello.publicKey("identity"),
            agreementKey: try hello.agreementKey("E_p"), binding: Signature(binding.span),
            address: try world.keys.address(isA ? "addr_a" : "addr_b"),
            name: try Fixture.name(hello.text("name_text")))
        var encoded: [UInt8] = []
        entry.append(to: &encoded)
        #expect(encoded == (try section.bytes(name)))
        #expect(encoded.count == entry.encodedSize)
        #expect(world.context.isBound(entry))
        return entry
    }
}
