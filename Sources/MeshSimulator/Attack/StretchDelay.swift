internal import SecureMeshCore

/// On the path: delays PULSEs and heartbeats, each a little longer than the one before, so that nobody notices and all
/// that a peer hears grows old.
final class StretchDelay: Adversary {
    var record = Recording.Attack(
        .stretchDelay, "Someone on the path delays PULSEs and heartbeats, each a little longer than the one before.",
        goals: "a peer trusts longer than the server's last word from it allows")
    let isOnPath = true
    /// By the peer's address: how long its datagrams are held now, and how much longer the next.
    private var lags: [SocketAddress: (now: Duration, more: Duration)] = [:]

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        switch flight.kind {
        case .confirm:
            // Found out: it has begun anew.
            lags[flight.source] = nil
            return flight
        case .heartbeat: return hold(flight, of: flight.source, &reach)
        case .pulse: return hold(flight, of: flight.destination, &reach)
        default: return flight
        }
    }

    func witness(_ fact: Fact) {
        if case .trustsTooLong = fact { record.got() }
    }

    private func hold(_ flight: Flight, of peer: SocketAddress, _ reach: inout AttackerActions) -> Flight? {
        var lag = lags[peer] ?? (.zero, reach.random.duration(in: .milliseconds(5)...(.milliseconds(60))))
        lag.now = min(lag.now + lag.more, Self.longest)
        lags[peer] = lag
        record.tried()
        reach.forward(flight, after: lag.now, isCopy: false)
        return nil
    }

    private static let longest = Duration.seconds(59)
}
