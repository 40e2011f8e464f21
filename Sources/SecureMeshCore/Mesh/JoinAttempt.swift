/// An outstanding HELLO, and the secrets that open the answer to it.
package struct JoinAttempt: Sendable {
    package let server: PinnedServer
    /// The address that the HELLO was sent to.
    package let address: SocketAddress
    package let ephemeral: Secret32
    package let d1: Secret32
    package let hello: [UInt8]
    package let tag: UInt64
    /// True if the HELLO has the cookie of an earlier RETRY, or replaced a HELLO that was answered with RETRY. If true,
    /// this peer does not answer another RETRY with a new HELLO at once.
    let followsRetry: Bool
    let sentAt: Instant
    var failedAnswers = 0
    var wasRetried = false

    init(
        server: PinnedServer, address: SocketAddress, ephemeral: Secret32, d1: Secret32, hello: [UInt8],
        followsRetry: Bool, sentAt: Instant
    ) {
        self.server = server
        self.address = address
        self.ephemeral = ephemeral
        self.d1 = d1
        self.hello = hello
        self.followsRetry = followsRetry
        self.sentAt = sentAt
        tag = Handshake.tag(of: hello)
    }

    package var context: SigningContext { server.context }

    /// Opens a WELCOME. The WELCOME must pass these checks, in this order: the key agreement succeeds, the seal opens,
    /// the fields decode, the signature is valid, and session and epoch differ.
    ///
    /// - Parameter serverKey: The server's ephemeral key, which the WELCOME carries unencrypted.
    package func openWelcome(
        _ span: Span<UInt8>, _ datagram: Datagram, serverKey: AgreementPublicKey
    ) throws(Rejection) -> OpenedWelcome {
        guard let d2 = context.primitives.agree(ephemeral, serverKey) else { throw .agreementFailed }
        let transcript = context.transcript(
            .transcript, server: server.identity, opening: hello, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        let welcome = try Opened<Welcome>(span, datagram, key: key, by: context.primitives)
            .verified(by: server.identity, in: context, extra: .transcript(transcript))
        let (session, epoch) = (welcome.body.session, datagram.header.from)
        guard session.rawValue != epoch else { throw .invalidSessionIDs }
        let keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        return OpenedWelcome(welcome: welcome, epoch: epoch, keys: keys)
    }

    /// Opens a REJECT. The REJECT must pass these checks, in this order: the seal opens, the fields decode, and the
    /// signature is valid.
    ///
    /// - Parameter salt: The salt that the REJECT carries unencrypted.
    package func openReject(
        _ span: Span<UInt8>, _ datagram: Datagram, salt: Bytes32
    ) throws(Rejection) -> Reject {
        let transcript = context.transcript(
            .transcriptReject, server: server.identity, opening: hello, last: salt)
        let key = Handshake.rejectKey(d1: d1, transcript: transcript)
        return try Opened<Reject>(span, datagram, key: key, by: context.primitives)
            .verified(by: server.identity, in: context, extra: .transcript(transcript)).body
    }
}
