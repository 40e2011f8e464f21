internal import SecureMeshCore

/// Enrolled: joins again as fast as it can, and asks for the whole directory for ever.
final class InsiderStorm: Adversary {
    var record = Recording.Attack(
        .insiderStorm,
        "A member joins again as fast as it can, and says in every heartbeat that it holds nothing of the directory.",
        goals: "the server sends it more bytes in a second than repairs and joins may cost",
        "it joins more often than it may", "it is sent more snapshots in a second than repairs and joins allow")
    private var joining: ScriptedMember?
    private var current: ScriptedMember?
    private var isWelcome = false
    private var second: (begin: Instant, bytes: Int, snapshots: Int)?
    private var joins: [Instant] = []
    private var steadySince: Instant?
    private var mostKnown = 0

    func act(_ reach: inout AttackerActions) {
        guard let insider = reach.holdings.insider else { return }
        let address = reach.address(0)
        var member = joining ?? ScriptedMember(key: insider.key, name: insider.name, context: reach.context)
        reach.send(
            member.hello(as: insider.name, from: address, ephemeral: reach.random.secret(), cookie: member.cookie),
            from: address)
        record.tried(1)
        joining = member
        if let draft = current?.heartbeat(version: 0) { reach.send(draft.bytes, from: address) }
        reach.nextAct = reach.random.duration(in: .milliseconds(10)...(.milliseconds(60)))
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        // Another attacker may send again what the server has sent.
        if !flight.isCopy { count(flight, reach.now) }
        let session = joining?.session
        joining?.hear(flight.bytes)
        current?.hear(flight.bytes)
        mostKnown = max(mostKnown, current?.known.count ?? 0)
        guard joining?.session != session, let confirm = joining?.confirm else { return }
        reach.send(confirm.bytes, from: flight.destination)
        current = joining
    }

    func witness(_ fact: Fact) {
        guard case .joined(let arrival) = fact, arrival.member.publicKey == current?.key.publicKey else { return }
        steadySince = arrival.serverSteadySince
        joins.removeAll { arrival.at - $0 > .seconds(1) || $0 < arrival.serverSteadySince }
        joins.append(arrival.at)
        record.got(1, if: joins.count > Limits.joinRate.burst + Limits.joinRate.perSecond)
    }

    private func count(_ flight: Flight, _ now: Instant) {
        let bytes = flight.bytes.count
        let snapshots = flight.kind == .snapshot ? 1 : 0
        let begin = second?.begin ?? now
        guard now - begin < .seconds(1) else {
            judge(begin: begin)
            second = (now, bytes, snapshots)
            return
        }
        second = (begin, (second?.bytes ?? 0) + bytes, (second?.snapshots ?? 0) + snapshots)
    }

    /// A server that has started again has forgotten what it spent in the second before.
    private func judge(begin: Instant) {
        guard let second, let steadySince, begin >= steadySince else { return }
        record.tried(0)
        record.tried(2)
        record.got(0, if: second.bytes > bound)
        record.got(2, if: second.snapshots > Self.repairs * parts)
    }

    /// In one answer; at least five members fit in a part, and it knows nobody when it has just joined.
    private var parts: Int {
        let whole = mostKnown / 5 + 1
        let share = whole / Limits.snapshotHeartbeats + 1
        return min(whole, min(max(share, Limits.snapshotPartsPerHeartbeat), Limits.mostSnapshotParts))
    }

    /// In a second, joins included.
    private static let repairs =
        Int(Duration.seconds(1) / Limits.repairGap) + 1 + Limits.joinRate.burst + Limits.joinRate.perSecond

    /// In a second: the repairs that are due and the joins that there may be, each with its parts and sixteen DELTAs at
    /// most; a DELTA a tick; PULSEs, and answers to HELLOs no larger than these.
    private var bound: Int {
        let datagrams = Self.repairs * (parts + Limits.deltasPerHeartbeat) + Int(Duration.seconds(1) / Limits.tick)
        return datagrams * ProtocolConstants.maximumDatagram + 100 * Kind.hello.minimumSize
            + 60 * Kind.pulse.minimumSize
    }
}
