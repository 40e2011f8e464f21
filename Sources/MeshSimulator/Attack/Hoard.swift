internal import SecureMesh

/// On the path: lets heartbeats through late, and so has some left when their sender dies.
final class Hoard: Adversary {
    var record = Recording.Attack(
        .hoard, "Someone on the path keeps heartbeats back and feeds them to the server after their sender has died.",
        goals: "the dead stay members for longer than two lifetimes and the sweeps")
    let isOnPath = true
    private struct Store {
        let source: SocketAddress
        var held: [(flight: Flight, at: Instant)] = []
        var heardAt: Instant
        /// It was silent when one of its heartbeats was sent on.
        var wasFed = false
    }
    private var stores: [Store] = []
    /// So many of each peer's newest are held back.
    private var depth = 0

    func intercept(_ flight: Flight, _ reach: inout Reach) -> Flight? {
        guard flight.kind == .heartbeat else { return flight }
        let place = stores.firstIndex { $0.source == flight.source } ?? stores.count
        if place == stores.count { stores.append(Store(source: flight.source, heardAt: reach.now)) }
        stores[place].held.append((flight, reach.now))
        stores[place].heardAt = reach.now
        stores[place].wasFed = false
        // Two are more than most sessions bear.
        if depth == 0 { depth = reach.random.chance(80) ? 1 : 2 }
        while stores[place].held.count > depth { release(place, &reach) }
        return nil
    }

    func act(_ reach: inout Reach) {
        let lifetime = Duration.milliseconds(Int(reach.holdings.parameters.lifetimeMilliseconds))
        let interval = Duration.milliseconds(Int(reach.holdings.parameters.heartbeatMilliseconds))
        // Until the token is all but worthless.
        let longest = max(lifetime - interval - .milliseconds(100), interval)
        for place in stores.indices where reach.now - stores[place].heardAt > interval * 5 / 4 {
            while let oldest = stores[place].held.first, reach.now - oldest.at >= longest {
                release(place, &reach)
                stores[place].wasFed = true
            }
        }
        reach.nextAct = .milliseconds(20)
    }

    private func release(_ place: Int, _ reach: inout Reach) {
        let flight = stores[place].held.removeFirst().flight
        reach.forward(flight, after: .zero, isCopy: false)
    }

    func witness(_ fact: Fact) {
        guard case .left(let parting) = fact, let died = parting.diedAt,
            stores.contains(where: { $0.source == parting.member.address && $0.wasFed })
        else { return }
        record.tried()
        record.got(if: parting.isLate(since: died))
    }
}
