package import SecureMesh

/// Keys, names and addresses that every target draws from: a small pool, so that what one operation made the next can
/// use.
package enum Pool {
    package static let server = signingKey(0)
    package static let keys = (1...10).map { signingKey(UInt8($0)) }
    /// Four of them as long as can be: with them a snapshot of seven members has two parts.
    package static let names = "ABCDEFGHIJ".enumerated().compactMap { index, letter in
        PeerName(String(repeating: letter, count: (4..<8).contains(index) ? PeerName.maximumLength : 1))
    }
    package static let serverAddress = SocketAddress(ip: .v4(0xC633_6401), port: 3000)
    package static let context = SigningContext(server: server.publicKey)

    package static func address(_ index: Int) -> SocketAddress {
        index % 4 == 3
            ? SocketAddress(ip: .v6(0x2001_0DB8_0000_0000, UInt64(index)), port: 4000)
            : SocketAddress(ip: .v4(0xC633_6410 + UInt32(truncatingIfNeeded: index)), port: 4000)
    }

    package static let session: SessionID = {
        var random = RandomSource.seeded(0x5E55)
        return random.sessionID { _ in false }
    }()

    /// A secret that `seed` names.
    package static func secret(_ seed: UInt64) -> Secret32 {
        var random = RandomSource.seeded(seed &+ 0xF022)
        return random.secret()
    }

    private static func signingKey(_ seed: UInt8) -> SigningKey {
        let bytes = [UInt8](repeating: 0x40 + seed, count: Bytes32.count)
        return SigningKey(seed: bytes.span)
    }
}

/// A peer made by hand, with every key in the harness's own: it can say what no `Peer` would.
package struct HandmadePeer: Sendable {
    package struct Membership: Sendable {
        package let session: SessionID
        package let epoch: UInt64
        package let token: UInt64
        package let keys: SessionKeys
    }

    package let key: SigningKey
    package let name: PeerName
    package let path: Path
    package let ephemeral: Secret32
    package let agreementKey: AgreementPublicKey
    package let hello: Draft
    private let d1: Secret32
    package private(set) var membership: Membership?

    package init?(
        key: SigningKey, name: PeerName, path: Path, ephemeral: Secret32, cookie: Bytes16 = .zero,
        context: SigningContext = Pool.context
    ) {
        guard let serverKey = Sodium.agreementKey(of: context.server), let d1 = ephemeral.agree(with: serverKey) else {
            return nil
        }
        self.key = key
        self.name = name
        self.path = path
        self.ephemeral = ephemeral
        self.d1 = d1
        agreementKey = ephemeral.agreementPublicKey
        hello = Draft(
            kind: .hello, to: 0, from: 0, counter: 0, delivery: .cookie(cookie), clear: .agreementKey(agreementKey),
            payload: Hello(identity: key.publicKey, name: name).encoded, signer: key, context: context,
            key: Handshake.helloKey(d1: d1, ephemeral: agreementKey, cookie: cookie, server: context.server))
    }

    /// Takes the session out of an answer to `hello`; false if it is none.
    package mutating func open(_ welcome: [UInt8]) -> Bool {
        guard let datagram = try? Datagram(decoding: welcome.span),
            case .agreementKey(let serverKey) = datagram.header.clear, let d2 = ephemeral.agree(with: serverKey)
        else { return false }
        let transcript = hello.context.transcript(.transcript, hello: hello.bytes, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        guard let opened = try? Opened<Welcome>(welcome.span, datagram, key: key) else { return false }
        let epoch = datagram.header.from
        membership = Membership(
            session: opened.body.session, epoch: epoch, token: opened.body.token,
            keys: Handshake.sessionKeys(
                d1: d1, d2: d2, transcript: transcript, session: opened.body.session, epoch: epoch))
        return true
    }

    /// CONFIRM, HEARTBEAT or LEAVE of its session.
    package func draft(_ kind: Kind, _ payload: some Payload, counter: UInt64) -> Draft? {
        guard let membership else { return nil }
        return Draft(
            kind: kind, to: membership.epoch, from: membership.session.rawValue, counter: counter,
            extra: kind == .confirm ? .binder(membership.keys.binder) : .none, payload: payload.encoded, signer: key,
            context: hello.context, key: membership.keys.peerToServer)
    }

    /// CONFIRM as it should be.
    package var confirm: Draft? {
        guard let token = membership?.token else { return nil }
        return draft(.confirm, Heartbeat(number: 1, token: token, version: 0, part: 0), counter: 1)
    }

    /// A message to the member of `entry`.
    package func message(_ message: PeerMessage, to entry: Entry, counter: UInt64) -> Draft? {
        guard let membership, let secret = ephemeral.agree(with: entry.agreementKey) else { return nil }
        let key = PairEnd.key(
            secret, epoch: membership.epoch, from: PairEnd(membership.session, self.key.publicKey, agreementKey),
            to: PairEnd(entry.session, entry.identity, entry.agreementKey), server: hello.context.server)
        return Draft(
            kind: .message, to: entry.session.rawValue, from: membership.session.rawValue, counter: counter,
            payload: message.encoded, signer: self.key, context: hello.context, key: key)
    }

    /// As the directory would list it.
    package var entry: Entry? {
        guard let membership else { return nil }
        return Entry(
            session: membership.session, identity: key.publicKey, agreementKey: agreementKey,
            binding: hello.signature, address: path.remote, name: name)
    }
}

/// A server made by hand, for one HELLO: it knows what the peer's session turns on.
package struct HandmadeServer: Sendable {
    package let session: SessionID
    package let epoch: UInt64
    package let welcome: Draft
    package let keys: SessionKeys
    /// The member that WELCOME makes of the HELLO's sender.
    package let entry: Entry
    private let d1: Secret32
    private let hello: [UInt8]
    private let tag: UInt64

    /// Nil unless `hello` is a HELLO that `Pool.server` can open.
    package init?(hello: [UInt8], from address: SocketAddress, session: SessionID, epoch: UInt64, ephemeral: Secret32) {
        let context = Pool.context
        guard let datagram = try? Datagram(decoding: hello.span),
            case .agreementKey(let peerKey) = datagram.header.clear,
            case .cookie(let cookie) = datagram.header.delivery,
            let d1 = Pool.server.agree(with: peerKey), let d2 = ephemeral.agree(with: peerKey)
        else { return nil }
        let helloKey = Handshake.helloKey(d1: d1, ephemeral: peerKey, cookie: cookie, server: context.server)
        guard let opened = try? Opened<Hello>(hello.span, datagram, key: helloKey),
            let verified = try? opened.verified(by: opened.body.identity, in: context)
        else { return nil }
        self.session = session
        self.epoch = epoch
        self.d1 = d1
        self.hello = hello
        tag = Handshake.tag(of: hello)
        entry = Entry(
            session: session, identity: verified.signer, agreementKey: peerKey, binding: verified.signature,
            address: address, name: verified.body.name)
        let publicKey = ephemeral.agreementPublicKey
        let transcript = context.transcript(.transcript, hello: hello, last: publicKey.bytes)
        keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        let parameters = Welcome.Parameters(
            heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
            trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey)
        welcome = Draft(
            kind: .welcome, to: tag, from: epoch, counter: 0, clear: .agreementKey(publicKey),
            extra: .transcript(transcript),
            payload: Welcome(session: session, token: 77, parameters: parameters, address: address).encoded,
            signer: Pool.server, context: context,
            key: Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript))
    }

    package func reject(_ reject: Reject, salt: Bytes32) -> Draft {
        let transcript = Pool.context.transcript(.transcriptReject, hello: hello, last: salt)
        return Draft(
            kind: .reject, to: tag, from: epoch, counter: 0, clear: .salt(salt), extra: .transcript(transcript),
            payload: reject.encoded, signer: Pool.server, context: Pool.context,
            key: Handshake.rejectKey(d1: d1, transcript: transcript))
    }

    package func retry(cookie: Bytes16, rotation: UInt64) -> Draft {
        Draft(
            kind: .retry, to: tag, from: epoch, counter: 0, delivery: .cookie(cookie), clear: .rotation(rotation),
            payload: [], signer: Pool.server, context: Pool.context, key: nil)
    }

    /// PULSE, SNAPSHOT, DELTA or GOODBYE in the session.
    package func draft(
        _ kind: Kind, _ payload: some Payload, counter: UInt64, delivery: Header.Delivery = .none
    ) -> Draft {
        Draft(
            kind: kind, to: session.rawValue, from: epoch, counter: counter, delivery: delivery,
            payload: payload.encoded, signer: Pool.server, context: Pool.context, key: keys.serverToPeer)
    }
}
