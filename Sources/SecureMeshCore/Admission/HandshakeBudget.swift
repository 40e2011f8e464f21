/// The budget of CPU time for strangers' datagrams (PROTOCOL.md, section 5.6). It is a token bucket: the fuller the
/// bucket, the more kinds of datagrams are served.
///
/// The bucket fills at the rate of min(0.5, 0.85 - m) of a core, but at least 0.01. Here m is the share of a core that
/// members' datagrams and DELTAs to members use.
///
/// A HELLO without a cookie is served while the bucket is more than half full, and a HELLO with a cookie while the
/// bucket is more than a tenth full. A CONFIRM is served while the bucket holds the cost of one CONFIRM. So a flood of
/// HELLOs without a cookie stops neither joiners that have proven their address nor joiners that have received WELCOME.
///
/// HELLOs without a cookie must also pass a second bucket, which fills at a tenth of the rate of the first. Even if the
/// budget does not allow such a HELLO, the second bucket is charged for it. So the server answers a flood of valid
/// HELLOs from spoofed sources with RETRY only. RETRY costs little CPU time, so most of the budget is left to the
/// joiners that return a cookie.
///
/// The budget is charged for a HELLO in two steps: for the X25519 agreement first, and for the other work only after
/// the seal has been opened. So garbage with a valid cookie uses up no more of the budget than the CPU time that the
/// server spends on it.
package struct HandshakeBudget: Sendable {
    package enum Tier: Sendable {
        case helloWithoutCookie, helloWithCookie, confirm
    }

    /// The parts of the work of a handshake. The budget is charged for each part just before the server does it.
    package enum Work: Sendable {
        /// The X25519 agreement of a HELLO, which yields the key of its seal.
        case helloAgreement
        /// The verification of a HELLO, and the making of its answer.
        case helloAnswer
        /// The verification of a CONFIRM.
        case confirm

        /// The estimated CPU time of this part, in nanoseconds.
        fileprivate var cost: Int64 {
            switch self {
            case .helloAgreement: Limits.helloAgreementCost
            case .helloAnswer: Limits.helloCost - Limits.helloAgreementCost
            case .confirm: Limits.confirmCost
            }
        }
    }

    private var nanoseconds = Limits.handshakeBurst
    /// The CPU time that is left for HELLOs without a cookie, in nanoseconds. It is negative after more of these HELLOs
    /// have arrived than could be served.
    private var bareNanoseconds = Limits.handshakeBurst / 2
    private var filledAt: Instant

    package init(now: Instant) {
        filledAt = now
    }

    /// Returns true if the budget has room for one more datagram of `tier`. Charges nothing.
    ///
    /// - Parameter memberShare: The share of a core that members' datagrams and DELTAs to members use, in thousandths.
    package mutating func allows(_ tier: Tier, memberShare: Int64, now: Instant) -> Bool {
        fill(memberShare, now)
        return switch tier {
        case .helloWithoutCookie: nanoseconds > Limits.handshakeBurst / 2 && bareNanoseconds > 0
        case .helloWithCookie: nanoseconds > Limits.handshakeBurst / 10
        case .confirm: nanoseconds >= Limits.confirmCost
        }
    }

    /// Charges the budget for `work` on a datagram of `tier`.
    package mutating func charge(_ work: Work, for tier: Tier) {
        nanoseconds -= work.cost
        if tier == .helloWithoutCookie { bareNanoseconds -= work.cost }
    }

    /// Charges the whole cost of a HELLO without a cookie, although the server does not serve the HELLO. Charges only
    /// the bucket for HELLOs without a cookie.
    package mutating func chargeUnserved() {
        bareNanoseconds = max(bareNanoseconds - Limits.helloCost, -Limits.handshakeBurst / 2)
    }

    private mutating func fill(_ memberShare: Int64, _ now: Instant) {
        guard now > filledAt else { return }
        // `memberShare` is computed from assumed costs, so it can exceed the limit on a fast machine. The floor lets
        // peers join even then.
        let share = max(min(Limits.handshakeShare, Limits.totalShare - memberShare), Self.floorShare)
        let elapsed = min((now - filledAt).wholeNanoseconds, 10_000_000_000)
        let refill = elapsed * share / 1_000
        nanoseconds = min(nanoseconds + refill, Limits.handshakeBurst)
        bareNanoseconds = min(bareNanoseconds + refill * Limits.bareShare / 1_000, Limits.handshakeBurst / 2)
        filledAt = now
    }

    private static let floorShare: Int64 = 10
}
