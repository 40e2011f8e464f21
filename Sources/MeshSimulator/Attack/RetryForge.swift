internal import SecureMeshCore

/// Answers joining peers with changed and repeated RETRYs, WELCOMEs and REJECTs. The attacker is on the path.
///
/// The tag and the cookie of a RETRY are not signed. So the attacker provokes one RETRY with a flood of HELLOs, and can
/// then send this RETRY to all joining peers until the cookie key rotates.
final class RetryForge: Adversary {
    var record = Recording.Attack(
        .retryForge, goals: "one HELLO accepts two RETRYs", "a peer accepts a changed WELCOME or REJECT")
    let isOnPath = true
    private var retry: [UInt8]?
    private var probes = 0
    /// The newest RETRYs, WELCOMEs and REJECTs.
    private var answers: [Flight] = []
    /// The tags and source addresses of the newest HELLOs.
    private var joiners: [(tag: UInt64, address: SocketAddress)] = []
    private var retried: Set<UInt64> = []

    /// Sends a burst of invalid HELLOs, to provoke a RETRY. Sends none if a RETRY is known already, or if `Self.probes`
    /// HELLOs have been sent.
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
        // Another attacker may have changed the datagram. A truncated datagram may have no header. If a bit was
        // flipped, this attacker must not flip it back.
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

    /// Sends one of `answers` again: unchanged, with a flipped bit, with the tag of another HELLO, or with both
    /// changes.
    private func forgeAnswer(_ reach: inout AttackerActions) {
        guard var flight = answers.isEmpty ? nil : reach.random.element(of: answers) else { return }
        let unchanged = flight.bytes
        if !joiners.isEmpty, reach.random.chance(40) {
            let joiner = reach.random.element(of: joiners)
            Self.readdress(&flight.bytes, to: joiner.tag)
            flight.destination = joiner.address
        }
        if reach.random.chance(60) {
            let index = reach.random.below(flight.bytes.count)
            Tampering.flip(index: index, mask: 1 << UInt8(reach.random.below(8))).apply(to: &flight.bytes)
        }
        guard flight.bytes != unchanged else { return reach.forward(flight, after: .milliseconds(1), isCopy: true) }
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
