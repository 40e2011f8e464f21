package import SecureMeshCore

/// One session of a server that has a real key and need not follow the protocol. The server answers one HELLO, and can
/// send anything in the session that its WELCOME opens.
package struct ScriptedServer: Sendable {
    package let session: SessionID
    private(set) package var epoch: UInt64
    package let welcome: ForgedDatagram
    private(set) package var keys: SessionKeys
    /// The directory entry of the peer, as an honest server would list it.
    package let entry: Entry
    /// The counter of the newest datagram in the session.
    package var counter: UInt64 = 0
    /// The number of the newest PULSE.
    package var pulses: UInt64 = 0
    private let key: SigningKey
    private let context: SigningContext
    private let d1: Secret32
    private let hello: [UInt8]
    private let tag: UInt64
    private let directory: UInt64

    /// Opens and verifies `hello`, and makes a WELCOME.
    ///
    /// - Parameters:
    ///   - address: The address of the peer.
    ///   - directory: The id of the directory; nil to use the epoch as the id.
    /// - Throws: The reason why `hello` is not a valid HELLO to the server with this key.
    package init(
        key: SigningKey, context: SigningContext, hello: [UInt8], from address: SocketAddress, session: SessionID,
        epoch: UInt64, directory: UInt64? = nil, ephemeral: Secret32, parameters: SessionParameters = .ordinary
    ) throws(Rejection) {
        let primitives = context.primitives
        let datagram = try Datagram(decoding: hello.span)
        guard case .hello(let cookie, let peerKey) = datagram.header.fields else { throw .misdirected }
        guard let d1 = primitives.agree(key, peerKey), let d2 = primitives.agree(ephemeral, peerKey) else {
            throw .agreementFailed
        }
        let helloKey = Handshake.helloKey(d1: d1, ephemeral: peerKey, cookie: cookie, server: context.mesh)
        let opened = try Opened<Hello>(hello.span, datagram, key: helloKey, by: primitives)
        let verified = try opened.verified(by: opened.body.identity, in: context)
        self.session = session
        self.epoch = epoch
        self.key = key
        self.context = context
        self.d1 = d1
        self.hello = hello
        tag = Handshake.tag(of: hello)
        self.directory = directory ?? epoch
        entry = Entry(
            session: session, identity: verified.signer, agreementKey: peerKey, binding: verified.signature,
            address: address, name: verified.body.name)
        let publicKey = primitives.publicKey(of: ephemeral)
        let transcript = context.transcript(
            .transcript, server: context.mesh, opening: hello, last: publicKey.bytes)
        keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        welcome = ForgedDatagram(
            .welcome(ephemeral: publicKey), to: tag, from: epoch, counter: 0, extra: .transcript(transcript),
            payload: Welcome(
                session: session, token: 77, directory: directory ?? epoch, parameters: parameters, address: address
            ).encoded,
            signer: key, context: context, key: Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript))
    }

    // MARK: other answers to the HELLO

    package func reject(_ reject: Reject, salt: Bytes32) -> ForgedDatagram {
        let transcript = context.transcript(.transcriptReject, server: context.mesh, opening: hello, last: salt)
        return ForgedDatagram(
            .reject(salt: salt), to: tag, from: epoch, counter: 0, extra: .transcript(transcript),
            payload: reject.encoded, signer: key, context: context,
            key: Handshake.rejectKey(d1: d1, transcript: transcript))
    }

    package func retry(cookie: Bytes16, rotation: UInt64) -> ForgedDatagram {
        ForgedDatagram(
            .retry(cookie: cookie, rotation: rotation), to: tag, from: epoch, counter: 0, payload: [], signer: key,
            context: context, key: nil)
    }

    /// Begins to serve the session under another epoch, as a restarted server does, and returns the RESUME for it.
    ///
    /// - Throws: `agreementFailed` if the shared secret D2 is zero.
    package mutating func resume(
        start: UInt64, epoch: UInt64, ephemeral: Secret32, parameters: SessionParameters = .ordinary
    ) throws(Rejection) -> ForgedDatagram {
        let publicKey = context.primitives.publicKey(of: ephemeral)
        guard let d2 = context.primitives.agree(ephemeral, entry.agreementKey) else { throw .agreementFailed }
        let transcript = context.resumeTranscript(
            server: context.mesh, session: session, epoch: epoch, member: entry.agreementKey, last: publicKey)
        keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        (self.epoch, counter, pulses) = (epoch, 0, 0)
        return ForgedDatagram(
            .resume(ephemeral: publicKey), to: session.rawValue, from: epoch, counter: 0,
            extra: .transcript(transcript),
            payload: Resume(start: start, token: 78, directory: directory, parameters: parameters).encoded,
            signer: key, context: context, key: Handshake.resumeKey(d1: d1, d2: d2, transcript: transcript))
    }

    // MARK: in the session

    /// Returns a datagram to the peer in the session: a PULSE, SNAPSHOT, DELTA or GOODBYE.
    package func draft(_ fields: OpenFields, _ payload: some Payload, counter: UInt64) -> ForgedDatagram {
        ForgedDatagram(
            fields, to: session.rawValue, from: epoch, counter: counter, payload: payload.encoded, signer: key,
            context: context, key: keys.serverToPeer)
    }

    /// Returns a datagram in the session with the next counter.
    package mutating func next(_ fields: OpenFields, _ payload: some Payload) -> ForgedDatagram {
        counter += 1
        return draft(fields, payload, counter: counter)
    }

    /// Returns a PULSE with the next number and the next counter.
    package mutating func pulse(
        echo: UInt64, token: UInt64, version: UInt64, digest: Bytes32 = .zero
    ) -> ForgedDatagram {
        pulses += 1
        let pulse = Pulse(number: pulses, version: version, flags: .current, digest: digest)
        return next(.pulse(echo: echo, token: token), pulse)
    }

    /// Opens and verifies a datagram that the peer has sent in the session.
    package func open<Body: Payload>(_ body: Body.Type, _ bytes: [UInt8]) throws(Rejection) -> Body {
        let datagram = try Datagram(decoding: bytes.span)
        let extra: SigningContext.Extra =
            datagram.header.kind == .confirm ? .binder(keys.binder, server: context.mesh) : .none
        return try Opened<Body>(bytes.span, datagram, key: keys.peerToServer, by: context.primitives)
            .verified(by: entry.identity, in: context, extra: extra).body
    }
}

extension SessionParameters {
    /// The default intervals of a server, as a WELCOME announces them.
    package static var ordinary: SessionParameters {
        SessionParameters(
            heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
            trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey)
    }
}
