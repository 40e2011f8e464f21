internal import SecureMeshCore

/// Drops every DELTA and SNAPSHOT to some peers, but passes PULSEs to them, and delays messages to them. The attacker
/// is on the path.
///
/// These peers see that the server is alive, but not which members have left or were revoked.
final class DeltaDrop: Adversary {
    var record = Recording.Attack(
        .deltaDrop, goals: "a message of a dead or revoked member is delivered after the trust in it has ended")
    let isOnPath = true
    private var victims: [SocketAddress] = []
    private var spared: [SocketAddress] = []

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        if flight.kind == .pulse { meet(flight.destination, &reach.random) }
        guard victims.contains(flight.destination) else { return flight }
        switch flight.kind {
        case .delta, .snapshot: return nil
        case .message:
            guard reach.random.chance(50) else { return flight }
            let trust = Duration.seconds(min(Int(reach.holdings.parameters.trustSeconds), 30))
            record.tried()
            reach.forward(flight, after: reach.random.duration(in: .zero...trust * 2), isCopy: false)
            return nil
        default: return flight
        }
    }

    func witness(_ fact: Fact) {
        if case .handled(let handling) = fact { record.got(if: handling.isBeyondTrust) }
    }

    private func meet(_ peer: SocketAddress, _ random: inout RandomSource) {
        guard !victims.contains(peer), !spared.contains(peer), victims.count + spared.count < Self.limit else { return }
        if victims.isEmpty || random.chance(50) { victims.append(peer) } else { spared.append(peer) }
    }

    private static let limit = 64
}
