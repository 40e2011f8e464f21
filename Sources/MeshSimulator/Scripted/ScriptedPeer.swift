package import SecureMeshCore

/// A peer made by hand, with every key in the hand of whoever made it: it can say what no `Peer` would.
package struct ScriptedPeer: Sendable {
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
    package let hello: ForgedDatagram
    private let d1: Secret32
    package private(set) var membership: Membership?

    package init?(
        key: SigningKey, name: PeerName, path: Path, ephemeral: Secret32, cookie: Bytes16 = .zero,
        context: SigningContext
    ) {
        guard let serverKey = context.primitives.agreementKey(of: context.server),
            let d1 = context.primitives.agree(ephemeral, serverKey)
        else { return nil }
        self.key = key
        self.name = name
        self.path = path
        self.ephemeral = ephemeral
        self.d1 = d1
        agreementKey = context.primitives.publicKey(of: ephemeral)
        hello = ForgedDatagram(
            .hello(cookie: cookie, ephemeral: agreementKey), to: 0, from: 0, counter: 0,
            payload: Hello(identity: key.publicKey, name: name).encoded, signer: key, context: context,
            key: Handshake.helloKey(d1: d1, ephemeral: agreementKey, cookie: cookie, server: context.server))
    }

    /// Takes the session out of an answer to `hello`; false if it is none.
    package mutating func open(_ welcome: [UInt8]) -> Bool {
        guard let datagram = try? Datagram(decoding: welcome.span),
            case .welcome(let serverKey) = datagram.header.fields,
            let d2 = hello.context.primitives.agree(ephemeral, serverKey)
        else { return false }
        let transcript = hello.context.transcript(.transcript, hello: hello.bytes, last: serverKey.bytes)
        let key = Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript)
        guard let opened = try? Opened<Welcome>(welcome.span, datagram, key: key, by: hello.context.primitives) else {
            return false
        }
        let epoch = datagram.header.from
        membership = Membership(
            session: opened.body.session, epoch: epoch, token: opened.body.token,
            keys: Handshake.sessionKeys(
                d1: d1, d2: d2, transcript: transcript, session: opened.body.session, epoch: epoch))
        return true
    }

    /// CONFIRM, HEARTBEAT or LEAVE of its session.
    package func draft(_ fields: OpenFields, _ payload: some Payload, counter: UInt64) -> ForgedDatagram? {
        guard let membership else { return nil }
        return ForgedDatagram(
            fields, to: membership.epoch, from: membership.session.rawValue, counter: counter,
            extra: fields == .confirm ? .binder(membership.keys.binder) : .none, payload: payload.encoded, signer: key,
            context: hello.context, key: membership.keys.peerToServer)
    }

    /// CONFIRM as it should be.
    package var confirm: ForgedDatagram? {
        guard let token = membership?.token else { return nil }
        return draft(.confirm, Heartbeat(number: 1, token: token, version: 0, part: 0), counter: 1)
    }

    /// A message to the member of `entry`.
    package func message(_ message: PeerMessage, to entry: Entry, counter: UInt64) -> ForgedDatagram? {
        guard let membership, let key = pairKey(with: entry, isSending: true) else { return nil }
        return ForgedDatagram(
            .message, to: entry.session.rawValue, from: membership.session.rawValue, counter: counter,
            payload: message.encoded, signer: self.key, context: hello.context, key: key)
    }

    /// The key of messages to the member of `entry`, or from it.
    package func pairKey(with entry: Entry, isSending: Bool) -> Secret32? {
        guard let membership, let secret = hello.context.primitives.agree(ephemeral, entry.agreementKey) else {
            return nil
        }
        let me = PairEnd(membership.session, key.publicKey, agreementKey)
        let them = PairEnd(entry.session, entry.identity, entry.agreementKey)
        return PairEnd.key(
            secret, epoch: membership.epoch, from: isSending ? me : them, to: isSending ? them : me,
            server: hello.context.server)
    }

    /// As the directory would list it.
    package var entry: Entry? {
        guard let membership else { return nil }
        return Entry(
            session: membership.session, identity: key.publicKey, agreementKey: agreementKey,
            binding: hello.signature, address: path.remote, name: name)
    }
}
