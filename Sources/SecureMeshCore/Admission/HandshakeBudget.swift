/// How much work strangers may cause (PROTOCOL.md, section 5): a token bucket of CPU time.
///
/// It fills with min(half a core, 0.85 of a core less what members use), and it is tiered: a HELLO without a cookie
/// is served while more than half is left, one with a cookie down to a tenth, a CONFIRM down to nothing. So a flood
/// of HELLOs can stop neither those who have shown their address nor those who are all but in.
package struct HandshakeBudget: Sendable {
    package enum Tier: Sendable {
        case helloWithoutCookie, helloWithCookie, confirm
    }

    private var nanoseconds = Limits.handshakeBurst
    private var filledAt: Instant
    private var windowStart: Instant
    private var memberCost: Int64 = 0
    private var memberShare: Int64 = 0

    package init(now: Instant) {
        filledAt = now
        windowStart = now
    }

    /// Whether there is room for one more of `tier`.
    package mutating func allows(_ tier: Tier, now: Instant) -> Bool {
        fill(now)
        return switch tier {
        case .helloWithoutCookie: nanoseconds > Limits.handshakeBurst / 2
        case .helloWithCookie: nanoseconds > Limits.handshakeBurst / 10
        case .confirm: nanoseconds >= Limits.confirmCost
        }
    }

    package mutating func charge(_ tier: Tier) {
        nanoseconds -= tier == .confirm ? Limits.confirmCost : Limits.helloCost
    }

    /// A member's datagram was worked on.
    package mutating func chargeMember(now: Instant) {
        advanceWindow(now)
        memberCost += Limits.memberCost
    }

    private mutating func fill(_ now: Instant) {
        advanceWindow(now)
        guard now > filledAt else { return }
        // The floor keeps a mesh on a machine faster than reckoned from being shut to joiners for ever.
        let share = max(min(Limits.handshakeShare, Limits.totalShare - memberShare), Self.floorShare)
        let elapsed = min((now - filledAt).wholeNanoseconds, 10_000_000_000)
        nanoseconds = min(nanoseconds + elapsed * share / 1_000, Limits.handshakeBurst)
        filledAt = now
    }

    /// Members' use is that of the last whole second.
    private mutating func advanceWindow(_ now: Instant) {
        let elapsed = (now - windowStart).wholeNanoseconds
        guard elapsed >= 1_000_000_000 else { return }
        memberShare = memberCost / (elapsed / 1_000)
        memberCost = 0
        windowStart = now
    }

    private static let floorShare: Int64 = 10
}
