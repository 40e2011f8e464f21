internal import SecureMeshCore

/// On the path: a peer joins through an address of the attacker's, and is listed there. That much it may do; it must
/// relay on, or the peer is gone.
final class RelayJoin: Adversary {
    var record = Recording.Attack(
        .relayJoin,
        "Someone on the path relays peers' handshakes through its own addresses, and at some time stops relaying.",
        goals: "a peer stays listed where nobody relays for longer than two lifetimes and the sweeps",
        "a peer's session is moved to another address")
    let isOnPath = true
    private struct Place {
        let peer: SocketAddress
        let address: SocketAddress
        let until: Instant
        /// It has joined without the attacker since.
        var isLost = false
    }
    private var places: [Place] = []

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.destination == Addresses.server else { return flight }
        guard let place = places.lastIndex(where: { $0.peer == flight.source && !$0.isLost }) else {
            return flight.kind == .hello ? begin(flight, &reach) : move(flight, &reach)
        }
        guard reach.now < places[place].until else {
            // Neither side hears the other, until the peer begins anew.
            guard flight.kind == .hello else { return nil }
            places[place].isLost = true
            return begin(flight, &reach)
        }
        relay(flight, from: places[place].address, &reach)
        return nil
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        guard let place = places.first(where: { $0.address == flight.destination }), reach.now < place.until else {
            return
        }
        var flight = flight
        flight.destination = place.peer
        reach.forward(flight, after: .zero, isCopy: false)
    }

    func witness(_ fact: Fact) {
        switch fact {
        case .left(let parting):
            guard let place = places.first(where: { $0.address == parting.member.address }),
                parting.departure == .expired
            else { return }
            record.tried(0)
            record.got(0, if: parting.isLate(since: place.until))
        case .handled(let handling):
            guard handling.isAccepted, handling.by == nil, handling.flight.kind == .heartbeat else { return }
            record.got(1, if: !places.contains { $0.address == handling.flight.source })
        case .joined, .trustsTooLong: break
        }
    }

    func conclude(_ world: WorldView) {
        for member in world.server { record.got(0, if: places.contains { $0.address == member.address }) }
    }

    private func begin(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard places.count < Self.limit, reach.random.chance(60) else { return flight }
        let until = reach.now + reach.random.duration(in: .milliseconds(500)...(.seconds(8)))
        let place = Place(peer: flight.source, address: reach.address(places.count), until: until)
        places.append(place)
        relay(flight, from: place.address, &reach)
        return nil
    }

    /// A session that was not parked when it began: a copy of its heartbeat comes from elsewhere, before its own.
    private func move(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .heartbeat, reach.random.chance(10) else { return flight }
        record.tried(1)
        var copy = flight
        copy.source = reach.address(Self.limit + reach.random.below(10))
        reach.forward(copy, after: .zero, isCopy: true)
        return flight
    }

    private func relay(_ flight: Flight, from address: SocketAddress, _ reach: inout AttackerActions) {
        var flight = flight
        flight.source = address
        reach.forward(flight, after: .zero, isCopy: false)
    }

    private static let limit = 64
}
