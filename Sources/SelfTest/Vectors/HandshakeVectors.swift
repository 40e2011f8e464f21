internal import MeshSimulator
internal import SecureMeshCore

/// Checks HELLO, RETRY, WELCOME, REJECT, RESUME and their keys.
extension VectorWorld {
    func checkHello(_ section: VectorSection, ephemeral: String, owner: String) throws -> Sample {
        let key = try keys.signingKey("\(owner)_seed")
        try section.expect("identity", key.publicKey.bytes.array)
        let ephemeral = try keys.secret(ephemeral)
        try section.expect("E_p", ephemeral.agreementPublicKey.bytes.array)
        let d1 = try agree(ephemeral, keys.agreementKey("server_x"))
        try section.expect("d1", d1.array)
        try section.expect("d1", server.agree(with: ephemeral.agreementPublicKey)?.array ?? [])
        let cookie = try section.cookie("cookie")
        let k0 = Handshake.helloKey(
            d1: d1, ephemeral: ephemeral.agreementPublicKey, cookie: cookie, server: server.publicKey)
        try section.expect("k0", k0.array)

        let datagram = try DatagramVector(
            section: section, world: self,
            header: Header(
                .hello(cookie: cookie, ephemeral: ephemeral.agreementPublicKey), to: 0, from: 0, counter: 0),
            body: Hello(identity: key.publicKey, name: try section.name("name_text")), signer: key, key: k0
        ).check()
        try section.expect("tag", [UInt8](bigEndian: Handshake.tag(of: datagram.bytes)))
        return datagram
    }

    func checkRetry(_ section: VectorSection) throws -> Sample {
        let rotation = try section.number("rotation_u64")
        let cookie = try section.cookie("cookie")
        let header = Header(
            .retry(cookie: cookie, rotation: rotation), to: try section.tag(), from: epoch, counter: 0)
        let payload = SignedPayload(
            .retry(cookie: .zero, rotation: rotation), from: epoch, payload: [], context: context, key: server)
        try section.expect("signature", payload.signature.array)
        try section.expect("signed", context.signedBytes(header.fields, from: epoch, payload: []))
        try section.expect("datagram", payload.unsealed(to: header.to, as: header.fields))
        try section.expect("delivery", cookie.array)
        try section.expect("clear", [UInt8](bigEndian: rotation))

        let bytes = try section.bytes("datagram")
        let decoded = try Datagram(decoding: bytes.span)
        section.expect(decoded.header == header, "the header is read as \(decoded.header)")
        let retry = try VerifiedRetry(bytes.span, decoded, cookie: cookie, by: server.publicKey, in: context)
        section.expect(retry.cookie == cookie, "the cookie is another")
        let forged = ForgedDatagram(
            header.fields, to: header.to, from: epoch, counter: 0, payload: [], signer: server, context: context,
            key: nil)
        section.expect(forged.bytes == bytes, "a scripted sender makes another datagram")
        let key = server.publicKey
        return Sample(section.name, forged) { [context] bytes throws(Rejection) in
            _ = try VerifiedRetry(bytes, by: key, in: context)
        }
    }

    func checkWelcome(
        _ section: VectorSection, hello: String, ours: String, theirs: String
    ) throws -> Sample {
        let (ours, theirs) = (try keys.secret(ours), try keys.secret(theirs))
        let serverKey = theirs.agreementPublicKey
        let (d1, d2) = try checkAgreements(section, ours: ours, theirs: theirs)
        let transcript = context.transcript(
            .transcript, server: server.publicKey, opening: try vectors.section(hello).bytes("datagram"),
            last: serverKey.bytes)
        try section.expect("T", transcript.array)
        let k1 = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        try section.expect("k1", k1.array)

        let session = try section.session("session_u64")
        try checkSessionKeys(section, d1, d2, transcript, session, epoch: epoch)
        let body = Welcome(
            session: session, token: try section.number("token_u64"),
            directory: try section.number("directory_u64"), parameters: try parameters(section),
            address: try section.address("addr"))
        return try DatagramVector(
            section: section, world: self,
            header: Header(.welcome(ephemeral: serverKey), to: try section.tag(), from: epoch, counter: 0),
            body: body, signer: server, key: k1, extra: .transcript(transcript)
        ).check()
    }

    /// Checks a RESUME for peer A's session. The restarted server has `epoch_r_u64` as its epoch and `e_s_r` as its
    /// ephemeral secret.
    func checkResume(_ section: VectorSection) throws -> Sample {
        let (ours, theirs) = (try keys.secret("e_a"), try section.secret("e_s_r"))
        let (memberKey, serverKey) = (ours.agreementPublicKey, theirs.agreementPublicKey)
        try section.expect("E", memberKey.bytes.array)
        let (d1, d2) = try checkAgreements(section, ours: ours, theirs: theirs)
        let (session, epoch) = (try section.session("session_u64"), try section.number("epoch_r_u64"))
        section.expect(try keys.session("s_a_u64") == session, "session_u64 is another session")
        let transcript = context.resumeTranscript(
            server: server.publicKey, session: session, epoch: epoch, member: memberKey, last: serverKey)
        try section.expect("T_m", transcript.array)
        let key = Handshake.resumeKey(d1: d1, d2: d2, transcript: transcript)
        try section.expect("k_res", key.array)

        try checkSessionKeys(section, d1, d2, transcript, session, epoch: epoch)
        let body = Resume(
            start: try section.number("start_u64"), token: try section.number("token_u64"),
            directory: try section.number("directory_u64"), parameters: try parameters(section))
        return try DatagramVector(
            section: section, world: self,
            header: Header(.resume(ephemeral: serverKey), to: session.rawValue, from: epoch, counter: 0),
            body: body, signer: server, key: key, extra: .transcript(transcript)
        ).check()
    }

    /// Checks E_s, D1 and D2 of a WELCOME or RESUME.
    ///
    /// - Parameters:
    ///   - ours: The peer's ephemeral secret.
    ///   - theirs: The server's ephemeral secret.
    private func checkAgreements(
        _ section: VectorSection, ours: Secret32, theirs: Secret32
    ) throws -> (d1: Secret32, d2: Secret32) {
        let serverKey = theirs.agreementPublicKey
        try section.expect("E_s", serverKey.bytes.array)
        let d1 = try require(server.agree(with: ours.agreementPublicKey), "[\(section.name)] no D1")
        let d2 = try agree(theirs, ours.agreementPublicKey)
        try section.expect("d1", d1.array)
        try section.expect("d2", d2.array)
        try section.expect("d2", ours.agree(with: serverKey)?.array ?? [])
        return (d1, d2)
    }

    /// Returns the four times of a WELCOME or RESUME.
    private func parameters(_ section: VectorSection) throws -> SessionParameters {
        var parameters = SessionParameters(heartbeat: .zero, lifetime: .zero, trust: .zero, rekey: .zero)
        parameters.heartbeatMilliseconds = try section.short("heartbeat_ms_u64")
        parameters.lifetimeMilliseconds = try section.short("lifetime_ms_u64")
        parameters.trustSeconds = try section.short("trust_s_u64")
        parameters.rekeySeconds = try section.short("rekey_s_u64")
        return parameters
    }

    private func checkSessionKeys(
        _ section: VectorSection, _ d1: Secret32, _ d2: Secret32, _ transcript: Bytes32, _ session: SessionID,
        epoch: UInt64
    ) throws {
        let input = SecretInput()
        input.append(d2)
        input.append(d1)
        input.append(transcript)
        let master = Sodium.derive(.master, input).array
        try section.expect("master", master)
        try section.expect("J", master + [UInt8](bigEndian: session.rawValue) + [UInt8](bigEndian: epoch))
        let keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        try section.expect("k_p2s", keys.peerToServer.array)
        try section.expect("k_s2p", keys.serverToPeer.array)
        try section.expect("binder", keys.binder.array)
    }

    func checkReject(_ section: VectorSection) throws -> Sample {
        let salt = try section.bytes32("salt")
        let d1 = try agree(keys.secret("e_a"), keys.agreementKey("server_x"))
        try section.expect("d1", d1.array)
        let hello = try vectors.section("hello").bytes("datagram")
        let transcript = context.transcript(
            .transcriptReject, server: server.publicKey, opening: hello, last: salt)
        try section.expect("T_r", transcript.array)
        let key = Handshake.rejectKey(d1: d1, transcript: transcript)
        try section.expect("k_rej", key.array)
        return try DatagramVector(
            section: section, world: self,
            header: Header(.reject(salt: salt), to: try section.tag(), from: epoch, counter: 0),
            body: Reject(reason: try section.reason(), retrySeconds: try section.short("retry_s_u64")),
            signer: server, key: key, extra: .transcript(transcript)
        ).check()
    }
}
