internal import SecureMeshCore

/// Takes messages that other members have sent to the attacker, and seals them for third members. The header names
/// either the session of the message's sender or the attacker's own session. The messages may be from earlier sessions
/// of the attacker. The attacker is a member.
final class InsiderReseal: Adversary {
    var record = Recording.Attack(
        .insiderReseal, goals: "a message is delivered to another receiver, or as another sender's")
    private var seat: InsiderSession?
    /// The messages that the attacker received in all of its sessions.
    private var overheard: [ScriptedPeer.Overheard] = []
    private var joinedAt: Instant?

    func act(_ reach: inout AttackerActions) {
        guard var seat = seat ?? InsiderSession(reach) else { return }
        defer { self.seat = seat }
        reach.nextAct = .milliseconds(100)
        seat.keep(&reach)
        guard seat.isIn(reach.now) else { return }
        let joined = joinedAt ?? reach.now
        joinedAt = joined
        if reach.now - joined > Self.stay {
            joinedAt = nil
            seat.joinAgain()
        }
        let others = seat.others
        guard !others.isEmpty else { return }
        for _ in 0..<3 {
            let entry = reach.random.element(of: others)
            guard let bytes = forgery(&seat.member, for: entry, others, &reach) else { continue }
            record.tried()
            reach.send(bytes, from: seat.address, to: entry.address, isGarbage: true)
        }
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        seat?.hear(flight, &reach)
        guard flight.kind == .message, let heard = seat?.member.overheard else { return }
        if overheard.count == Self.memory { overheard.removeFirst() }
        overheard.append(heard)
    }

    func witness(_ fact: Fact) {
        if case .handled(let handling) = fact, handling.by != nil, handling.flight.isBroken {
            record.got(if: handling.isAccepted)
        }
    }

    private func forgery(
        _ member: inout ScriptedPeer, for entry: Entry, _ others: [Entry], _ reach: inout AttackerActions
    ) -> [UInt8]? {
        let choice = reach.random.below(4)
        if choice == 0 || overheard.isEmpty {
            // The message is addressed to a third member but sealed for `entry`. The header names the attacker's
            // session or the third member's.
            let third = reach.random.element(of: others)
            guard third.session != entry.session else { return nil }
            let said = PeerMessage(audience: third.identity, number: 1, body: [1])
            guard let plaintext = member.message(said, to: third)?.plaintext else { return nil }
            return member.sealed(plaintext, from: reach.random.chance(50) ? nil : third.session, for: entry)
        }
        let heard = reach.random.element(of: overheard)
        // The sender's present session may differ from the one in which the message was sent.
        let present = others.first { $0.identity == heard.sender.identity }
        switch choice {
        case 1: return member.sealed(heard.plaintext, from: nil, for: entry)
        case 2: return member.sealed(heard.plaintext, from: heard.sender.session, for: entry)
        default: return member.sealed(heard.plaintext, from: present?.session, for: entry)
        }
    }

    private static let stay = Duration.seconds(4)
    private static let memory = 32
}
