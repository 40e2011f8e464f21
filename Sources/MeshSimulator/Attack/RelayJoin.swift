internal import SecureMeshCore

/// Relays handshakes through its own addresses, so that the server lists peers at the attacker's addresses. After some
/// time the attacker stops relaying. The attacker is on the path.
final class RelayJoin: Adversary {
    var record = Recording.Attack(
        .relayJoin, goals: "a peer stays listed for longer than two lifetimes and the sweeps after the end of relaying",
        "a peer's session is moved to another address")
    let isOnPath = true
    private struct Relay {
        let peer: SocketAddress
        let address: SocketAddress
        let until: Instant
        /// True once the peer has sent another HELLO after the end of relaying.
        var isLost = false
    }
    private var relays: [Relay] = []

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.destination == Addresses.server else { return flight }
        guard let index = relays.lastIndex(where: { $0.peer == flight.source && !$0.isLost }) else {
            return flight.kind == .hello ? begin(flight, &reach) : move(flight, &reach)
        }
        guard reach.now < relays[index].until else {
            // Nothing passes until the next HELLO of the peer.
            guard flight.kind == .hello else { return nil }
            relays[index].isLost = true
            return begin(flight, &reach)
        }
        reach.forward(flight, from: relays[index].address, after: .zero, isCopy: false)
        return nil
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        guard let relay = relays.first(where: { $0.address == flight.destination }), reach.now < relay.until else {
            return
        }
        reach.forward(flight, to: relay.peer, after: .zero, isCopy: false)
    }

    func witness(_ fact: Fact) {
        switch fact {
        case .left(let parting):
            guard let relay = relays.first(where: { $0.address == parting.member.address }),
                parting.departure == .expired
            else { return }
            record.tried(0)
            record.got(0, if: relay.until < parting.latestSign)
        case .handled(let handling):
            guard handling.isAccepted, handling.by == nil, handling.flight.kind == .heartbeat else { return }
            record.got(1, if: !relays.contains { $0.address == handling.flight.source })
        case .joined, .trustsTooLong: break
        }
    }

    func conclude(_ members: [Member]) {
        for member in members { record.got(0, if: relays.contains { $0.address == member.address }) }
    }

    private func begin(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard relays.count < Self.limit, reach.random.chance(60) else { return flight }
        let until = reach.now + reach.random.duration(in: .milliseconds(500)...(.seconds(8)))
        let new = Relay(peer: flight.source, address: reach.address(relays.count), until: until)
        relays.append(new)
        reach.forward(flight, from: new.address, after: .zero, isCopy: false)
        return nil
    }

    /// Sends a copy of an honest peer's HEARTBEAT from another address. The copy arrives before the HEARTBEAT itself.
    private func move(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .heartbeat, reach.random.chance(10) else { return flight }
        record.tried(1)
        let source = reach.address(Self.limit + reach.random.below(10))
        reach.forward(flight, from: source, after: .zero, isCopy: true)
        return flight
    }

    private static let limit = 64
}
