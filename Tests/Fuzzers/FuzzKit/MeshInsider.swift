import SecureMesh

/// A member that cheats: it has a key of its own, listed or not, runs the protocol by hand and says what it likes.
struct MeshInsider {
    let key: SigningKey
    let name: PeerName
    private(set) var peer: HandmadePeer?
    private var counter: UInt64 = 1
    private var number: UInt64 = 1
    private var token: UInt64 = 0
    private var version: UInt64 = 0
    /// Whom it has been told of.
    private(set) var known: [Entry] = []
    /// The newest broadcast that it could open: what another has signed.
    private var overheard: (plaintext: [UInt8], sender: SessionID)?
    private var lastHello: [UInt8] = []

    init(key: SigningKey, name: PeerName) {
        self.key = key
        self.name = name
    }

    var address: SocketAddress? { peer?.path.remote }
    var session: SessionID? { peer?.membership?.session }

    /// A HELLO with a new ephemeral key, under any name and from any address.
    mutating func hello(as name: PeerName, from address: SocketAddress, seed: UInt64) -> [UInt8] {
        peer = HandmadePeer(key: key, name: name, path: Path(remote: address), ephemeral: Pool.secret(seed))
        counter = 1
        number = 1
        known = []
        overheard = nil
        lastHello = peer?.hello.bytes ?? []
        return lastHello
    }

    /// Learns what it can from what reaches its address.
    mutating func hear(_ bytes: [UInt8]) {
        guard let datagram = try? Datagram(decoding: bytes.span), peer != nil else { return }
        if datagram.header.kind == .welcome {
            if peer?.open(bytes) == true { token = peer?.membership?.token ?? 0 }
            return
        }
        guard let membership = peer?.membership, datagram.header.to == membership.session.rawValue else { return }
        let key = membership.keys.serverToPeer
        switch datagram.header.kind {
        case .pulse:
            guard let pulse = try? Opened<Pulse>(bytes.span, datagram, key: key).body else { return }
            token = pulse.token
            version = pulse.version
        case .snapshot:
            guard let snapshot = try? Opened<Snapshot>(bytes.span, datagram, key: key).body else { return }
            known = snapshot.entries
        case .delta:
            guard let delta = try? Opened<Delta>(bytes.span, datagram, key: key).body else { return }
            known.removeAll { delta.removed.contains($0.session) }
            known.append(contentsOf: delta.added)
        case .message:
            overhear(bytes, datagram, membership)
        case .hello, .retry, .welcome, .reject, .confirm, .heartbeat, .leave, .goodbye:
            break
        }
    }

    mutating func confirm() -> Draft? {
        peer?.confirm
    }

    /// HEARTBEAT or LEAVE; at times with a number, a token or a version of its own making.
    mutating func heartbeat(_ input: inout FuzzInput) -> Draft? {
        counter += 1
        number += 1
        let body = Heartbeat(
            number: input.number(near: number), token: input.flag() ? input.number(near: token) : token,
            version: input.flag() ? input.number(near: version) : version, part: UInt16(input.byte() / 0x40))
        if input.byte() < 0xF0 { return peer?.draft(.heartbeat, body, counter: counter) }
        return peer?.draft(.leave, Leave(number: number), counter: counter)
    }

    mutating func message(_ message: PeerMessage, to entry: Entry) -> Draft? {
        counter += 1
        return peer?.message(message, to: entry, counter: counter)
    }

    /// What another has signed, sealed by this one for a third.
    mutating func resealed(for entry: Entry, asItself: Bool) -> [UInt8]? {
        guard let overheard, let draft = message(PeerMessage(audience: nil, number: 1, body: []), to: entry),
            let key = draft.key
        else { return nil }
        let header = Header(
            .message, to: draft.to, from: asItself ? draft.from : overheard.sender.rawValue, counter: draft.counter)
        var bytes = header.encode(size: Kind.message.sealedOffset + overheard.plaintext.count + Kind.tagSize)
        Sodium.seal(overheard.plaintext, onto: &bytes, counter: draft.counter, key: key)
        return bytes
    }

    private mutating func overhear(_ bytes: [UInt8], _ datagram: Datagram, _ membership: HandmadePeer.Membership) {
        guard let peer, let entry = known.first(where: { $0.session.rawValue == datagram.header.from }),
            let secret = peer.ephemeral.agree(with: entry.agreementKey)
        else { return }
        let key = PairEnd.key(
            secret, epoch: membership.epoch, from: PairEnd(entry.session, entry.identity, entry.agreementKey),
            to: PairEnd(membership.session, self.key.publicKey, peer.agreementKey), server: Pool.server.publicKey)
        guard
            let plaintext = Sodium.open(
                bytes.span, sealed: datagram.sealed, counter: datagram.header.counter, key: key)
        else { return }
        overheard = (plaintext, entry.session)
    }
}
