internal import SecureMeshCore

/// Delays every CONFIRM by some seconds, so that the sender's key may be revoked before the CONFIRM arrives. The
/// attacker is on the path.
final class DelayConfirm: Adversary {
    var record = Recording.Attack(.delayConfirm, goals: "a revoked key becomes a member")
    let isOnPath = true

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .confirm else { return flight }
        // Up to a little more than the lifetime of a ticket.
        let delay = reach.random.duration(in: .seconds(1)...(Limits.pendingLifetime + .milliseconds(200)))
        record.tried()
        reach.forward(flight, after: delay, isCopy: false)
        return nil
    }

    func witness(_ fact: Fact) {
        if case .joined(let arrival) = fact { record.got(if: arrival.isRevoked) }
    }
}
