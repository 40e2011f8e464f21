/// The schedule of the heartbeats by which a peer asks for the DELTAs and SNAPSHOT parts that its directory lacks
/// (PROTOCOL.md, section 6.5).
///
/// A peer asks for more as soon as it has all that the last heartbeat asked for. If nothing more arrives for about two
/// round trips, the peer asks again. With each heartbeat that brings nothing, this wait doubles. A rate limit keeps
/// these heartbeats within what the server accepts from a member.
package struct RepairRequest: Sendable {
    /// A measure of how much of the directory a peer holds.
    package struct Progress: Equatable, Sendable {
        package let version: UInt64
        /// The lowest missing part of the snapshot that is being received; nil if no snapshot is being received.
        package let part: Int?
        /// The number of SNAPSHOT parts and early DELTAs that have arrived but cannot be applied yet.
        package let waiting: Int

        package init(version: UInt64, part: Int?, waiting: Int) {
            self.version = version
            self.part = part
            self.waiting = waiting
        }
    }

    /// The instant at which a heartbeat that asks for missing parts of the directory is due; nil if nothing is missing.
    private(set) package var due: Instant?
    private var asked: (version: UInt64, part: Int) = (0, 0)
    private var hasAsked = false
    private var askedAt: Instant
    private var isAnswered = false
    /// The number of heartbeats in a row that asked for the same parts as the heartbeat before; at most 8.
    private var repeats = 0
    private var seen = Progress(version: 0, part: nil, waiting: 0)
    private var roundTrip: Duration
    private let interval: Duration
    private var limiter = RateLimiter()

    /// - Parameter interval: The interval of heartbeats. Half of it counts as the round trip until a round trip is
    ///   measured.
    package init(interval: Duration, now: Instant) {
        self.interval = interval
        roundTrip = interval / 2
        askedAt = now
    }

    /// Updates the estimate of the round trip with a measured one. If the measured round trip is longer, it replaces
    /// the estimate. If it is shorter, the estimate falls by a quarter of the difference.
    package mutating func measured(_ sample: Duration) {
        roundTrip = sample > roundTrip ? sample : (roundTrip * 3 + sample) / 4
    }

    /// Sets the estimate of the round trip to the first round trip that was measured.
    package mutating func firstMeasured(_ sample: Duration) { roundTrip = sample }

    /// Notes that the peer has sent a heartbeat. The heartbeat claims that the peer holds `version`, and asks for the
    /// parts from `part` on.
    ///
    /// - Parameter isEarly: True if the heartbeat was sent before the next regular heartbeat was due, to ask for
    ///   missing parts. Only such heartbeats count toward the rate limit.
    package mutating func sent(version: UInt64, part: Int, isEarly: Bool, now: Instant) {
        repeats = hasAsked && asked == (version, part) ? min(repeats + 1, 8) : 0
        hasAsked = true
        asked = (version, part)
        askedAt = now
        isAnswered = false
        if isEarly { _ = limiter.accept(rate, now: now) }
        if due != nil { due = now + patience }
    }

    /// Notes the state of the peer's directory after the peer has handled a datagram of the server.
    ///
    /// - Parameter wanted: The directory version in the newest fresh PULSE.
    package mutating func note(_ progress: Progress, wanted: UInt64, now: Instant) {
        let isNews = progress != seen
        defer { seen = progress }
        guard progress.version < wanted else {
            due = nil
            return
        }
        if isNews, !isAnswered {
            isAnswered = true
            if repeats == 0 { measured(now - askedAt) }
        }
        if hasAll(progress) {
            due = now + limiter.wait(rate, now: now)
        } else if isNews || due == nil {
            due = now + patience
        }
        // After the last part of a snapshot, the server also sends the DELTAs after the snapshot's version. So the next
        // request asks for later DELTAs.
        if progress.part == nil, seen.part != nil { asked = (progress.version, 0) }
    }

    /// Returns true if the peer has all that the last heartbeat asked for.
    private func hasAll(_ progress: Progress) -> Bool {
        if let part = progress.part { return part >= SnapshotBurst.end(from: asked.part) }
        // The server chooses the versions, so a sum could overflow.
        return asked.version > 0 && progress.version >= asked.version
            && progress.version - asked.version >= UInt64(Limits.deltasPerHeartbeat)
    }

    private var rate: Rate { Limits.requestRate(heartbeatInterval: interval) }

    private var patience: Duration {
        min(max(roundTrip * 2, Limits.shortestHeartbeat) * (1 << repeats), interval)
    }
}
