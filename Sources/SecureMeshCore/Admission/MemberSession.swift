/// All that the server keeps about one member's session. Its directory entry is in `Directory`.
struct MemberSession: Sendable {
    var channel: SecureChannel
    let path: Path
    let identity: PublicKey
    var bucket = RateLimiter()
    let joinedAt: Instant
    /// The time of the member's last proof of life.
    var lastLife: Instant
    /// The bucket for the PULSEs that answer heartbeats of this member.
    var answers = RateLimiter()
    var repair = RepairState()
    /// The number of accepted datagrams after CONFIRM.
    var received: UInt64 = 0
    /// Watches what the member holds of the directory.
    var stall = StallWatch<HeldDirectory>()
}

/// The part of the directory that a member says it holds.
struct HeldDirectory: Equatable, Sendable {
    let version: UInt64
    let part: UInt16
}
