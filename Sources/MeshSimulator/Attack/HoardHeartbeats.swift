internal import SecureMeshCore

/// On the path: cuts a peer off, keeps what it says of its life, and tells it to the server bit by bit, also when the
/// peer has long died.
///
/// It lets no HELLO pass: a peer that joins again makes what was hoarded worthless.
final class HoardHeartbeats: Adversary {
    var record = Recording.Attack(
        .hoardHeartbeats,
        "Someone on the path cuts peers off, hoards their heartbeats and feeds them to the server, as if all were well.",
        goals: "who is cut off or dead stays a member for longer than two lifetimes and the sweeps")
    let isOnPath = true
    private struct Store {
        let peer: SocketAddress
        /// From then on nothing passes.
        let from: Instant
        var held: [Flight] = []
        var fedAt: Instant
        /// What becomes of it is known: a later session is another matter.
        var isMeasured = false
    }
    private var stores: [Store] = []
    private var spared: [SocketAddress] = []
    /// From then on everything passes again.
    private var actedAt = Instant(nanoseconds: 0)

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        let peer = flight.destination == Addresses.server ? flight.source : flight.destination
        guard let place = stores.firstIndex(where: { $0.peer == peer }) else {
            if flight.kind == .heartbeat { meet(peer, &reach) }
            return flight
        }
        guard reach.now >= stores[place].from else {
            stores[place].fedAt = reach.now
            return flight
        }
        switch flight.kind {
        case .heartbeat:
            if stores[place].held.count < Self.memory { stores[place].held.append(flight) }
        case .goodbye:
            // Found out. It may come back, and be cut off again.
            stores.remove(at: place)
            return nil
        default: break
        }
        return flight.kind == .message ? flight : nil
    }

    func act(_ reach: inout AttackerActions) {
        actedAt = reach.now
        let lifetime = Duration.milliseconds(Int(reach.holdings.parameters.lifetimeMilliseconds))
        for place in stores.indices where !stores[place].held.isEmpty {
            // Each as late as the server bears to wait.
            guard reach.now - stores[place].fedAt >= lifetime * 3 / 4 else { continue }
            stores[place].fedAt = reach.now
            record.tried()
            reach.forward(stores[place].held.removeFirst(), after: .zero, isCopy: false)
        }
        reach.nextAct = .milliseconds(20)
    }

    func witness(_ fact: Fact) {
        switch fact {
        case .left(let parting):
            guard let place = place(of: parting.member), parting.at >= stores[place].from else { return }
            let bound = parting.at - parting.latestSign
            record.got(if: min(parting.at, actedAt) - stores[place].from > bound)
            stores[place].isMeasured = true
        case .joined(let arrival):
            guard let place = place(of: arrival.member), arrival.at >= stores[place].from else { return }
            stores[place].isMeasured = true
        case .handled, .trustsTooLong: break
        }
    }

    private func place(of member: Member) -> Int? {
        stores.firstIndex { $0.peer == member.address && !$0.isMeasured }
    }

    private func meet(_ peer: SocketAddress, _ reach: inout AttackerActions) {
        guard !spared.contains(peer), stores.count + spared.count < Self.memory else { return }
        guard stores.isEmpty || reach.random.chance(60) else { return spared.append(peer) }
        let from = reach.now + reach.random.duration(in: .zero...(.seconds(2)))
        stores.append(Store(peer: peer, from: from, fedAt: reach.now))
    }

    private static let memory = 256
}
