/// Detects a stall: datagrams arrive from the other side, but the missing part of the directory is not among them.
package struct StallWatch<Held: Equatable & Sendable>: Sendable {
    private var seen: Held?
    private var since: Instant?
    private var reportedAt: Instant?

    package init() {}

    /// The instant from which on `report` returns a duration; nil if nothing is missing, or after `stop`.
    package var deadline: Instant? {
        guard let since else { return nil }
        let first = since + Limits.directoryPatience
        return reportedAt.map { max(first, $0 + Limits.reportInterval) } ?? first
    }

    /// Returns true if the missing part has not arrived for `Limits.directoryPatience`.
    package func isStalled(_ now: Instant) -> Bool {
        since.map { now - $0 >= Limits.directoryPatience } ?? false
    }

    /// Notes the part of the directory that has arrived so far.
    ///
    /// - Parameter isComplete: True if nothing is missing.
    package mutating func note(_ held: Held, isComplete: Bool, now: Instant) {
        if isComplete {
            since = nil
        } else if since == nil || held != seen {
            since = now
        }
        seen = held
    }

    /// Stops the watch until the next call of `note`, because nothing can arrive at present.
    package mutating func stop() {
        since = nil
    }

    /// Returns the time since the last part of the directory arrived; nil if no report is due. A report is due at most
    /// once per minute.
    package mutating func report(_ now: Instant) -> Duration? {
        guard let since, let deadline, deadline <= now else { return nil }
        reportedAt = now
        return now - since
    }
}
