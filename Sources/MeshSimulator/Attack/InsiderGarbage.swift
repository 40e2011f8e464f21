internal import SecureMeshCore

/// Sends datagrams with an intact seal and a wrong signature, to peers and to the server. The attacker is a member.
///
/// Refusing such a datagram costs the receiver as much CPU time as accepting a valid one.
final class InsiderGarbage: Adversary {
    var record = Recording.Attack(
        .insiderGarbage, goals: "a wrongly signed datagram is accepted",
        "it joins again within a minute after its removal")
    private struct Label: Hashable {
        let from: UInt64
        let counter: UInt64
    }
    private var seat: InsiderSession?
    private var patience = 0
    private var wrong: Set<Label> = []
    private var foundOutAt: Instant?

    func act(_ reach: inout AttackerActions) {
        guard var seat = seat ?? InsiderSession(reach) else { return }
        defer { self.seat = seat }
        reach.nextAct = .milliseconds(100)
        seat.keep(&reach)
        guard seat.isIn(reach.now) else {
            // The number of rounds of wrong messages to peers before the first wrong HEARTBEAT, which ends the session.
            patience = 3 + reach.random.below(60)
            return
        }
        patience -= 1
        for entry in seat.others.prefix(8) where reach.random.chance(50) {
            let audience = reach.random.chance(50) ? entry.identity : nil
            let message = PeerMessage(audience: audience, number: UInt64(reach.random.below(9)), body: [1, 2, 3])
            put(seat.member.message(message, to: entry), from: seat.address, to: entry.address, &reach)
        }
        guard patience < 0 else { return }
        put(seat.member.heartbeat(version: seat.member.version), from: seat.address, &reach)
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        // Sometimes the CONFIRM is already wrong.
        if flight.kind == .welcome, reach.random.chance(15), let draft = seat.flatMap({ Self.confirm($0, flight) }) {
            put(draft, from: flight.destination, &reach)
        }
        seat?.hear(flight, &reach)
    }

    func witness(_ fact: Fact) {
        let own = seat?.member.key.publicKey
        switch fact {
        case .handled(let handling):
            let isWrong = wrong.contains(Label(from: handling.flight.from, counter: handling.flight.counter))
            record.got(0, if: handling.isAccepted && isWrong)
        case .joined(let arrival) where arrival.member.publicKey == own:
            // A server that has restarted since the removal does not remember it.
            guard let foundOutAt, foundOutAt > arrival.serverSteadySince else { return }
            record.got(1, if: arrival.at - foundOutAt < ProtocolConstants.barredPeriod * 99 / 100)
        case .left(let parting) where parting.member.publicKey == own && parting.departure == .misbehaved:
            record.tried(1)
            foundOutAt = parting.at
        case .joined, .left, .trustsTooLong: break
        }
    }

    /// Sends `draft` with one bit of the payload or the signature flipped between signing and sealing, so that the seal
    /// is intact.
    private func put(
        _ draft: ForgedDatagram?, from source: SocketAddress, to destination: SocketAddress = Addresses.server,
        _ reach: inout AttackerActions
    ) {
        guard let draft else { return }
        var changes = ForgedDatagram.Changes()
        let plaintext = draft.payload.count + Signature.count
        // In a HEARTBEAT only the signature is changed, because the number must be above the previous one.
        let index = draft.kind == .message ? reach.random.below(plaintext) : plaintext - 1 - reach.random.below(60)
        changes.beforeSealing = .flip(index: index, mask: 1 << UInt8(reach.random.below(8)))
        wrong.insert(Label(from: draft.from, counter: draft.counter))
        record.tried(0)
        // A wrong HEARTBEAT does not count as garbage, because the server acts on it by ending the session.
        reach.send(
            draft.bytes(changes).bytes, from: source, to: destination, isGarbage: draft.kind != .heartbeat)
    }

    private static func confirm(_ seat: InsiderSession, _ welcome: Flight) -> ForgedDatagram? {
        var member = seat.member
        member.hear(welcome.bytes)
        return member.confirm
    }
}
