internal import SecureMeshCore

/// One attacker of a world.
struct Attacker {
    let adversary: any Adversary
    let plan: AttackPlan
    let holdings: AttackerKeys
    var random: RandomSource
    var isActive = false
}

/// Calls the attackers of a world, sends their datagrams, and reports the facts by which they measure their success.
extension World {
    func act(_ number: Int) {
        guard !isHealing else { return }
        let plan = attackers[number].plan
        if !attackers[number].isActive {
            attackers[number].isActive = true
            recorder.note(.attackBegan(attackers[number].adversary.record.name), now: now)
        }
        guard now.sinceBeginning < plan.to else {
            attackers[number].isActive = false
            return recorder.note(.attackEnded(attackers[number].adversary.record.name), now: now)
        }
        state.trace.step(8, at: now, subject: number)
        let next = move(number) { $0.act(&$1) }
        let end = Instant(nanoseconds: plan.to.wholeNanoseconds)
        state.schedule.put(.act(number), at: min(next.map { now + max($0, .microseconds(1)) } ?? end, end))
    }

    /// Hands a datagram to the attackers on the path, one after the other. Returns the datagram that they pass on, or
    /// nil if one of them withholds the datagram.
    func passAttackers(_ flight: Flight) -> Flight? {
        let sent = flight.bytes
        var flight = flight
        for number in attackers.indices where attackers[number].isActive && attackers[number].adversary.isOnPath {
            var passed: Flight?
            _ = move(number) { passed = $0.intercept(flight, &$1) }
            guard var passed else {
                attackers[number].adversary.record.withheld += 1
                return nil
            }
            if passed.bytes != flight.bytes || passed.source != flight.source { passed.attacker = number }
            if passed.bytes != flight.bytes {
                // One attacker may undo the change of another.
                passed.isBroken = passed.bytes != sent
                attackers[number].adversary.record.altered += 1
            }
            flight = passed
        }
        return flight
    }

    /// Hands a datagram to the attacker that has its destination's address.
    package func arriveElsewhere(_ flight: Flight) {
        let slot = Addresses.slot(of: flight.destination) ?? 0
        let number = (slot - AttackerActions.firstSlot) >> 12
        guard slot >= AttackerActions.firstSlot, attackers.indices.contains(number), attackers[number].isActive else {
            return lose(.nobodyThere)
        }
        _ = move(number) { $0.receive(flight, &$1) }
    }

    func stopAttackers() {
        for number in attackers.indices where attackers[number].isActive {
            attackers[number].isActive = false
            recorder.note(.attackEnded(attackers[number].adversary.record.name), now: now)
        }
    }

    func tellAttackers(_ fact: Fact) {
        for attacker in attackers { attacker.adversary.witness(fact) }
    }

    func tellAttacker(of handling: Handling) {
        guard let number = handling.flight.attacker else { return }
        attackers[number].adversary.witness(.handled(handling))
    }

    private func move(_ number: Int, _ body: (any Adversary, inout AttackerActions) -> Void) -> Duration? {
        var reach = AttackerActions(
            now: now, attacker: number, holdings: attackers[number].holdings, random: attackers[number].random)
        body(attackers[number].adversary, &reach)
        attackers[number].random = reach.random
        for (var flight, delay) in reach.outgoing {
            if flight.id == 0 { flight.id = state.nextFlight() }
            flight.attacker = number
            attackers[number].adversary.record.sent += 1
            state.trace.datagram(flight.bytes)
            state.schedule.put(flight, at: now + network.conditions.latency + delay)
        }
        return reach.nextAct
    }
}
