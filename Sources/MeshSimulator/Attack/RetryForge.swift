internal import SecureMeshCore

/// On the path: answers joiners in the server's stead with what it has seen of its answers, altered and repeated.
///
/// A RETRY's tag and cookie are not signed, so one RETRY, had by a flood of HELLOs from an address of its own, serves
/// against all joiners for as long as its rotation.
final class RetryForge: Adversary {
    var record = Recording.Attack(
        .retryForge, "Someone on the path answers joiners with altered and repeated RETRY, WELCOME and REJECT.",
        goals: "one HELLO takes two RETRYs", "a joiner takes an altered WELCOME or REJECT")
    let isOnPath = true
    private var retry: [UInt8]?
    private var probes = 0
    /// The newest answers, and joiners' newest HELLOs.
    private var answers: [Flight] = []
    private var joiners: [(tag: UInt64, address: SocketAddress)] = []
    private var retried: Set<UInt64> = []

    /// Until the server has had enough of this address.
    func act(_ reach: inout AttackerActions) {
        guard retry == nil, probes < Self.probes else { return }
        probes += Self.burst
        let key = reach.primitives.publicKey(of: reach.random.secret())
        let header = Header(.hello(cookie: .zero, ephemeral: key), to: 0, from: 0, counter: 0)
        for _ in 0..<Self.burst {
            let tail = reach.random.bytes(Kind.hello.minimumSize - Kind.hello.sealedOffset)
            reach.send(
                header.encode(size: Kind.hello.minimumSize) + tail, from: reach.address(0), isGarbage: true)
        }
        reach.nextAct = .milliseconds(50)
    }

    func receive(_ flight: Flight, _ reach: inout AttackerActions) {
        keep(flight)
    }

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        // Another attacker may have cut it short, or turned a bit, which must not be turned back here.
        guard flight.bytes.count >= Header.size, !flight.isBroken else { return flight }
        switch flight.kind {
        case .hello:
            joiners.append((Handshake.tag(of: flight.bytes), flight.source))
            if joiners.count > Self.memory { joiners.removeFirst() }
            if retry != nil, reach.random.chance(60) {
                for _ in 0..<1 + reach.random.below(3) { forgeRetry(&reach) }
            }
            return flight
        case .retry, .welcome, .reject:
            answers.append(flight)
            if answers.count > Self.memory { answers.removeFirst() }
            keep(flight)
            for _ in 0..<reach.random.below(3) { forgeAnswer(&reach) }
            return reach.random.chance(20) ? nil : flight
        default: return flight
        }
    }

    func witness(_ fact: Fact) {
        guard case .handled(let handling) = fact, handling.by != nil, handling.isAccepted else { return }
        switch handling.flight.kind {
        case .retry: record.got(0, if: !retried.insert(handling.flight.to).inserted)
        case .welcome, .reject: record.got(1, if: handling.flight.isBroken)
        default: break
        }
    }

    private func keep(_ flight: Flight) {
        if flight.kind == .retry, flight.bytes.count == Kind.retry.minimumSize { retry = flight.bytes }
    }

    private func forgeRetry(_ reach: inout AttackerActions) {
        guard var bytes = retry, let joiner = joiners.last else { return }
        record.tried(0)
        Self.readdress(&bytes, to: joiner.tag)
        bytes.replaceSubrange(Header.size..<Header.size + Bytes16.count, with: reach.random.bytes(Bytes16.count))
        reach.send(bytes, from: Addresses.server, to: joiner.address, isGarbage: true)
    }

    /// One of the answers, again, with a bit turned, or for another HELLO.
    private func forgeAnswer(_ reach: inout AttackerActions) {
        guard var flight = answers.isEmpty ? nil : reach.random.element(of: answers) else { return }
        let original = flight.bytes
        if !joiners.isEmpty, reach.random.chance(40) {
            let joiner = reach.random.element(of: joiners)
            Self.readdress(&flight.bytes, to: joiner.tag)
            flight.destination = joiner.address
        }
        if reach.random.chance(60) {
            let index = reach.random.below(flight.bytes.count)
            Mutation.flip(index: index, mask: 1 << UInt8(reach.random.below(8))).apply(to: &flight.bytes)
        }
        guard flight.bytes != original else { return reach.forward(flight, after: .milliseconds(1), isCopy: true) }
        if flight.kind != .retry { record.tried(1) }
        reach.send(flight.bytes, from: flight.source, to: flight.destination, isGarbage: true)
    }

    private static func readdress(_ bytes: inout [UInt8], to tag: UInt64) {
        var field: [UInt8] = []
        field.append(bigEndian: tag)
        bytes.replaceSubrange(4..<12, with: field)
    }

    private static let burst = 30
    private static let probes = 1_500
    private static let memory = 32
}
