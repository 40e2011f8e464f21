/// A HELLO whose signature is verified, with the values from which its answer is computed (PROTOCOL.md, section 5.1).
struct HelloRequest: Sendable {
    let hello: Verified<Hello>
    /// The joiner's ephemeral public key, E_p in PROTOCOL.md.
    let ephemeral: AgreementPublicKey
    let path: Path
    let bytes: [UInt8]
    /// The tag to which the answer is addressed: the first 8 bytes of a hash of `bytes`.
    let tag: UInt64
    let d1: Secret32

    /// Makes WELCOME, and returns the pending handshake, which contains WELCOME and waits for CONFIRM. The server's
    /// ephemeral secret, e_s, exists only during this call.
    ///
    /// - Parameter isTaken: A function that returns true for a number that the new session must not have.
    /// - Throws: `agreementFailed` if the shared secret D2 is zero.
    func welcome(
        by signer: Signer, directory: UInt64, _ parameters: SessionParameters, random: inout RandomSource,
        now: Instant, unless isTaken: (SessionID) -> Bool
    ) throws(Rejection) -> Ticket {
        let (context, primitives) = (signer.context, signer.context.primitives)
        let secret = random.secret()
        guard let d2 = primitives.agree(secret, ephemeral) else { throw .agreementFailed }
        let session = random.sessionID(unless: isTaken)
        let token = random.next()
        let publicKey = primitives.publicKey(of: secret)
        let transcript = context.transcript(
            .transcript, server: signer.key.publicKey, opening: bytes, last: publicKey.bytes)
        let welcome = Welcome(
            session: session, token: token, directory: directory, parameters: parameters, address: path.remote)
        let signed = signer.sign(.welcome(ephemeral: publicKey), welcome, extra: .transcript(transcript))
        let sealed = signed.sealed(
            to: tag, counter: 0, with: Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript))
        return Ticket(
            entry: Entry(
                session: session, identity: hello.signer, agreementKey: ephemeral, binding: hello.signature,
                address: path.remote, name: hello.body.name),
            path: path, token: token,
            keys: Handshake.sessionKeys(
                d1: d1, d2: d2, transcript: transcript, session: session, epoch: signer.from),
            created: now, tag: tag, offer: sealed)
    }

    /// Makes a REJECT. Each REJECT has a new random salt, so that no two plaintexts are ever sealed with the same key
    /// and nonce.
    func reject(_ reject: Reject, by signer: Signer, random: inout RandomSource) -> [UInt8] {
        let salt = random.bytes32()
        let transcript = signer.context.transcript(
            .transcriptReject, server: signer.key.publicKey, opening: bytes, last: salt)
        let signed = signer.sign(.reject(salt: salt), reject, extra: .transcript(transcript))
        return signed.sealed(to: tag, counter: 0, with: Handshake.rejectKey(d1: d1, transcript: transcript))
    }
}
