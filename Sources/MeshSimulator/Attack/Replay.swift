internal import SecureMeshCore

/// Records datagrams and sends them again: to the same receiver, to other receivers, or from other addresses. The
/// attacker is on the path.
final class Replay: Adversary {
    var record = Recording.Attack(
        .replay, goals: "a datagram is accepted twice", "the server accepts a session's datagram from another address")
    let isOnPath = true
    private var recorded: [Flight] = []

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        if recorded.count < Self.memory {
            recorded.append(flight)
        } else {
            recorded[reach.random.below(Self.memory)] = flight
        }
        return flight
    }

    func act(_ reach: inout AttackerActions) {
        reach.nextAct = reach.random.duration(in: .milliseconds(1)...(.milliseconds(80)))
        guard !recorded.isEmpty else { return }
        for _ in 0..<1 + reach.random.below(4) {
            var flight = reach.random.element(of: recorded)
            let other = reach.random.element(of: recorded)
            switch reach.random.below(6) {
            case 0: flight.destination = other.destination
            case 1: flight.source = other.source
            case 2: flight.source = reach.address(reach.random.below(100))
            case 3:
                flight.destination = flight.source
                flight.source = other.source
            default: break
            }
            reach.forward(flight, after: reach.random.duration(in: .zero...(.seconds(3))), isCopy: true)
            record.tried(0)
            if isSessions(flight), flight.destination == Addresses.server { record.tried(1) }
        }
    }

    func witness(_ fact: Fact) {
        guard case .handled(let handling) = fact, handling.isAccepted, isSessions(handling.flight) else { return }
        record.got(0, if: handling.isRepeated)
        guard handling.by == nil, let sent = recorded.first(where: { $0.id == handling.flight.id }) else { return }
        // A peer that has moved sends from another address than its session's.
        record.got(1, if: sent.source != handling.flight.source && !handling.isFromMember)
    }

    /// Returns true if the datagram is a CONFIRM, or of a kind that is sent after the handshake. A receiver must accept
    /// such a datagram at most once. It may accept the other kinds twice.
    private func isSessions(_ flight: Flight) -> Bool {
        flight.kind.map { $0.rawValue >= Kind.confirm.rawValue } ?? false
    }

    private static let memory = 256
}
