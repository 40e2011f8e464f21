internal import SecureMeshCore

/// Floods the server with garbage and HELLOs. Some of these datagrams have the address of a member as their source. The
/// attacker is off the path.
final class Flood: FloodingAdversary {
    var record = floodRecord(of: .flood)
    private var strangers: [ScriptedPeer] = []

    func act(_ reach: inout AttackerActions) {
        for _ in 0..<Self.garbage {
            let bytes = reach.random.chance(30) ? reach.random.bytes(reach.random.below(300)) : forgery(&reach)
            put(bytes, from: source(&reach), isGarbage: true, &reach)
        }
        for _ in 0..<Self.hellos {
            let name = try? PeerName("stranger-\(reach.random.below(100))")
            let address = source(&reach)
            let key = reach.random.signingKey()
            guard let name, let hello = hello(key, name, from: address, &reach) else { continue }
            put(hello, from: address, &reach)
        }
        reach.nextAct = .milliseconds(100)
    }

    /// Answers a RETRY with a HELLO that contains the cookie of the RETRY.
    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        guard flight.kind == .retry, let datagram = try? Datagram(decoding: flight.bytes.span),
            case .retry(let cookie, _) = datagram.header.fields,
            let stranger = strangers.last(where: { $0.address == flight.destination }),
            let hello = hello(stranger.key, stranger.name, from: flight.destination, cookie: cookie, &reach)
        else { return }
        put(hello, from: flight.destination, &reach)
    }

    private func put(
        _ bytes: [UInt8], from source: SocketAddress, isGarbage: Bool = false, _ reach: inout AttackerActions
    ) {
        noteAttempt()
        reach.send(bytes, from: source, isGarbage: isGarbage)
    }

    /// Returns a source address: one of the attacker's own, or a guessed one that may be a member's.
    private func source(_ reach: inout AttackerActions) -> SocketAddress {
        reach.random.chance(30) ? Addresses.slot(reach.random.below(16)) : reach.address(reach.random.below(1_000))
    }

    /// Returns a datagram whose header is valid and whose sealed part is random.
    private func forgery(_ reach: inout AttackerActions) -> [UInt8] {
        let fields = reach.random.element(of: [OpenFields?.none, nil, nil, .confirm, .heartbeat, .leave])
        if let fields {
            let size = fields.kind.minimumSize
            let header = Header(
                fields, to: reach.random.next(), from: reach.random.next(),
                counter: UInt64(1 + reach.random.below(100)))
            return header.encode(size: size) + reach.random.bytes(size - Header.size)
        }
        let cookie = reach.random.chance(50) ? .zero : reach.random.bytes16()
        let key = reach.primitives.publicKey(of: reach.random.secret())
        let header = Header(.hello(cookie: cookie, ephemeral: key), to: 0, from: 0, counter: 0)
        return header.encode(size: Kind.hello.minimumSize)
            + reach.random.bytes(Kind.hello.minimumSize - Kind.hello.sealedOffset)
    }

    private func hello(
        _ key: SigningKey, _ name: PeerName, from address: SocketAddress, cookie: Bytes16 = .zero,
        _ reach: inout AttackerActions
    ) -> [UInt8]? {
        var peer = ScriptedPeer(key: key, name: name, context: reach.context)
        let hello = peer.hello(from: address, ephemeral: reach.random.secret(), cookie: cookie)
        guard !hello.isEmpty else { return nil }
        if strangers.count == Self.memory { strangers.removeFirst() }
        strangers.append(peer)
        return hello
    }

    private static let garbage = 16
    private static let hellos = 4
    private static let memory = 64
}
