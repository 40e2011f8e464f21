internal import SecureMeshCore

/// Cuts some peers off from the server, stores their heartbeats, and sends these to the server one by one, even after
/// their senders have died. The attacker is on the path.
///
/// The attack also withholds HELLOs, because the stored heartbeats are useless once their sender has joined again.
final class HoardHeartbeats: Adversary {
    var record = Recording.Attack(
        .hoardHeartbeats,
        goals: "a peer that is cut off or dead stays a member for longer than two lifetimes and the sweeps")
    let isOnPath = true
    private struct Store {
        let peer: SocketAddress
        /// The time from which the peer is cut off. From then on, the attacker passes only messages to and from the
        /// peer.
        let from: Instant
        var held: [Flight] = []
        var fedAt: Instant
        /// True once the session that was cut off has ended or was replaced. Later sessions of the peer are not
        /// measured.
        var isMeasured = false
    }
    private var stores: [Store] = []
    private var spared: [SocketAddress] = []
    /// The time of the newest call of `act`. After the last call the attack is over, and all datagrams pass again.
    private var actedAt = Instant(nanoseconds: 0)

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        let peer = flight.destination == Addresses.server ? flight.source : flight.destination
        guard let index = stores.firstIndex(where: { $0.peer == peer }) else {
            if flight.kind == .heartbeat { meet(peer, &reach) }
            return flight
        }
        guard reach.now >= stores[index].from else {
            stores[index].fedAt = reach.now
            return flight
        }
        switch flight.kind {
        case .message: return flight
        case .heartbeat: if stores[index].held.count < Self.memory { stores[index].held.append(flight) }
        // The session is over. If the peer comes back, it may be cut off again.
        case .goodbye: stores.remove(at: index)
        default: break
        }
        return nil
    }

    func act(_ reach: inout AttackerActions) {
        actedAt = reach.now
        let lifetime = Duration.milliseconds(Int(reach.holdings.parameters.lifetimeMilliseconds))
        for index in stores.indices where !stores[index].held.isEmpty {
            // Each heartbeat arrives almost too late.
            guard reach.now - stores[index].fedAt >= lifetime * 3 / 4 else { continue }
            stores[index].fedAt = reach.now
            record.tried()
            reach.forward(stores[index].held.removeFirst(), after: .zero, isCopy: false)
        }
        reach.nextAct = .milliseconds(20)
    }

    func witness(_ fact: Fact) {
        switch fact {
        case .left(let parting):
            guard let index = index(of: parting.member), parting.at >= stores[index].from else { return }
            let bound = parting.at - parting.latestSign
            record.got(if: min(parting.at, actedAt) - stores[index].from > bound)
            stores[index].isMeasured = true
        case .joined(let arrival):
            guard let index = index(of: arrival.member), arrival.at >= stores[index].from else { return }
            stores[index].isMeasured = true
        case .handled, .trustsTooLong: break
        }
    }

    private func index(of member: Member) -> Int? {
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
