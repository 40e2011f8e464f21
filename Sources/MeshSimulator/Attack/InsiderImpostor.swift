internal import SecureMeshCore

/// Tries to join under other members' names, with their identities and at their addresses. The attacker is a member,
/// and on the path.
final class InsiderImpostor: Adversary {
    var record = Recording.Attack(
        .insiderImpostor, goals: "it is listed under another's name", "it is listed at a member's address",
        "a message of it is delivered as another's")
    let isOnPath = true
    private var seat: InsiderSession?
    /// Scripted peers with the attacker's key, each with the name or the address of another member.
    private var impostors: [ScriptedPeer] = []
    /// The members and the times of their joins, by public key.
    private var members: [PublicKey: (member: Member, since: Instant)] = [:]

    func act(_ reach: inout AttackerActions) {
        guard var seat = seat ?? InsiderSession(reach) else { return }
        defer { self.seat = seat }
        reach.nextAct = .milliseconds(200)
        seat.keep(&reach)
        guard seat.isIn(reach.now), !seat.others.isEmpty else { return }
        let victim = reach.random.element(of: seat.others)
        switch reach.random.below(5) {
        case 0: join(as: victim.name, from: reach.address(1), seat, goal: 0, &reach)
        case 1: join(as: seat.member.name, from: victim.address, seat, goal: 1, &reach)
        case 2: claim(victim, seat, &reach)
        default:
            let third = reach.random.element(of: seat.others)
            let message = PeerMessage(audience: third.identity, number: 1, body: [1])
            guard third.session != victim.session, let draft = seat.member.message(message, to: third),
                let bytes = seat.member.sealed(draft.plaintext, from: victim.session, for: third)
            else { return }
            record.tried(2)
            reach.send(bytes, from: victim.address, to: third.address, isGarbage: true)
        }
    }

    /// Intercepts the WELCOMEs that answer the attacker's HELLOs. The server may send such a WELCOME to the address of
    /// another peer.
    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .welcome else { return flight }
        for index in impostors.indices where impostors[index].address == flight.destination {
            impostors[index].hear(flight.bytes)
            guard impostors[index].session != nil, let confirm = impostors[index].confirm else { continue }
            reach.send(confirm.bytes, from: flight.destination)
            return nil
        }
        return flight
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        seat?.hear(flight, &reach)
    }

    func witness(_ fact: Fact) {
        switch fact {
        case .joined(let arrival):
            let member = arrival.member
            if let own = seat?.member, member.publicKey == own.key.publicKey {
                record.got(0, if: member.name != own.name)
                // One such member suffices, so the order of the dictionary does not matter.
                let isTaken = members.values.contains {
                    $0.member.address == member.address && $0.member.publicKey != member.publicKey
                        && $0.since >= arrival.serverSteadySince
                }
                record.got(1, if: isTaken)
            }
            members[member.publicKey] = (member, arrival.at)
        case .left(let parting):
            if members[parting.member.publicKey]?.member == parting.member { members[parting.member.publicKey] = nil }
        case .handled(let handling):
            record.got(2, if: handling.isAccepted && handling.flight.isBroken && handling.flight.kind == .message)
        case .trustsTooLong: break
        }
    }

    private func join(
        as name: PeerName, from address: SocketAddress, _ seat: InsiderSession, goal: Int,
        _ reach: inout AttackerActions
    ) {
        var impostor = ScriptedPeer(key: seat.member.key, name: name, context: reach.context)
        record.tried(goal)
        reach.send(impostor.hello(as: name, from: address, ephemeral: reach.random.secret()), from: address)
        if impostors.count == Self.memory { impostors.removeFirst() }
        impostors.append(impostor)
    }

    /// Sends a HELLO with another member's identity and the attacker's signature, sometimes also with the other
    /// member's ephemeral key.
    private func claim(_ victim: Entry, _ seat: InsiderSession, _ reach: inout AttackerActions) {
        var peer = ScriptedPeer(key: seat.member.key, name: victim.name, context: reach.context)
        _ = peer.hello(from: seat.address, ephemeral: reach.random.secret())
        guard var draft = peer.attempt?.hello else { return }
        draft.payload = Hello(identity: victim.identity, name: victim.name).encoded
        if reach.random.chance(30) { draft.fields = .hello(cookie: .zero, ephemeral: victim.agreementKey) }
        record.tried(0)
        reach.send(draft.bytes, from: seat.address, isGarbage: true)
    }

    private static let memory = 16
}
