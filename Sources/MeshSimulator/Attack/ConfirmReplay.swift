internal import SecureMeshCore

/// Sends CONFIRMs again, at later times and from other addresses. The attacker is on the path.
final class ConfirmReplay: Adversary {
    var record = Recording.Attack(
        .confirmReplay, goals: "a CONFIRM is accepted twice", "a CONFIRM is accepted from another address")
    let isOnPath = true
    private var kept: [Flight] = []

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .confirm else { return flight }
        if kept.count == Self.memory { kept.removeFirst() }
        kept.append(flight)
        // A copy from another address arrives before the CONFIRM itself.
        if reach.random.chance(30) { put(flight, from: reach.address(0), after: .zero, &reach) }
        guard reach.random.chance(30) else { return flight }
        reach.forward(flight, after: .milliseconds(20), isCopy: false)
        return nil
    }

    func act(_ reach: inout AttackerActions) {
        reach.nextAct = reach.random.duration(in: .milliseconds(10)...(.milliseconds(200)))
        guard !kept.isEmpty else { return }
        let flight = reach.random.element(of: kept)
        let source =
            switch reach.random.below(4) {
            case 0: reach.address(1 + reach.random.below(10))
            case 1: reach.random.element(of: kept).source
            default: flight.source
            }
        put(flight, from: source, after: reach.random.duration(in: .zero...(.seconds(2))), &reach)
    }

    func witness(_ fact: Fact) {
        guard case .handled(let handling) = fact, handling.isAccepted else { return }
        record.got(0, if: handling.isRepeated)
        let sent = kept.first { $0.id == handling.flight.id }
        record.got(1, if: sent.map { $0.source != handling.flight.source } ?? false)
    }

    private func put(
        _ flight: Flight, from source: SocketAddress, after delay: Duration, _ reach: inout AttackerActions
    ) {
        record.tried(source == flight.source ? 0 : 1)
        reach.forward(flight, from: source, after: delay, isCopy: true)
    }

    private static let memory = 64
}
