internal import SecureMeshCore

/// An attacker with two members. The member `deaf` stops receiving, as if its address belonged to someone else. It then
/// sends HEARTBEATs with the tokens that the member `listener` receives.
final class InsiderAccomplice: Adversary {
    var record = Recording.Attack(
        .insiderAccomplice, goals: "a member that does not receive stays listed for longer than two lifetimes")
    private var deaf: InsiderSession?
    private var listener: InsiderSession?
    /// The time from which `deaf` receives nothing; nil while it still receives.
    private var deafSince: Instant?
    private var joinedAt: Instant?
    private var actedAt = Instant(nanoseconds: 0)

    func act(_ reach: inout AttackerActions) {
        guard var deaf = deaf ?? InsiderSession(reach),
            var listener = listener ?? InsiderSession(reach, isAccomplice: true)
        else { return }
        defer { (self.deaf, self.listener) = (deaf, listener) }
        reach.nextAct = .milliseconds(100)
        actedAt = reach.now
        listener.keep(&reach)
        guard deafSince != nil else {
            deaf.keep(&reach)
            guard deaf.isIn(reach.now), listener.isIn(reach.now) else { return }
            let joined = joinedAt ?? reach.now
            joinedAt = joined
            if reach.now - joined > Self.stay { deafSince = reach.now }
            return
        }
        guard listener.isIn(reach.now) else { return }
        deaf.member.token = listener.member.token
        guard let draft = deaf.member.heartbeat(version: listener.member.version) else { return }
        record.tried()
        reach.send(draft.bytes, from: deaf.address)
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        if flight.destination == listener?.address {
            listener?.hear(flight, &reach)
        } else if deafSince == nil {
            deaf?.hear(flight, &reach)
        }
    }

    func witness(_ fact: Fact) {
        guard case .left(let parting) = fact, parting.member.address == deaf?.address else { return }
        if let since = deafSince {
            record.got(if: min(parting.at, actedAt) - since > parting.at - parting.latestSign)
        }
        (deafSince, joinedAt) = (nil, nil)
        deaf?.joinAgain()
    }

    private static let stay = Duration.seconds(1)
}
