/// Detects a stall: datagrams of the other side arrive, but the part of the directory that is missing does not.
package struct StallWatch<Held: Equatable & Sendable>: Sendable {
    private var seen: Held?
    private var since: Instant?
    private var reportedAt: Instant?

    package init() {}

    /// The instant at which `report` returns a duration; nil while nothing is missing.
    package var deadline: Instant? {
        guard let since else { return nil }
        let first = since + Limits.directoryPatience
        return reportedAt.map { max(first, $0 + Limits.reportInterval) } ?? first
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

    /// Stops the watch, because nothing can arrive at present.
    package mutating func stop() {
        since = nil
    }

    /// Returns the time for which nothing has arrived if a report is due, which is at most once per minute; otherwise
    /// nil.
    package mutating func report(_ now: Instant) -> Duration? {
        guard let since, let deadline, deadline <= now else { return nil }
        reportedAt = now
        return now - since
    }
}
