/// All that the registry keeps about one member's session. Its directory entry is in `Directory`.
struct MemberSession: Sendable {
    let id: SessionID
    /// The receiving part; nil if a lane has it and so admits the member's datagrams.
    var receiver: MemberReceiver?
    var channel: SendingChannel
    /// The lane that receives from the member and sends to it; 0 for the event loop of the registry.
    let lane: UInt8
    let path: Path
    let joinedAt: Instant
    /// The time of the member's last proof of life.
    var lastLife: Instant
    /// The highest number among the accepted datagrams.
    var newestNumber: UInt64
    /// The bucket for the PULSEs that answer heartbeats of this member.
    var answers = RateLimiter()
    var repair = RepairState()
    /// The number of accepted datagrams after CONFIRM.
    var received: UInt64 = 0
    /// Detects that the directory does not reach the member.
    var stall = StallWatch<HeldDirectory>()

    /// Notes the part of the directory that the member says it holds.
    ///
    /// - Parameter told: The version in the newest PULSE that the member has received.
    /// - Returns: The time for which the member has received nothing of the directory that it lacks; nil unless a
    ///   report is due.
    mutating func noteHeld(_ heartbeat: Verified<Heartbeat>, told: UInt64, now: Instant) -> Duration? {
        let held = HeldDirectory(version: heartbeat.body.version, part: heartbeat.body.part)
        stall.note(held, isComplete: held.version >= told, now: now)
        return stall.report(now)
    }

    /// Returns the directory version that the member learned from `heard`. Several PULSEs can carry tokens of one
    /// secret. The version is that of the first of them that was sent to the member.
    func told(in heard: HeardPulse) -> UInt64 {
        heard.at < joinedAt ? repair.firstTold : heard.version
    }
}

/// The part of the directory that a member says it holds.
struct HeldDirectory: Equatable, Sendable {
    let version: UInt64
    let part: UInt16
}
