internal import SecureMeshCore

/// Damages datagrams: flips bits, truncates or extends a datagram, or joins the head of one datagram to the tail of
/// another. The attacker is on the path.
final class Tamper: Adversary {
    var record = Recording.Attack(.tamper, goals: "a changed datagram is accepted")
    let isOnPath = true
    /// The newest datagram of each kind, by the byte that stands for the kind.
    private var newest: [UInt8: Flight] = [:]

    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? {
        guard flight.bytes.count >= Header.size else { return flight }
        let other = newest.updateValue(flight, forKey: flight.bytes[1])
        guard reach.random.chance(Self.share) else { return flight }
        var altered = flight
        alter(&altered.bytes, other?.bytes, &reach.random)
        // A result that equals the other datagram is a copy of a valid datagram, not a changed one.
        guard altered.bytes != other?.bytes else { return flight }
        // A RETRY with another tag or cookie is still valid, and costs the peer only another HELLO.
        if altered.bytes != flight.bytes, flight.kind != .retry { record.tried() }
        return altered
    }

    func witness(_ fact: Fact) {
        guard case .handled(let handling) = fact, handling.isAccepted else { return }
        // A HELLO is not counted, because a server over budget answers with RETRY without opening it.
        record.got(if: handling.flight.isBroken && handling.flight.kind != .retry && handling.flight.kind != .hello)
    }

    private func alter(_ bytes: inout [UInt8], _ other: [UInt8]?, _ random: inout RandomSource) {
        switch random.below(8) {
        case 0, 1:
            Tampering.flip(index: random.below(bytes.count), mask: 1 << UInt8(random.below(8))).apply(to: &bytes)
        case 2:
            // A field of the header.
            Tampering.flip(index: random.below(Header.size), mask: UInt8(1 + random.below(255))).apply(to: &bytes)
        case 3:
            Tampering.truncate(by: 1 + random.below(bytes.count)).apply(to: &bytes)
            if random.chance(50) { Self.correctLength(&bytes) }
        case 4:
            Tampering.extend(with: random.bytes(1 + random.below(40))).apply(to: &bytes)
            if random.chance(50) { Self.correctLength(&bytes) }
        case 5:
            guard let other else { return }
            let cut = random.below(min(bytes.count, other.count))
            bytes = Array(bytes.prefix(cut) + other.suffix(from: cut))
            if random.chance(50) { Self.correctLength(&bytes) }
        case 6:
            // Only the kind.
            bytes[1] = random.element(of: Kind.allCases).rawValue
        default:
            // The receiver, sender or counter of another datagram.
            guard let other else { return }
            let field = 4 + 8 * random.below(3)
            bytes.replaceSubrange(field..<field + 8, with: other[field..<field + 8])
        }
    }

    private static func correctLength(_ bytes: inout [UInt8]) {
        guard bytes.count >= 4 else { return }
        bytes[2] = UInt8(truncatingIfNeeded: bytes.count >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: bytes.count)
    }

    private static let share = 20
}
