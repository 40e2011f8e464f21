/// Keeps this peer within the rate at which each receiver accepts its messages.
package struct SendLimiter: Sendable {
    private let rate: Rate
    private var buckets: [SessionID: RateLimiter] = [:]

    /// - Parameter accepted: The rate that receivers accept.
    package init(within accepted: Rate) {
        rate = Limits.sendRate(within: accepted)
    }

    package var usage: Usage { Usage("send buckets", buckets.count, limit: Limits.directoryEntries) }

    /// Returns the time until `count` messages may be sent to the session; zero if they may be sent at once.
    package func wait(for session: SessionID, count: Int, now: Instant) -> Duration {
        buckets[session]?.wait(rate, count: count, now: now) ?? .zero
    }

    /// Counts a message to the session.
    package mutating func charge(_ session: SessionID, now: Instant) {
        _ = buckets[session, default: RateLimiter()].accept(rate, now: now)
    }

    /// Forgets a session that has ended.
    package mutating func end(_ session: SessionID) {
        buckets[session] = nil
    }
}
