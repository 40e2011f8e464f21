internal import SecureMeshCore

/// Checks the datagrams of a session.
extension VectorWorld {
    /// Checks a CONFIRM, which returns the token of WELCOME or RESUME.
    ///
    /// - Parameters:
    ///   - epoch: The epoch of the server that receives the CONFIRM.
    ///   - offer: The section of the WELCOME or RESUME, which has the keys of the session.
    func checkConfirm(_ section: VectorSection, epoch: UInt64, keys offer: String) throws -> Sample {
        let offer = try vectors.section(offer)
        let body = try heartbeat(section)
        section.expect(try offer.number("token_u64") == body.token, "token_u64 is not that of [\(offer.name)]")
        return try check(
            section, .confirm, from: keys.number("s_a_u64"), to: epoch, body, signer: peerA,
            key: offer.secret("k_p2s"), extra: .binder(offer.secret("binder"), server: server.publicKey))
    }

    func checkHeartbeat(_ section: VectorSection) throws -> Sample {
        try checkToServer(section, .heartbeat, heartbeat(section))
    }

    private func heartbeat(_ section: VectorSection) throws -> Heartbeat {
        Heartbeat(
            number: try section.number("number_u64"), token: try section.number("token_u64"),
            version: try section.number("version_u64"), part: try section.short("part_u64"))
    }

    func checkLeave(_ section: VectorSection) throws -> Sample {
        try checkToServer(section, .leave, Leave(number: section.number("number_u64")))
    }

    /// Checks a PULSE, its token and its digest. The digest must be that of the directory in the vectors' SNAPSHOT.
    func checkPulse(_ section: VectorSection) throws -> Sample {
        let version = try section.number("version_u64")
        let snapshot = try vectors.section("snapshot")
        let digest = [try entry(snapshot, "entry_b"), try entry(snapshot, "entry_a")]
            .digest(id: try keys.number("directory_u64"), version: version)
        try section.expect("digest", digest.array)
        let token = PulseTokens.token(try section.secret("secret"), for: try keys.session("s_a_u64"))
        section.expect(try section.number("token_u64") == token, "token_u64 is another number")
        let flags = Pulse.Flags(rawValue: UInt8(clamping: try section.number("flags_u64")))
        let body = Pulse(number: try section.number("number_u64"), version: version, flags: flags, digest: digest)
        return try checkToPeer(section, .pulse(echo: section.number("echo_u64"), token: token), body)
    }

    /// Checks a SNAPSHOT, the order of the entries in it, and the bindings of these entries.
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
        let reason: Goodbye.Reason = try section.reason()
        let body = Delta(
            from: try section.number("from_u64"), to: try section.number("to_u64"),
            removed: [Removal(try section.session("removed_id_u64"), reason)], added: [try entry(section, "entry_b")])
        for (key, number) in [("removed_u64", 1), ("added_u64", 1)] as [(String, UInt64)] {
            section.expect(try section.number(key) == number, "\(key) is another number")
        }
        return try checkToPeer(section, .delta, body)
    }

    func checkGoodbye(_ section: VectorSection) throws -> Sample {
        let body = Goodbye(session: try section.session("session_u64"), reason: try section.reason())
        return try checkToPeer(section, .goodbye, body)
    }

    /// Checks a MESSAGE from peer A to peer B, and the key with which the MESSAGE is sealed.
    func checkMessage(_ section: VectorSection) throws -> Sample {
        let key = try pairKey(section, "k_ab", from: "a", peerA, to: "b", peerB)
        let audience = try section.bytes32("audience")
        let flags = PeerMessage.Flags(rawValue: UInt8(clamping: try section.number("flags_u64")))
        let body = PeerMessage(
            audience: audience == .zero ? nil : PublicKey(bytes: audience),
            number: try section.number("number_u64"), flags: flags, body: Array(try section.text("body_text").utf8))
        return try check(
            section, .message, from: keys.number("s_a_u64"), to: keys.number("s_b_u64"), body, signer: peerA, key: key)
    }

    /// Checks an ACK from peer B to peer A, and the key with which the ACK is sealed.
    func checkAcknowledgment(_ section: VectorSection) throws -> Sample {
        let key = try pairKey(section, "k_ba", from: "b", peerB, to: "a", peerA)
        let body = Acknowledgment(
            audience: try section.publicKey("audience"), session: try section.session("session_u64"),
            number: try section.number("number_u64"))
        return try check(
            section, .ack, from: keys.number("s_b_u64"), to: keys.number("s_a_u64"), body, signer: peerB, key: key)
    }

    /// Derives the key of a pair as each of the two members does, and compares it with the published value named
    /// `name`.
    private func pairKey(
        _ section: VectorSection, _ name: String, from: String, _ sender: SigningKey, to: String,
        _ receiver: SigningKey
    ) throws -> Secret32 {
        let (own, other) = (try keys.secret("e_\(from)"), try keys.secret("e_\(to)"))
        let (ownKey, otherKey) = (own.agreementPublicKey, other.agreementPublicKey)
        let secret = try agree(own, otherKey)
        try section.expect("d_ab", secret.array)
        try section.expect("d_ab", other.agree(with: ownKey)?.array ?? [])
        let sessions = (try keys.session("s_\(from)_u64"), try keys.session("s_\(to)_u64"))
        let key = PairEnd.key(
            secret, from: PairEnd(sessions.0, sender.publicKey, ownKey),
            to: PairEnd(sessions.1, receiver.publicKey, otherKey), mesh: mesh.publicKey)
        try section.expect(name, key.array)
        var input = secret.array
        for session in [sessions.0, sessions.1] { input.append(bigEndian: session.rawValue) }
        for part in [sender.publicKey.bytes, receiver.publicKey.bytes, ownKey.bytes, otherKey.bytes] {
            part.append(to: &input)
        }
        mesh.publicKey.bytes.append(to: &input)
        try section.expect("\(name)_input", input)
        return key
    }

    private func checkToServer(
        _ section: VectorSection, _ fields: OpenFields, _ body: some Payload
    ) throws -> Sample {
        try check(
            section, fields, from: keys.number("s_a_u64"), to: epoch, body, signer: peerA,
            key: vectors.section("welcome").secret("k_p2s"))
    }

    private func checkToPeer(
        _ section: VectorSection, _ fields: OpenFields, _ body: some Payload
    ) throws -> Sample {
        try check(
            section, fields, from: epoch, to: keys.number("s_a_u64"), body, signer: server,
            key: vectors.section("welcome").secret("k_s2p"))
    }

    private func check(
        _ section: VectorSection, _ fields: OpenFields, from: UInt64, to: UInt64, _ body: some Payload,
        signer: SigningKey, key: Secret32, extra: SigningContext.Extra = .none
    ) throws -> Sample {
        let header = Header(fields, to: to, from: from, counter: try section.number("counter_u64"))
        return try DatagramVector(
            section: section, world: self, header: header, body: body, signer: signer, key: key, extra: extra
        ).check()
    }

    /// Makes an entry from the vectors of the handshake, and compares its encoding with the published bytes in
    /// `section`.
    func entry(_ section: VectorSection, _ name: String) throws -> Entry {
        let isA = name == "entry_a"
        let hello = try vectors.section(isA ? "hello" : "hello-b")
        let entry = Entry(
            session: try keys.session(isA ? "s_a_u64" : "s_b_u64"), identity: try hello.publicKey("identity"),
            agreementKey: try hello.agreementKey("E_p"), binding: try hello.signature("signature"),
            address: try keys.address(isA ? "addr_a" : "addr_b"), name: try hello.name("name_text"))
        let encoded = [UInt8](appending: entry.append(to:))
        try section.expect(name, encoded)
        section.expect(encoded.count == entry.encodedSize, "\(name) is taken for one of \(entry.encodedSize) bytes")
        section.expect(context.isBound(entry), "the binding of \(name) does not verify")
        return entry
    }
}
