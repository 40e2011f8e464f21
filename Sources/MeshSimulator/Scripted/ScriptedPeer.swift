package import SecureMeshCore

/// A peer that has a real key and need not follow the protocol. The code that uses a scripted peer decides which
/// datagrams the peer makes, and can change every part of each datagram.
///
/// Attackers, the self-test, fuzz targets and unit tests use this type.
package struct ScriptedPeer: Sendable {
    /// The newest HELLO, and the secrets with which it was made.
    package struct Attempt: Sendable {
        package let hello: ForgedDatagram
        package let name: PeerName
        package let address: SocketAddress
        package let ephemeral: Secret32
        let agreementKey: AgreementPublicKey
        let d1: Secret32
    }

    /// The session that the newest WELCOME opened.
    package struct Membership: Sendable {
        package let welcome: Welcome
        package let epoch: UInt64
        package let keys: SessionKeys
        package var session: SessionID { welcome.session }
    }

    package let key: SigningKey
    package let name: PeerName
    package let context: SigningContext
    package private(set) var attempt: Attempt?
    package private(set) var membership: Membership?
    /// The counter of the newest datagram to the server or to a member. CONFIRM has counter 1.
    package var counter: UInt64 = 1
    /// The number of the newest HEARTBEAT or LEAVE. CONFIRM has number 1.
    package var number: UInt64 = 1
    /// The token of the newest WELCOME or PULSE.
    package var token: UInt64 = 0
    /// The version in the newest PULSE.
    package internal(set) var version: UInt64 = 0
    /// The cookie of the newest RETRY.
    package internal(set) var cookie = Bytes16.zero
    /// The members in the directory, as far as the peer has received the directory.
    package internal(set) var known: [Entry] = []
    package internal(set) var overheard: Overheard?

    package init(key: SigningKey, name: PeerName, context: SigningContext) {
        self.key = key
        self.name = name
        self.context = context
    }

    /// The key of the mesh's only server.
    package var server: PublicKey { context.mesh }
    package var address: SocketAddress? { attempt?.address }
    package var session: SessionID? { membership?.session }

    /// The entry under which a directory lists the peer; nil if the peer has no session.
    package var entry: Entry? {
        guard let attempt, let membership else { return nil }
        return Entry(
            session: membership.session, identity: key.publicKey, agreementKey: attempt.agreementKey,
            binding: attempt.hello.signature, address: attempt.address, name: attempt.name)
    }
}

// MARK: joining

extension ScriptedPeer {
    /// Makes a HELLO, and discards the previous session.
    ///
    /// - Parameter name: The name in the HELLO; nil for the peer's own.
    /// - Returns: The bytes of the HELLO; an empty array if no secret can be agreed with the server's key.
    package mutating func hello(
        as name: PeerName? = nil, from address: SocketAddress, ephemeral: Secret32, cookie: Bytes16 = .zero
    ) -> [UInt8] {
        let name = name ?? self.name
        (counter, number, known, overheard, membership, attempt) = (1, 1, [], nil, nil, nil)
        guard let serverKey = context.primitives.agreementKey(of: server),
            let d1 = context.primitives.agree(ephemeral, serverKey)
        else { return [] }
        let agreementKey = context.primitives.publicKey(of: ephemeral)
        let hello = ForgedDatagram(
            .hello(cookie: cookie, ephemeral: agreementKey), to: 0, from: 0, counter: 0,
            payload: Hello(identity: key.publicKey, name: name).encoded, signer: key, context: context,
            key: Handshake.helloKey(d1: d1, ephemeral: agreementKey, cookie: cookie, server: server))
        attempt = Attempt(
            hello: hello, name: name, address: address, ephemeral: ephemeral, agreementKey: agreementKey, d1: d1)
        return hello.bytes
    }

    /// Opens and verifies the WELCOME that answers the newest HELLO, and keeps the session that this WELCOME opens.
    package mutating func open(welcome: [UInt8]) throws(Rejection) {
        let datagram = try Datagram(decoding: welcome.span)
        guard let attempt, case .welcome(let serverKey) = datagram.header.fields else { throw .misdirected }
        guard let d2 = context.primitives.agree(attempt.ephemeral, serverKey) else { throw .agreementFailed }
        let transcript = context.transcript(
            .transcript, server: server, opening: attempt.hello.bytes, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: attempt.d1, d2: d2, transcript: transcript)
        let body = try Opened<Welcome>(welcome.span, datagram, key: key, by: context.primitives)
            .verified(by: server, in: context, extra: .transcript(transcript)).body
        let epoch = datagram.header.from
        token = body.token
        membership = Membership(
            welcome: body, epoch: epoch,
            keys: Handshake.sessionKeys(
                d1: attempt.d1, d2: d2, transcript: transcript, session: body.session, epoch: epoch))
    }

    /// Opens and verifies a RESUME of this peer's session, and keeps the new keys and the new epoch.
    package mutating func open(resume: [UInt8]) throws(Rejection) {
        let datagram = try Datagram(decoding: resume.span)
        guard let attempt, let membership, case .resume(let serverKey) = datagram.header.fields,
            datagram.header.to == membership.session.rawValue
        else { throw .misdirected }
        guard let d2 = context.primitives.agree(attempt.ephemeral, serverKey) else { throw .agreementFailed }
        let epoch = datagram.header.from
        let transcript = context.resumeTranscript(
            server: server, session: membership.session, epoch: epoch, member: attempt.agreementKey, last: serverKey)
        let key = Handshake.resumeKey(d1: attempt.d1, d2: d2, transcript: transcript)
        let body = try Opened<Resume>(resume.span, datagram, key: key, by: context.primitives)
            .verified(by: server, in: context, extra: .transcript(transcript)).body
        (token, counter) = (body.token, 1)
        self.membership = Membership(
            welcome: membership.welcome, epoch: epoch,
            keys: Handshake.sessionKeys(
                d1: attempt.d1, d2: d2, transcript: transcript, session: membership.session, epoch: epoch))
    }

    /// Opens and verifies a REJECT of the newest HELLO.
    package func open(reject: [UInt8]) throws(Rejection) -> Reject {
        let datagram = try Datagram(decoding: reject.span)
        guard let attempt, case .reject(let salt) = datagram.header.fields else { throw .misdirected }
        let transcript = context.transcript(
            .transcriptReject, server: server, opening: attempt.hello.bytes, last: salt)
        let key = Handshake.rejectKey(d1: attempt.d1, transcript: transcript)
        return try Opened<Reject>(reject.span, datagram, key: key, by: context.primitives)
            .verified(by: server, in: context, extra: .transcript(transcript)).body
    }

    /// A valid CONFIRM; nil before the peer has opened a WELCOME.
    package var confirm: ForgedDatagram? {
        guard let token = membership?.welcome.token else { return nil }
        return draft(.confirm, Heartbeat(number: 1, token: token, version: 0, part: 0), counter: 1)
    }
}

// MARK: being a member

extension ScriptedPeer {
    /// Adds 1 to `counter` and to `number`.
    package mutating func advance() {
        counter += 1
        number += 1
    }

    /// Returns a datagram to the server: a CONFIRM, HEARTBEAT or LEAVE. Returns nil if the peer has no session.
    ///
    /// - Parameter counter: The counter of the datagram; nil for the peer's newest counter.
    package func draft(_ fields: OpenFields, _ payload: some Payload, counter: UInt64? = nil) -> ForgedDatagram? {
        guard let membership else { return nil }
        return ForgedDatagram(
            fields, to: membership.epoch, from: membership.session.rawValue, counter: counter ?? self.counter,
            extra: fields == .confirm ? .binder(membership.keys.binder, server: server) : .none,
            payload: payload.encoded, signer: key, context: context, key: membership.keys.peerToServer)
    }

    /// Returns the next HEARTBEAT, with the newest token; nil if the peer has no session.
    package mutating func heartbeat(version: UInt64, part: UInt16 = 0) -> ForgedDatagram? {
        advance()
        return draft(.heartbeat, Heartbeat(number: number, token: token, version: version, part: part))
    }

    /// Returns a MESSAGE to the member that `entry` lists; nil if the peer has no session.
    ///
    /// - Parameter counter: The counter of the datagram; nil for the peer's next counter.
    package mutating func message(
        _ message: PeerMessage, to entry: Entry, counter: UInt64? = nil
    ) -> ForgedDatagram? {
        toMember(.message, message, entry, counter: counter)
    }

    private mutating func toMember(
        _ fields: OpenFields, _ payload: some Payload, _ entry: Entry, counter: UInt64?
    ) -> ForgedDatagram? {
        if counter == nil { self.counter += 1 }
        guard let membership, let key = pairKey(with: entry, isSending: true) else { return nil }
        return ForgedDatagram(
            fields, to: entry.session.rawValue, from: membership.session.rawValue, counter: counter ?? self.counter,
            payload: payload.encoded, signer: self.key, context: context, key: key)
    }

    /// Returns an ACK for the message with this number from the member that `entry` lists; nil if the peer has no
    /// session.
    ///
    /// - Parameter counter: The counter of the datagram; nil for the peer's next counter.
    package mutating func acknowledgment(
        of number: UInt64, to entry: Entry, counter: UInt64? = nil
    ) -> ForgedDatagram? {
        let body = Acknowledgment(audience: entry.identity, session: entry.session, number: number)
        return toMember(.ack, body, entry, counter: counter)
    }

    /// Returns a MESSAGE to the member that `entry` lists, with `plaintext` (any bytes) in place of the payload and its
    /// signature. Returns nil if the peer has no session.
    ///
    /// - Parameter sender: The sender's session in the header; nil for the peer's own session.
    package mutating func sealed(_ plaintext: [UInt8], from sender: SessionID?, for entry: Entry) -> [UInt8]? {
        guard var draft = message(PeerMessage(audience: nil, number: 1, body: []), to: entry) else { return nil }
        if let sender { draft.from = sender.rawValue }
        return draft.seal(plaintext)
    }

    /// Seals the newest overheard message for the member that `entry` lists. Returns nil without a message or a
    /// session.
    ///
    /// - Parameter asItself: True if the header is to name the peer's own session; false for the session of the
    ///   message's sender.
    package mutating func resealed(for entry: Entry, asItself: Bool) -> [UInt8]? {
        guard let overheard else { return nil }
        return sealed(overheard.plaintext, from: asItself ? nil : overheard.sender.session, for: entry)
    }

    /// Returns the key that seals messages to the member that `entry` lists, or messages from that member if
    /// `isSending` is false. Returns nil if the peer has no session or no key can be agreed.
    package func pairKey(with entry: Entry, isSending: Bool) -> Secret32? {
        guard let attempt, let membership,
            let secret = context.primitives.agree(attempt.ephemeral, entry.agreementKey)
        else { return nil }
        let own = PairEnd(membership.session, key.publicKey, attempt.agreementKey)
        let other = PairEnd(entry.session, entry.identity, entry.agreementKey)
        return PairEnd.key(
            secret, from: isSending ? own : other, to: isSending ? other : own, mesh: context.mesh)
    }
}
