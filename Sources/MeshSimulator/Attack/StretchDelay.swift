internal import SecureMeshCore

/// Delays each PULSE and HEARTBEAT of a peer a little longer than the previous one, so that only old datagrams arrive.
/// The attacker is on the path.
final class StretchDelay: Adversary {
    var record = Recording.Attack(
        .stretchDelay,
        goals: "a peer trusts its directory for too long after the last heartbeat that the server accepted")
    let isOnPath = true
    /// The present delay of each peer's datagrams (`now`) and its increase per datagram (`more`), by the peer's
    /// address.
    private var lags: [SocketAddress: (now: Duration, more: Duration)] = [:]

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        switch flight.kind {
        case .confirm:
            // A new session begins.
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
