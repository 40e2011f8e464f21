internal import SecureMesh

/// Enrolled: joins again as fast as it can, and asks for the whole directory for ever.
final class InsiderStorm: Adversary {
    var record = Recording.Attack(
        .insiderStorm,
        "A member joins again as fast as it can, and says in every heartbeat that it holds nothing of the directory.",
        goals: "the server sends it more in a second than repairs and joins may cost",
        "it joins more often than it may")
    private var joining: HandmadeMember?
    private var current: HandmadeMember?
    private var isWelcome = false
    private var second: (begin: Instant, bytes: Int)?
    private var joins: [Instant] = []

    func act(_ reach: inout Reach) {
        guard let insider = reach.holdings.insider else { return }
        let address = reach.address(0)
        var member = joining ?? HandmadeMember(key: insider.key, name: insider.name, context: reach.context)
        reach.send(
            member.hello(as: insider.name, from: address, ephemeral: reach.random.secret(), cookie: member.cookie),
            from: address)
        record.tried(1)
        joining = member
        if let draft = current?.heartbeat(version: 0) { reach.send(draft.bytes, from: address) }
        reach.nextAct = reach.random.duration(in: .milliseconds(10)...(.milliseconds(60)))
    }

    func receive(_ flight: Flight, _ reach: inout Reach) {
        count(flight.bytes.count, reach.now)
        let session = joining?.session
        joining?.hear(flight.bytes)
        current?.hear(flight.bytes)
        guard joining?.session != session, let confirm = joining?.confirm else { return }
        reach.send(confirm.bytes, from: flight.destination)
        current = joining
    }

    func witness(_ fact: Fact) {
        guard case .joined(let arrival) = fact, arrival.member.publicKey == current?.key.publicKey else { return }
        joins.removeAll { arrival.at - $0 > .seconds(1) || $0 < arrival.serverSteadySince }
        joins.append(arrival.at)
        record.got(1, if: joins.count > Limits.joinRate.burst + Limits.joinRate.perSecond)
    }

    private func count(_ bytes: Int, _ now: Instant) {
        let begin = second?.begin ?? now
        guard now - begin < .seconds(1) else {
            record.tried(0)
            record.got(0, if: second.map { $0.bytes > Self.bound } ?? false)
            second = (now, bytes)
            return
        }
        second = (begin, (second?.bytes ?? 0) + bytes)
    }

    /// In a second: the repairs that are due and the joins that there may be, each with four parts and sixteen DELTAs at
    /// most; a DELTA a tick; PULSEs, and answers to HELLOs no larger than these.
    private static let bound: Int = {
        let second = Duration.seconds(1)
        let repairs = Int(second / Limits.repairGap) + 1 + Limits.joinRate.burst + Limits.joinRate.perSecond
        let inOne = Limits.snapshotPartsPerHeartbeat + Limits.deltasPerHeartbeat
        let datagrams = repairs * inOne + Int(second / Limits.tick)
        return datagrams * ProtocolConstants.maximumDatagram + 100 * Kind.hello.minimumSize
            + 60 * Kind.pulse.minimumSize
    }()
}
