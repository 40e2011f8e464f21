/// The registry's state of one member's session. The member's directory entry is in `Directory`.
struct MemberSession: Identifiable, Sendable {
    let id: SessionID
    /// The part of the session that checks the member's datagrams.
    ///
    /// Nil if the registry has handed this part to a lane. A lane is another event loop, which then checks the
    /// datagrams of this member.
    var receiver: MemberReceiver?
    var channel: SendingChannel
    /// The lane that receives the member's datagrams and sends datagrams to the member; 0 if the event loop of the
    /// registry does both.
    let lane: UInt8
    let path: Path
    let joinedAt: Instant
    /// The time of the member's last proof of life: its CONFIRM, or a heartbeat with a token from a recent PULSE.
    var lastLife: Instant
    /// The token in the last PULSE to the member.
    var lastToken = PulseToken.none
    /// The highest number among the datagrams that were accepted from the member.
    var newestNumber: UInt64
    /// The token bucket for the PULSEs that answer heartbeats of this member.
    var answers = RateLimiter()
    var repair = RepairState()
    /// The number of datagrams that were accepted from the member after CONFIRM.
    var received: UInt64 = 0
    /// Detects that the directory does not reach the member.
    var stall = StallWatch<HeldDirectory>()

    /// Notes the part of the directory that the member says it holds.
    ///
    /// - Parameter told: The directory version in the newest PULSE that the member has received.
    /// - Returns: The time for which the member has received no further part of an incomplete directory; nil if no
    ///   report about this is due.
    mutating func noteHeld(_ heartbeat: Verified<Heartbeat>, told: UInt64, now: Instant) -> Duration? {
        let held = HeldDirectory(version: heartbeat.body.version, part: heartbeat.body.part)
        stall.note(held, isComplete: held.version >= told, now: now)
        return stall.report(now)
    }

    /// Returns the directory version in the PULSE `heard`.
    ///
    /// If the secret of the token was issued before the session began, the member has heard a PULSE that was sent to it
    /// alone. In this case, returns the version in the newest of the PULSEs that were sent to the member at its
    /// CONFIRM.
    func told(in heard: HeardPulse) -> UInt64 {
        heard.at < joinedAt ? repair.firstTold : heard.version
    }
}

/// The part of the directory that a member says it holds.
struct HeldDirectory: Equatable, Sendable {
    let version: UInt64
    let part: UInt16
}
