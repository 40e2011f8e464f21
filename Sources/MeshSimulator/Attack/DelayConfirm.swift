internal import SecureMeshCore

/// On the path: a handshake that began when the key was good ends when it is not.
final class DelayConfirm: Adversary {
    var record = Recording.Attack(
        .delayConfirm, "Someone on the path holds every CONFIRM for seconds, so that a revocation may overtake it.",
        goals: "a revoked key is let in")
    let isOnPath = true

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .confirm else { return flight }
        // Up to a ticket's life and a little more.
        let delay = reach.random.duration(in: .seconds(1)...(Limits.pendingLifetime + .milliseconds(200)))
        record.tried()
        reach.forward(flight, after: delay, isCopy: false)
        return nil
    }

    func witness(_ fact: Fact) {
        if case .joined(let arrival) = fact { record.got(if: arrival.isRevoked) }
    }
}
