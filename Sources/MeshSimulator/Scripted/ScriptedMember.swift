package import SecureMeshCore

/// A member that runs the protocol by hand and so can cheat: it has a key of its own, listed or not, learns what reaches
/// its address, and says what it likes.
package struct ScriptedMember: Sendable {
    /// What another has signed, and this one could open.
    package struct Overheard: Sendable {
        package let sender: Entry
        /// payload ‖ signature.
        package let plaintext: [UInt8]
    }

    package let key: SigningKey
    package let name: PeerName
    package let context: SigningContext
    private(set) package var peer: ScriptedPeer?
    /// Of the newest datagram; the number is that of the newest HEARTBEAT or LEAVE.
    private(set) package var counter: UInt64 = 1
    private(set) package var number: UInt64 = 1
    private(set) package var token: UInt64 = 0
    private(set) package var version: UInt64 = 0
    /// From the newest RETRY.
    private(set) package var cookie = Bytes16.zero
    /// Whom it has been told of.
    private(set) package var known: [Entry] = []
    private(set) package var overheard: Overheard?

    package init(key: SigningKey, name: PeerName, context: SigningContext) {
        self.key = key
        self.name = name
        self.context = context
    }

    package var address: SocketAddress? { peer?.path.remote }
    package var session: SessionID? { peer?.membership?.session }

    /// A HELLO with a new ephemeral key, under any name and from any address.
    package mutating func hello(
        as name: PeerName, from address: SocketAddress, ephemeral: Secret32, cookie: Bytes16 = .zero
    ) -> [UInt8] {
        peer = ScriptedPeer(
            key: key, name: name, path: Path(remote: address), ephemeral: ephemeral, cookie: cookie, context: context)
        counter = 1
        number = 1
        known = []
        overheard = nil
        return peer?.hello.bytes ?? []
    }

    /// CONFIRM as it should be.
    package var confirm: ForgedDatagram? { peer?.confirm }

    /// The next counter, and the next number.
    package mutating func advance() {
        counter += 1
        number += 1
    }

    /// HEARTBEAT or LEAVE, under the present counter.
    package func draft(_ fields: OpenFields, _ payload: some Payload) -> ForgedDatagram? {
        peer?.draft(fields, payload, counter: counter)
    }

    /// The next HEARTBEAT, as it should be but for the version.
    package mutating func heartbeat(version: UInt64) -> ForgedDatagram? {
        advance()
        return draft(.heartbeat, Heartbeat(number: number, token: token, version: version, part: 0))
    }

    package mutating func message(_ message: PeerMessage, to entry: Entry) -> ForgedDatagram? {
        counter += 1
        return peer?.message(message, to: entry, counter: counter)
    }

    /// What another has signed, sealed by this one for a third.
    package mutating func resealed(for entry: Entry, asItself: Bool) -> [UInt8]? {
        guard let overheard else { return nil }
        return sealed(overheard.plaintext, from: asItself ? nil : overheard.sender.session, for: entry)
    }

    /// Any payload ‖ signature, sealed for another member; nil: from this one's session.
    package mutating func sealed(_ plaintext: [UInt8], from sender: SessionID?, for entry: Entry) -> [UInt8]? {
        let empty = PeerMessage(audience: nil, number: 1, body: [])
        guard let draft = message(empty, to: entry), let key = draft.key else { return nil }
        let from = sender?.rawValue ?? draft.from
        let header = Header(.message, to: draft.to, from: from, counter: draft.counter)
        var bytes = header.encode(size: Kind.message.sealedOffset + plaintext.count + Kind.tagSize)
        context.primitives.seal(plaintext, onto: &bytes, counter: draft.counter, key: key)
        return bytes
    }

    /// Learns what it can from what reaches its address.
    package mutating func hear(_ bytes: [UInt8]) {
        guard let datagram = try? Datagram(decoding: bytes.span), peer != nil else { return }
        let header = datagram.header
        switch header.fields {
        case .retry(let cookie, _):
            self.cookie = cookie
            return
        case .welcome:
            if peer?.open(bytes) == true { token = peer?.membership?.token ?? 0 }
            return
        default: break
        }
        guard let membership = peer?.membership, header.to == membership.session.rawValue else { return }
        let key = membership.keys.serverToPeer
        func open<Body: Payload>(_ body: Body.Type) -> Body? {
            try? Opened<Body>(bytes.span, datagram, key: key, by: context.primitives).body
        }
        switch header.kind {
        case .pulse:
            guard let pulse = open(Pulse.self) else { return }
            token = pulse.token
            version = pulse.version
        case .snapshot:
            if let snapshot = open(Snapshot.self) { learn(snapshot.entries) }
        case .delta:
            guard let delta = open(Delta.self) else { return }
            known.removeAll { delta.removed.contains($0.session) }
            learn(delta.added)
        case .message:
            overhear(bytes, datagram)
        case .hello, .retry, .welcome, .reject, .confirm, .heartbeat, .leave, .goodbye:
            break
        }
    }

    private mutating func learn(_ entries: [Entry]) {
        for entry in entries {
            known.removeAll { $0.session == entry.session || $0.identity == entry.identity }
            known.append(entry)
        }
    }

    private mutating func overhear(_ bytes: [UInt8], _ datagram: Datagram) {
        guard let sender = known.first(where: { $0.session.rawValue == datagram.header.from }),
            let key = peer?.pairKey(with: sender, isSending: false),
            let plaintext = context.primitives.open(
                bytes.span, sealed: datagram.sealed, counter: datagram.header.counter, key: key)
        else { return }
        // Another cheat may have sealed what nobody has signed.
        let payload = Array(plaintext.dropLast(Signature.count))
        let signed = context.signedBytes(.message, from: sender.session.rawValue, payload: payload)
        let signature = Signature(plaintext.span, at: payload.count)
        guard context.primitives.verify(signature, of: signed, by: sender.identity) else { return }
        overheard = Overheard(sender: sender, plaintext: plaintext)
    }
}
