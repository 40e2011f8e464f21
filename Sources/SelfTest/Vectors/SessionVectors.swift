internal import SecureMeshCore

/// Checks of the kinds in a session.
extension VectorWorld {
    func checkHeartbeat(_ section: VectorSection, _ fields: OpenFields) throws -> Sample {
        let body = Heartbeat(
            number: try section.number("number_u64"), token: try section.number("token_u64"),
            version: try section.number("version_u64"), part: try section.short("part_u64"))
        let extra: SigningContext.Extra =
            fields == .confirm ? .binder(try vectors.section("welcome").secret("binder")) : .none
        return try checkToServer(section, fields, body, extra: extra)
    }

    func checkLeave(_ section: VectorSection) throws -> Sample {
        try checkToServer(section, .leave, Leave(number: section.number("number_u64")))
    }

    func checkPulse(_ section: VectorSection) throws -> Sample {
        let body = Pulse(
            number: try section.number("number_u64"), token: try section.number("token_u64"),
            version: try section.number("version_u64"))
        return try checkToPeer(section, .pulse(echo: section.number("echo_u64")), body)
    }

    /// Checks a SNAPSHOT, the order of its entries and their bindings.
    func checkSnapshot(_ section: VectorSection) throws -> Sample {
        let entries = [try entry(section, "entry_b"), try entry(section, "entry_a")]
        section.expect(entries.count == Int(try section.number("n_u64")), "n_u64 is another number")
        section.expect(entries[0].session < entries[1].session, "the entries do not ascend")
        let body = Snapshot(
            version: try section.number("version_u64"), part: try section.short("part_u64"),
            parts: try section.short("parts_u64"), entries: entries)
        return try checkToPeer(section, .snapshot, body)
    }

    func checkDelta(_ section: VectorSection) throws -> Sample {
        let body = Delta(
            from: try section.number("from_u64"), removed: [try section.session("removed_id_u64")],
            added: [try entry(section, "entry_b")])
        for (key, number) in [("to_u64", body.from &+ 1), ("removed_u64", 1), ("added_u64", 1)] {
            section.expect(try section.number(key) == number, "\(key) is another number")
        }
        return try checkToPeer(section, .delta, body)
    }

    func checkGoodbye(_ section: VectorSection) throws -> Sample {
        let code = UInt8(clamping: try section.number("reason_u64"))
        let reason = try require(Goodbye.Reason(rawValue: code), "[\(section.name)] no reason: \(code)")
        return try checkToPeer(section, .goodbye, Goodbye(session: section.session("session_u64"), reason: reason))
    }

    /// Checks a MESSAGE and its key, as both ends of the pair derive it.
    func checkMessage(_ section: VectorSection) throws -> Sample {
        let (a, b) = (try keys.secret("e_a"), try keys.secret("e_b"))
        let secret = try agree(a, b.agreementPublicKey)
        try section.expect("d_ab", secret.array)
        try section.expect("d_ab", b.agree(with: a.agreementPublicKey)?.array ?? [])
        let (from, to) = (try keys.session("s_a_u64"), try keys.session("s_b_u64"))
        let key = PairEnd.key(
            secret, epoch: epoch, from: PairEnd(from, peerA.publicKey, a.agreementPublicKey),
            to: PairEnd(to, peerB.publicKey, b.agreementPublicKey), server: server.publicKey)
        try section.expect("k_ab", key.array)
        var input = secret.array
        for number in [epoch, from.rawValue, to.rawValue] { input.append(bigEndian: number) }
        for part in [peerA.publicKey.bytes, peerB.publicKey.bytes] { part.append(to: &input) }
        for part in [a.agreementPublicKey.bytes, b.agreementPublicKey.bytes] { part.append(to: &input) }
        server.publicKey.bytes.append(to: &input)
        try section.expect("k_ab_input", input)

        let audience = try section.bytes32("audience")
        return try DatagramVector(
            section: section, world: self,
            header: Header(
                .message, to: to.rawValue, from: from.rawValue, counter: try section.number("counter_u64")),
            body: PeerMessage(
                audience: audience == .zero ? nil : PublicKey(bytes: audience),
                number: try section.number("number_u64"), body: Array(section.text("body_text").utf8)),
            signer: peerA, key: key
        ).check()
    }

    private func checkToServer(
        _ section: VectorSection, _ fields: OpenFields, _ body: some Payload, extra: SigningContext.Extra = .none
    ) throws -> Sample {
        try DatagramVector(
            section: section, world: self,
            header: Header(
                fields, to: epoch, from: try keys.number("s_a_u64"), counter: try section.number("counter_u64")),
            body: body, signer: peerA, key: try vectors.section("welcome").secret("k_p2s"), extra: extra
        ).check()
    }

    private func checkToPeer(
        _ section: VectorSection, _ fields: OpenFields, _ body: some Payload
    ) throws -> Sample {
        try DatagramVector(
            section: section, world: self,
            header: Header(
                fields, to: try keys.number("s_a_u64"), from: epoch, counter: try section.number("counter_u64")),
            body: body, signer: server, key: try vectors.section("welcome").secret("k_s2p")
        ).check()
    }

    /// Makes an entry from the sections of the handshake, and compares it with its bytes in `section`.
    private func entry(_ section: VectorSection, _ name: String) throws -> Entry {
        let isA = name == "entry_a"
        let hello = try vectors.section(isA ? "hello" : "hello-b")
        let entry = Entry(
            session: try keys.session(isA ? "s_a_u64" : "s_b_u64"), identity: try hello.publicKey("identity"),
            agreementKey: try hello.agreementKey("E_p"), binding: try hello.signature("signature"),
            address: try keys.address(isA ? "addr_a" : "addr_b"), name: try hello.name("name_text"))
        var encoded: [UInt8] = []
        entry.append(to: &encoded)
        try section.expect(name, encoded)
        section.expect(encoded.count == entry.encodedSize, "\(name) is taken for one of \(entry.encodedSize) bytes")
        section.expect(context.isBound(entry), "the binding of \(name) does not verify")
        return entry
    }
}
