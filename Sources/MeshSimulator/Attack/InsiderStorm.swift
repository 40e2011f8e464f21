internal import SecureMeshCore

/// Joins as often as it can, and asks for the whole directory in every HEARTBEAT. The attacker is a member.
final class InsiderStorm: Adversary {
    var record = Recording.Attack(
        .insiderStorm, goals: "the server sends it more bytes per second than repairs and joins may cost",
        "it joins more often than the limit", "it receives more snapshots per second than repairs and joins allow")
    private var joining: ScriptedPeer?
    private var current: ScriptedPeer?
    private var second: (begin: Instant, bytes: Int, snapshots: Int)?
    private var joins: [Instant] = []
    private var steadySince: Instant?
    private var mostKnown = 0

    func act(_ reach: inout AttackerActions) {
        guard let insider = reach.holdings.insider else { return }
        let address = reach.address(0)
        var member = joining ?? ScriptedPeer(key: insider.key, name: insider.name, context: reach.context)
        reach.send(
            member.hello(as: insider.name, from: address, ephemeral: reach.random.secret(), cookie: member.cookie),
            from: address)
        record.tried(1)
        joining = member
        if let draft = current?.heartbeat(version: 0) { reach.send(draft.bytes, from: address) }
        reach.nextAct = reach.random.duration(in: .milliseconds(10)...(.milliseconds(60)))
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        // Copies are not counted, because another attacker may have sent them.
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

    /// Compares the counts of the past second with their bounds. If the server restarted in that second, it has
    /// forgotten its earlier answers, so nothing is compared.
    private func judge(begin: Instant) {
        guard let second, let steadySince, begin >= steadySince else { return }
        record.tried(0)
        record.tried(2)
        record.got(0, if: second.bytes > bound)
        record.got(2, if: second.snapshots > Self.repairs * parts)
    }

    /// The largest number of SNAPSHOT parts that the server sends in one answer. At least five members fit in a part.
    private var parts: Int {
        let whole = mostKnown / 5 + 1
        return min(whole, Limits.firstBurst)
    }

    /// The largest number of repairs that the server may send to the attacker per second. A repair is an answer of the
    /// server with missing parts of the directory. The first two repairs after a join need not wait for
    /// `Limits.repairGap`.
    private static let repairs =
        Int(Duration.seconds(1) / Limits.repairGap) + 1 + 2 * (Limits.joinRate.burst + Limits.joinRate.perSecond)

    /// The largest number of bytes that the server may send to the attacker per second. It is enough for repairs and
    /// joins with their parts and DELTAs, for one DELTA per tick, for PULSEs, and for answers to HELLOs.
    private var bound: Int {
        let datagrams = Self.repairs * (parts + Limits.deltasPerHeartbeat) + Int(Duration.seconds(1) / Limits.tick)
        return datagrams * ProtocolConstants.maximumDatagram + 100 * Kind.hello.minimumSize
            + 60 * Kind.pulse.minimumSize
    }
}
