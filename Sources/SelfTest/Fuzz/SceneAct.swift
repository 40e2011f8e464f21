internal import MeshSimulator
internal import SecureMeshCore

/// What somebody in a `Scene` may say next.
enum SceneAct: CaseIterable {
    /// To the server: a stranger's, the speaker's.
    case hello, heartbeat, leave
    /// To the listener: the server's, the speaker's.
    case pulse, goodbye, message
}

extension Scene {
    enum Answer: Hashable {
        /// Counted as refused, once, and no event.
        case refused
        case taken
        /// Refused, and yet something came of it.
        case unclear
    }

    /// Lets it be said; gives the datagram, which nobody has received yet.
    mutating func perform(_ act: SceneAct, _ random: inout RandomSource) throws -> [UInt8] {
        let datagram: [UInt8]?
        switch act {
        case .hello:
            let name = try require(PeerName("stranger"), "no name")
            let key = random.bytes32().array
            let configuration = Peer.Configuration(
                key: SigningKey(seed: key.span), name: name, servers: [server], server: VirtualMesh.server)
            var stranger = Peer(configuration, random: .seeded(random.next()), now: now)
            stranger.handleTimeout(now: now)
            datagram = stranger.sent(.hello)
        case .heartbeat:
            datagram = Self.wait(for: .heartbeat, of: &speaker, &now)
        case .leave:
            speaker.leave(now: now)
            datagram = speaker.sent(.leave)
        case .pulse:
            datagram = Self.wait(for: .pulse, of: &registry, &now, to: addresses[1])
        case .goodbye:
            registry.stop(now: now)
            datagram = registry.sent(.goodbye, to: addresses[1])
        case .message:
            let body = random.bytes(random.below(PeerMessage.ordinaryBody))
            _ = try speaker.broadcast(body, limit: PeerMessage.ordinaryBody, now: now)
            datagram = speaker.sent(.message)
        }
        return try require(datagram, "\(act): nothing is sent")
    }

    /// Hands `bytes` to whom the act is meant for, from where it would come.
    mutating func hand(_ bytes: [UInt8], as act: SceneAct) -> Answer {
        switch act {
        case .hello: registry.answer(to: bytes, from: VirtualMesh.address(99), now: now)
        case .heartbeat, .leave: registry.answer(to: bytes, from: addresses[0], now: now)
        case .pulse, .goodbye: listener.answer(to: bytes, from: VirtualMesh.server, now: now)
        case .message: listener.answer(to: bytes, from: addresses[0], now: now)
        }
    }

    /// Lets time pass until the machine sends a datagram of `kind`.
    private static func wait(
        for kind: Kind, of machine: inout some MeshMachine, _ now: inout Instant, to address: SocketAddress? = nil
    ) -> [UInt8]? {
        for _ in 0..<20 {
            guard let deadline = machine.nextDeadline else { return nil }
            now = max(now, deadline)
            machine.handleTimeout(now: now)
            if let datagram = machine.sent(kind, to: address) { return datagram }
        }
        return nil
    }
}

extension MeshMachine {
    /// The first waiting datagram of `kind`, to `address` if there is one; the other outputs are let go.
    fileprivate mutating func sent(_ kind: Kind, to address: SocketAddress? = nil) -> [UInt8]? {
        var found: [UInt8]?
        while let output = pollOutput() {
            guard case .transmit(let transmit) = output, found == nil, transmit.bytes[1] == kind.rawValue else {
                continue
            }
            if address ?? transmit.path.remote == transmit.path.remote { found = transmit.bytes }
        }
        return found
    }

    fileprivate mutating func answer(to bytes: [UInt8], from source: SocketAddress, now: Instant) -> Scene.Answer {
        let before = rejections.total
        handle(bytes.span, path: Path(remote: source), now: now)
        var events = 0
        while let output = pollOutput() {
            if case .event = output { events += 1 }
        }
        guard rejections.total > before else { return .taken }
        return rejections.total == before + 1 && events == 0 ? .refused : .unclear
    }
}
