/// The CPU time that strangers may use (PROTOCOL.md, section 5.6): a token bucket with tiers.
///
/// The bucket fills with min(0.5, 0.85 - m) of a core, where m is the share of a core that members' datagrams use. A
/// HELLO without a cookie is served while the bucket is more than half full, a HELLO with a cookie while it is more
/// than a tenth full, and a CONFIRM while the bucket holds the cost of one. So a flood of HELLOs stops neither the
/// joiners that have proven their address nor those that have received WELCOME.
///
/// HELLOs without a cookie must also pass a second bucket, which fills at a tenth of that rate. HELLOs that are not
/// served are charged to it too. So a flood of valid HELLOs from spoofed sources is answered with RETRY only, which
/// costs little, and the CPU time is left to the joiners that return a cookie.
///
/// A HELLO is charged for its X25519 agreement first, and for the rest only after its seal has been opened. So garbage
/// with a valid cookie uses up no more of the budget than it costs the server.
package struct HandshakeBudget: Sendable {
    package enum Tier: Sendable {
        case helloWithoutCookie, helloWithCookie, confirm
    }

    /// The parts of the work. Each is charged just before it is done.
    package enum Work: Sendable {
        /// The X25519 agreement of a HELLO, which yields the key of its seal.
        case helloAgreement
        /// The verification of a HELLO and its answer.
        case helloAnswer
        /// The verification of a CONFIRM.
        case confirm

        /// The estimated CPU time, in nanoseconds.
        fileprivate var cost: Int64 {
            switch self {
            case .helloAgreement: Limits.helloAgreementCost
            case .helloAnswer: Limits.helloCost - Limits.helloAgreementCost
            case .confirm: Limits.confirmCost
            }
        }
    }

    private var nanoseconds = Limits.handshakeBurst
    /// The CPU time that is left for HELLOs without a cookie, in nanoseconds. Below zero if more of them came than
    /// could be served.
    private var bareNanoseconds = Limits.handshakeBurst / 2
    private var filledAt: Instant

    package init(now: Instant) {
        filledAt = now
    }

    /// Returns true if the budget has room for one more datagram of `tier`. Charges nothing.
    ///
    /// - Parameter memberShare: The share of a core that members' datagrams use, in thousandths.
    package mutating func allows(_ tier: Tier, memberShare: Int64, now: Instant) -> Bool {
        fill(memberShare, now)
        return switch tier {
        case .helloWithoutCookie: nanoseconds > Limits.handshakeBurst / 2 && bareNanoseconds > 0
        case .helloWithCookie: nanoseconds > Limits.handshakeBurst / 10
        case .confirm: nanoseconds >= Limits.confirmCost
        }
    }

    /// Charges work for a datagram of `tier`.
    package mutating func charge(_ work: Work, for tier: Tier) {
        nanoseconds -= work.cost
        if tier == .helloWithoutCookie { bareNanoseconds -= work.cost }
    }

    /// Charges a HELLO without a cookie that is not served.
    package mutating func chargeUnserved() {
        bareNanoseconds = max(bareNanoseconds - Limits.helloCost, -Limits.handshakeBurst / 2)
    }

    private mutating func fill(_ memberShare: Int64, _ now: Instant) {
        guard now > filledAt else { return }
        // The floor lets peers join even if `memberShare` is above the limit, as on a machine that is faster than the
        // assumed costs.
        let share = max(min(Limits.handshakeShare, Limits.totalShare - memberShare), Self.floorShare)
        let elapsed = min((now - filledAt).wholeNanoseconds, 10_000_000_000)
        let refill = elapsed * share / 1_000
        nanoseconds = min(nanoseconds + refill, Limits.handshakeBurst)
        bareNanoseconds = min(bareNanoseconds + refill * Limits.bareShare / 1_000, Limits.handshakeBurst / 2)
        filledAt = now
    }

    private static let floorShare: Int64 = 10
}
