package import SecureMeshCore

/// A server made by hand, for one HELLO: it knows what the peer's session turns on.
package struct ScriptedServer: Sendable {
    package let session: SessionID
    package let epoch: UInt64
    package let welcome: ForgedDatagram
    package let keys: SessionKeys
    /// The member that WELCOME makes of the HELLO's sender.
    package let entry: Entry
    private let key: SigningKey
    private let context: SigningContext
    private let d1: Secret32
    private let hello: [UInt8]
    private let tag: UInt64

    /// Nil unless `hello` is a HELLO that the server of `key` can open.
    package init?(
        key: SigningKey, context: SigningContext, hello: [UInt8], from address: SocketAddress, session: SessionID,
        epoch: UInt64, ephemeral: Secret32, parameters: Welcome.Parameters
    ) {
        let primitives = context.primitives
        guard let datagram = try? Datagram(decoding: hello.span),
            case .hello(let cookie, let peerKey) = datagram.header.fields,
            let d1 = primitives.agree(key, peerKey), let d2 = primitives.agree(ephemeral, peerKey)
        else { return nil }
        let helloKey = Handshake.helloKey(d1: d1, ephemeral: peerKey, cookie: cookie, server: context.server)
        guard let opened = try? Opened<Hello>(hello.span, datagram, key: helloKey, by: primitives),
            let verified = try? opened.verified(by: opened.body.identity, in: context)
        else { return nil }
        self.session = session
        self.epoch = epoch
        self.key = key
        self.context = context
        self.d1 = d1
        self.hello = hello
        tag = Handshake.tag(of: hello)
        entry = Entry(
            session: session, identity: verified.signer, agreementKey: peerKey, binding: verified.signature,
            address: address, name: verified.body.name)
        let publicKey = primitives.publicKey(of: ephemeral)
        let transcript = context.transcript(.transcript, hello: hello, last: publicKey.bytes)
        keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        welcome = ForgedDatagram(
            .welcome(ephemeral: publicKey), to: tag, from: epoch, counter: 0,
            extra: .transcript(transcript),
            payload: Welcome(session: session, token: 77, parameters: parameters, address: address).encoded,
            signer: key, context: context,
            key: Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript))
    }

    package func reject(_ reject: Reject, salt: Bytes32) -> ForgedDatagram {
        let transcript = context.transcript(.transcriptReject, hello: hello, last: salt)
        return ForgedDatagram(
            .reject(salt: salt), to: tag, from: epoch, counter: 0, extra: .transcript(transcript),
            payload: reject.encoded, signer: key, context: context,
            key: Handshake.rejectKey(d1: d1, transcript: transcript))
    }

    package func retry(cookie: Bytes16, rotation: UInt64) -> ForgedDatagram {
        ForgedDatagram(
            .retry(cookie: cookie, rotation: rotation), to: tag, from: epoch, counter: 0,
            payload: [], signer: key, context: context, key: nil)
    }

    /// PULSE, SNAPSHOT, DELTA or GOODBYE in the session.
    package func draft(
        _ fields: OpenFields, _ payload: some Payload, counter: UInt64
    ) -> ForgedDatagram {
        ForgedDatagram(
            fields, to: session.rawValue, from: epoch, counter: counter,
            payload: payload.encoded, signer: key, context: context, key: keys.serverToPeer)
    }
}
