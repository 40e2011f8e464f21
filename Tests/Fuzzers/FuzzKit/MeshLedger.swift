import SecureMeshCore

/// What has been sent and what has arrived, and the first thing that was wrong about it: the judge of a `MeshWorld`.
///
/// Knows only what can be seen from outside: datagrams, events, member lists.
struct MeshLedger {
    private(set) var failure: String?
    private var messages: [UInt64: Message] = [:]
    private var counters: [Direction: UInt64] = [:]
    /// By the field that makes a handshake's key its own: one key and one nonce, one datagram.
    private var handshakes: [[UInt8]: [UInt8]] = [:]
    /// Sessions that a key has confirmed, and how often that key was let in.
    private var confirmed: [PublicKey: Set<UInt64>] = [:]
    private var joins: [PublicKey: Int] = [:]
    private var revokedAt: [PublicKey: Instant] = [:]

    private struct Message {
        let sender: PublicKey
        let name: PeerName
        let audience: PublicKey?
        var number: UInt64?
        var receivers: Set<PublicKey> = []
    }

    private struct Direction: Hashable {
        let to: UInt64
        let from: UInt64
    }

    mutating func fail(_ reason: @autoclosure () -> String) {
        if failure == nil { failure = reason() }
    }

    // MARK: datagrams

    /// A datagram leaves a machine. Gives its header.
    mutating func sent(_ bytes: [UInt8], by sender: PublicKey, isServer: Bool) -> Header? {
        guard let header = try? Datagram(decoding: bytes.span).header else {
            fail("sent what does not decode: \(bytes.prefix(Header.size))")
            return nil
        }
        if bytes.count > ProtocolConstants.maximumDatagram { fail("sent a \(header.kind) of \(bytes.count) bytes") }
        if Self.isServers(header.kind) != isServer { fail("\(isServer ? "the server" : "a peer") sent \(header.kind)") }
        switch header.kind {
        case .hello, .welcome, .reject:
            var key = [header.kind.rawValue]
            header.fields.appendClear(to: &key)
            if let earlier = handshakes.updateValue(bytes, forKey: key), earlier != bytes {
                fail("\(header.kind): one key and nonce for two plaintexts")
            }
        case .retry: break
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message:
            let direction = Direction(to: header.to, from: header.from)
            let last = counters[direction] ?? 0
            if header.counter <= last { fail("\(header.kind): counter \(header.counter) after \(last)") }
            counters[direction] = header.counter
        }
        if header.kind == .confirm { confirms(header.from, by: sender) }
        return header
    }

    mutating func confirms(_ session: UInt64, by key: PublicKey) {
        confirmed[key, default: []].insert(session)
    }

    /// One call of the server's machine, with `datagram` from `source`, has sent `replies`.
    mutating func answered(
        _ datagram: [UInt8], from source: SocketAddress, with replies: [Transmit], members: Set<SocketAddress>
    ) {
        var bytes = 0
        for reply in replies where !members.contains(reply.path.remote) {
            if reply.path.remote != source { return fail("sent to \(reply.path.remote), which has not asked") }
            bytes += reply.bytes.count
        }
        if bytes > datagram.count { fail("\(bytes) bytes to \(source), which is no member's, for \(datagram.count)") }
    }

    private static func isServers(_ kind: Kind) -> Bool {
        switch kind {
        case .retry, .welcome, .reject, .pulse, .snapshot, .delta, .goodbye: true
        case .hello, .confirm, .heartbeat, .leave, .message: false
        }
    }

    // MARK: messages

    /// A body that names itself, for a message that is about to be sent.
    mutating func body(by sender: PublicKey, as name: PeerName, to audience: PublicKey?, size: Int) -> [UInt8] {
        let id = UInt64(messages.count + 1)
        messages[id] = Message(sender: sender, name: name, audience: audience)
        var body: [UInt8] = []
        body.append(bigEndian: id)
        body.append(zeros: size)
        return body
    }

    mutating func received(_ message: ReceivedMessage, by receiver: PublicKey, now: Instant) {
        var reader = ByteReader()
        guard let id = try? reader.uint64(message.body.span), var sent = messages[id] else {
            return fail("delivered a message that nobody sent")
        }
        guard sent.sender == message.sender.publicKey, sent.name == message.sender.name else {
            return fail("message \(id) delivered as another's")
        }
        guard message.isBroadcast == (sent.audience == nil), sent.audience == nil || sent.audience == receiver else {
            return fail("message \(id) delivered to one whom it was not for")
        }
        guard sent.number == nil || sent.number == message.number else { return fail("message \(id) has two numbers") }
        guard sent.receivers.insert(receiver).inserted else { return fail("message \(id) delivered twice") }
        sent.number = message.number
        messages[id] = sent
        if let revoked = revokedAt[sent.sender], now > revoked + ProtocolConstants.trust {
            fail("message \(id) delivered \(now - revoked) after its sender was revoked")
        }
    }

    // MARK: membership

    mutating func joined(_ member: Member) {
        joins[member.publicKey, default: 0] += 1
        if joins[member.publicKey, default: 0] > confirmed[member.publicKey]?.count ?? 0 {
            fail("\(member.name) was let in more often than it has confirmed a session")
        }
    }

    mutating func rosterChanged(_ roster: Roster, members: [Member], now: Instant) {
        for (key, name) in zip(Pool.keys, Pool.names) {
            if roster.allows(key.publicKey, as: name) {
                revokedAt[key.publicKey] = nil
            } else if revokedAt[key.publicKey] == nil {
                revokedAt[key.publicKey] = now
            }
        }
        check(members, under: roster)
    }

    /// A revoked key is no member.
    mutating func check(_ members: [Member], under roster: Roster) {
        for member in members where !roster.allows(member.publicKey, as: member.name) {
            fail("\(member.name) is a member and not in the roster")
        }
    }

    /// A directory is well formed: nothing in it stands twice.
    mutating func check(_ members: [Member], atMost limit: Int, of owner: String) {
        if members.count > limit { fail("\(owner) has \(members.count) members") }
        if Set(members.map(\.name)).count < members.count { fail("\(owner) lists a name twice") }
        if Set(members.map(\.publicKey)).count < members.count { fail("\(owner) lists an identity twice") }
        if Set(members.map(\.address)).count < members.count { fail("\(owner) lists an address twice") }
    }
}
