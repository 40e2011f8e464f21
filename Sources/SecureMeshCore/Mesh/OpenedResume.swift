/// A RESUME with a valid signature of the server, and the new keys of the session.
struct OpenedResume: Sendable {
    let body: Resume
    let epoch: UInt64
    let keys: SessionKeys
}

extension LocalIdentity {
    /// Opens a RESUME for this session. The RESUME must pass these checks, in this order: the key agreements succeed,
    /// the seal opens, the fields decode, and the signature is valid.
    ///
    /// - Parameters:
    ///   - serverKey: The server's ephemeral key, which the RESUME carries unencrypted.
    ///   - server: The server of this session.
    func openResume(
        _ span: Span<UInt8>, _ datagram: Datagram, serverKey: AgreementPublicKey, server: PinnedServer
    ) throws(Rejection) -> OpenedResume {
        guard let d1 = context.primitives.agree(ephemeral, server.agreementKey),
            let d2 = context.primitives.agree(ephemeral, serverKey)
        else { throw .agreementFailed }
        let epoch = datagram.header.from
        let transcript = context.resumeTranscript(
            server: server.identity, session: session, epoch: epoch, member: agreementKey, last: serverKey)
        let key = Handshake.resumeKey(d1: d1, d2: d2, transcript: transcript)
        let body = try Opened<Resume>(span, datagram, key: key, by: context.primitives)
            .verified(by: server.identity, in: context, extra: .transcript(transcript)).body
        let keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        return OpenedResume(body: body, epoch: epoch, keys: keys)
    }
}
