internal import SecureMeshCore

/// Repeats true HELLOs from thousands of forged addresses a second, so that the server agrees on keys, verifies and
/// signs for nobody. The attacker is on the path.
///
/// The addresses are so many that no limit of one prefix stops them. Only a world with processors shows the cost.
final class HelloReplay: FloodingAdversary {
    var record = floodRecord(of: .helloReplay)
    let isOnPath = true
    private var recorded: [[UInt8]] = []

    /// Records HELLOs without a cookie, which are valid from each address.
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
    /// 5,000 datagrams per second.
    private static let pause = Duration.milliseconds(2)
    private static let together = 10
}
