internal import SecureMeshCore

/// Serves some peers in place of the real server, and lies to each of them about keys, names, sessions and members. The
/// attacker has the server's key and is on the path.
final class LyingServer: Adversary {
    var record = Recording.Attack(
        .lyingServer, goals: "a peer seals with a key that its owner has not signed",
        "a message is delivered that its sender has not sent",
        "a message is delivered twice",
        "a peer keeps a directory whose digest differs from the one in the PULSEs")
    let isOnPath = true
    private var victims: [DeceivedPeer] = []
    private var spared: [SocketAddress] = []
    private var lies: FalseDirectory?

    func act(_ reach: inout AttackerActions) {
        reach.nextAct = .milliseconds(Int(reach.holdings.parameters.heartbeatMilliseconds))
        guard let lies = prepared(&reach) else { return }
        for index in victims.indices where victims[index].current != nil {
            if !victims[index].isToldFalseDigest {
                if reach.random.chance(50) { tell(index, lies, &reach) }
                if reach.random.chance(10),
                    victims[index].tellFalseDigest(reach.random.bytes32(), now: reach.now)
                {
                    record.tried(3)
                }
            }
            pulse(index, lies, &reach)
            if reach.random.chance(20) { lie(to: index, lies, &reach) }
            if reach.random.chance(4) { dismiss(index, &reach) }
        }
    }

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        if flight.destination == Addresses.server {
            guard let index = victim(flight.source, &reach) else { return flight }
            serve(flight, index, &reach)
            return nil
        }
        let isServers = flight.source == Addresses.server
        return isServers && victims.contains { $0.address == flight.destination } ? nil : flight
    }

    /// Handles a message to an address of the attacker. If the attacker has listed this address as a victim's
    /// (`DeceivedPeer.decoy`), two copies of the message are sent to that victim.
    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        guard flight.kind == .message else { return }
        let senders = victims.compactMap(\.current?.entry)
        record.got(0, if: lies?.canOpen(flight, from: senders) ?? false)
        for index in victims.indices where reach.address(index) == flight.destination {
            for _ in 0..<2 {
                record.tried(2)
                let delay = Duration.milliseconds(reach.random.below(50))
                reach.forward(flight, to: victims[index].address, after: delay, isCopy: true)
            }
        }
    }

    func witness(_ fact: Fact) {
        guard case .handled(let handling) = fact, handling.isAccepted, handling.flight.kind == .message else { return }
        record.got(1, if: handling.flight.isBroken)
        record.got(2, if: handling.isRepeated)
    }

    private func prepared(_ reach: inout AttackerActions) -> FalseDirectory? {
        if lies == nil, let key = reach.holdings.serverKey {
            lies = FalseDirectory(context: reach.context, key: key, parameters: reach.holdings.parameters, &reach)
        }
        return lies
    }

    private func victim(_ address: SocketAddress, _ reach: inout AttackerActions) -> Int? {
        if let index = victims.firstIndex(where: { $0.address == address }) { return index }
        guard !spared.contains(address) else { return nil }
        guard victims.isEmpty || reach.random.chance(70), victims.count < Self.limit else {
            spared.append(address)
            return nil
        }
        victims.append(DeceivedPeer(address: address, decoy: reach.address(victims.count)))
        return victims.count - 1
    }

    // MARK: as a server

    private func serve(_ flight: Flight, _ index: Int, _ reach: inout AttackerActions) {
        guard let lies = prepared(&reach) else { return }
        switch flight.kind {
        case .hello: welcome(flight, index, lies, &reach)
        case .confirm:
            guard victims[index].confirm(flight) else { return }
            tell(index, lies, &reach)
            pulse(index, lies, &reach)
        case .heartbeat: record.got(3, if: victims[index].hear(flight))
        case .leave: victims[index].current = nil
        default: break
        }
    }

    private func welcome(_ flight: Flight, _ index: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        let others = victims.compactMap(\.current?.session)
        let isEqual = reach.random.chance(20) && !others.isEmpty
        let session =
            isEqual ? reach.random.element(of: others) : reach.random.sessionID { $0.rawValue == lies.epoch }
        guard let server = lies.server(flight.bytes, from: flight.source, session: session, &reach) else { return }
        let draft: ForgedDatagram =
            switch reach.random.below(12) {
            case 0: server.reject(Reject(reason: .busy, retrySeconds: 1), salt: reach.random.bytes32())
            case 1: server.retry(cookie: reach.random.bytes16(), rotation: reach.random.next())
            default: server.welcome
            }
        if draft.kind == .welcome { victims[index].offer(server) }
        put(draft, index, &reach)
    }

    private func pulse(_ index: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        guard let draft = victims[index].pulse(token: reach.random.next(), now: reach.now) else { return }
        put(draft, index, &reach)
    }

    /// Sends a directory, often a false one, to a victim as a DELTA or a SNAPSHOT.
    private func tell(_ index: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        for entry in victims.compactMap(\.current?.entry) where victims[index].views[entry.session] == nil {
            let view = lies.view(of: entry, to: victims[index], among: victims, &reach)
            if view.agreementKey != entry.agreementKey || view.binding != entry.binding { record.tried(0) }
            victims[index].keep(view)
        }
        let entries = lies.directory(for: victims[index], among: victims, &reach)
        for draft in victims[index].directory(entries, asDelta: reach.random.chance(50)) {
            put(draft, index, &reach)
        }
    }

    /// Sends a victim a message in the name of another member.
    private func lie(to index: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        guard let receiver = victims[index].current?.entry,
            let sender = lies.existing(victims[index].told).randomly(&reach.random),
            let bytes = lies.message(from: sender, to: receiver, counter: reach.random.next() >> 20 | 1)
        else { return }
        record.tried(1)
        reach.send(bytes, from: sender.address, to: victims[index].address, isGarbage: true)
    }

    /// Ends a victim's session with a GOODBYE whose reason makes the peer join again at once.
    private func dismiss(_ index: Int, _ reach: inout AttackerActions) {
        let reason = reach.random.element(of: [Goodbye.Reason.expired, .tooOld, .stopping])
        if let draft = victims[index].goodbye(reason) { put(draft, index, &reach) }
    }

    private func put(_ draft: ForgedDatagram, _ index: Int, _ reach: inout AttackerActions) {
        reach.send(draft.bytes, from: Addresses.server, to: victims[index].address)
    }

    private static let limit = 32
}
