internal import SecureMeshCore

/// Repeats the HELLOs of honest peers 5,000 times per second, from 4,000 forged addresses. For each HELLO the server
/// spends CPU time on key agreement, verification and signing, although no peer joins. The attacker is on the path.
///
/// There are so many addresses that no limit per address prefix stops them. Only a world with processors shows the
/// cost.
final class HelloReplay: FloodingAdversary {
    var record = floodRecord(of: .helloReplay)
    let isOnPath = true
    private var recorded: [[UInt8]] = []

    /// Records HELLOs without a cookie, because such a HELLO is valid from every address.
    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.kind == .hello, recorded.count < Self.memory,
            let datagram = try? Datagram(decoding: flight.bytes.span),
            case .hello(let cookie, _) = datagram.header.fields, cookie == .zero
        else { return flight }
        recorded.append(flight.bytes)
        return flight
    }

    func act(_ reach: inout AttackerActions) {
        reach.nextAct = Self.pause
        guard !recorded.isEmpty else { return }
        for _ in 0..<Self.together {
            reach.send(
                reach.random.element(of: recorded), from: reach.address(reach.random.below(Self.addresses)))
            noteAttempt()
        }
    }

    private static let memory = 64
    private static let addresses = 4_000
    /// The time between two bursts of `together` datagrams. It makes 5,000 datagrams per second.
    private static let pause = Duration.milliseconds(2)
    private static let together = 10
}
