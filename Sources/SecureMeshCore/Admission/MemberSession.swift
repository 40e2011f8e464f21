/// All that the server keeps about one member's session. Its directory entry is in `Directory`.
struct MemberSession: Sendable {
    let id: SessionID
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
    /// Detects that the directory does not reach the member.
    var stall = StallWatch<HeldDirectory>()

    /// Admits a datagram of the member's session.
    ///
    /// Gates: source → window → seal → fields → bucket → number rises → signature → commit.
    ///
    /// - Returns: The verified payload; nil if the seal is intact and the signature is wrong.
    mutating func admit<Body: NumberedPayload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram, path: Path, rate: Rate,
        charging load: inout MemberLoad, in context: SigningContext, now: Instant
    ) throws(Rejection) -> Verified<Body>? {
        guard self.path == path else { throw .sourceMismatch }
        let opened = try channel.open(body, span, datagram, by: context.primitives)
        // After the seal: a sender that can only spoof a member's source must not be able to use up its bucket.
        guard bucket.accept(rate, now: now) else { throw .memberOverRate }
        load.charge(now: now)
        try channel.checkNumber(opened.body.number)
        let verified: Verified<Body>
        do {
            verified = try opened.verified(by: identity, in: context)
        } catch {
            return nil
        }
        channel.accept(counter: datagram.header.counter, number: opened.body.number)
        received += 1
        return verified
    }

    /// Notes what the member says it holds of the directory.
    ///
    /// - Parameter told: The version in the newest PULSE that the member has received.
    /// - Returns: The time since the member last received anything that it lacks; nil unless a report is due.
    mutating func noteHeld(_ heartbeat: Verified<Heartbeat>, told: UInt64, now: Instant) -> Duration? {
        let held = HeldDirectory(version: heartbeat.body.version, part: heartbeat.body.part)
        stall.note(held, isComplete: held.version >= told, now: now)
        return stall.report(now)
    }

    /// Returns the version in the first PULSE with the secret of `heard` that was sent to the member.
    func told(in heard: HeardPulse) -> UInt64 {
        heard.at < joinedAt ? repair.firstTold : heard.version
    }
}

/// The part of the directory that a member says it holds.
struct HeldDirectory: Equatable, Sendable {
    let version: UInt64
    let part: UInt16
}
