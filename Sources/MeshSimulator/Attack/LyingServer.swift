internal import SecureMeshCore

/// Has the server's own key and is on the path: takes some peers away from the true server and serves them itself, a
/// server that says of the directory what it likes.
final class LyingServer: Adversary {
    var record = Recording.Attack(
        .lyingServer,
        "Someone with the server's key serves some peers, and lies to each about keys, names, sessions and members.",
        goals: "a peer seals with a key that its owner has not bound", "a peer hears what its sender has not said",
        "a message is delivered twice")
    let isOnPath = true
    private var victims: [DeceivedPeer] = []
    private var spared: [SocketAddress] = []
    private var lies: FalseDirectory?

    func act(_ reach: inout AttackerActions) {
        reach.nextAct = .milliseconds(Int(reach.holdings.parameters.heartbeatMilliseconds))
        guard let lies = prepared(&reach) else { return }
        for place in victims.indices where victims[place].current != nil {
            if reach.random.chance(50) { tell(place, lies, &reach) }
            pulse(place, lies, &reach)
            if reach.random.chance(20) { lie(to: place, lies, &reach) }
            if reach.random.chance(4) { dismiss(place, &reach) }
        }
    }

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        if flight.destination == Addresses.server {
            guard let place = victim(flight.source, &reach) else { return flight }
            serve(flight, place, &reach)
            return nil
        }
        let isServers = flight.source == Addresses.server
        return isServers && victims.contains { $0.address == flight.destination } ? nil : flight
    }

    /// A message for a member that was listed at one of its addresses: on to the true one, twice.
    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        guard flight.kind == .message else { return }
        let senders = victims.compactMap(\.current?.entry)
        record.got(0, if: lies?.canOpen(flight, from: senders) ?? false)
        for place in victims.indices where reach.address(place) == flight.destination {
            var copy = flight
            copy.destination = victims[place].address
            for _ in 0..<2 {
                record.tried(2)
                reach.forward(copy, after: .milliseconds(reach.random.below(50)), isCopy: true)
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
        if let place = victims.firstIndex(where: { $0.address == address }) { return place }
        guard !spared.contains(address) else { return nil }
        guard victims.isEmpty || reach.random.chance(70), victims.count < Self.limit else {
            spared.append(address)
            return nil
        }
        victims.append(DeceivedPeer(address: address, decoy: reach.address(victims.count)))
        return victims.count - 1
    }

    // MARK: as a server

    private func serve(_ flight: Flight, _ place: Int, _ reach: inout AttackerActions) {
        guard let lies = prepared(&reach) else { return }
        switch flight.kind {
        case .hello: welcome(flight, place, lies, &reach)
        case .confirm:
            guard victims[place].confirm(flight, reach.context) else { return }
            tell(place, lies, &reach)
            pulse(place, lies, &reach)
        case .heartbeat: victims[place].hear(flight, reach.context)
        case .leave: victims[place].current = nil
        default: break
        }
    }

    private func welcome(_ flight: Flight, _ place: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
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
        if draft.kind == .welcome { victims[place].offer(server) }
        put(draft, place, &reach)
    }

    private func pulse(_ place: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        guard let draft = victims[place].pulse(token: reach.random.next()) else { return }
        put(draft, place, &reach)
    }

    /// A directory, as DELTA or as SNAPSHOT.
    private func tell(_ place: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        for entry in victims.compactMap(\.current?.entry) where victims[place].views[entry.session] == nil {
            let view = lies.view(of: entry, to: victims[place], among: victims, &reach)
            if view.agreementKey != entry.agreementKey || view.binding != entry.binding { record.tried(0) }
            victims[place].keep(view)
        }
        let entries = lies.directory(for: victims[place], among: victims, &reach)
        for draft in victims[place].directory(entries, asDelta: reach.random.chance(50)) {
            put(draft, place, &reach)
        }
    }

    /// A message in another's name.
    private func lie(to place: Int, _ lies: FalseDirectory, _ reach: inout AttackerActions) {
        guard let receiver = victims[place].current?.entry,
            let sender = lies.existing(victims[place].told).randomly(&reach.random),
            let bytes = lies.message(from: sender, to: receiver, counter: reach.random.next() >> 20 | 1)
        else { return }
        record.tried(1)
        reach.send(bytes, from: sender.address, to: victims[place].address, isGarbage: true)
    }

    /// None that would have it wait for a minute, or for ever.
    private func dismiss(_ place: Int, _ reach: inout AttackerActions) {
        let reason = reach.random.element(of: [Goodbye.Reason.expired, .tooOld, .stopping])
        if let draft = victims[place].goodbye(reason) { put(draft, place, &reach) }
    }

    private func put(_ draft: ForgedDatagram, _ place: Int, _ reach: inout AttackerActions) {
        reach.send(draft.bytes, from: Addresses.server, to: victims[place].address)
    }

    private static let limit = 32
}
