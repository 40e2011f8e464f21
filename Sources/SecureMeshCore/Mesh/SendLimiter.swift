/// Keeps this peer within the rates at which each receiver accepts its messages.
package struct SendLimiter: Sendable {
    private let limits: MessageLimits
    private var buckets: [SessionID: MessageBucket] = [:]

    /// - Parameter accepted: The limits of the receivers.
    package init(within accepted: MessageLimits) {
        limits = accepted.forSending
    }

    package var usage: Usage { Usage("send buckets", buckets.count, limit: Limits.directoryEntries) }

    /// Returns the time until messages may be sent to the session; zero if they may be sent at once.
    ///
    /// - Parameters:
    ///   - count: The number of messages.
    ///   - size: The number of bytes of their datagrams, added up.
    package func wait(for session: SessionID, count: Int = 1, size: Int, now: Instant) -> Duration {
        buckets[session]?.wait(limits, count: count, size: size, now: now) ?? .zero
    }

    /// Counts a message to the session.
    ///
    /// - Parameter size: The number of bytes of its datagram.
    package mutating func charge(_ session: SessionID, size: Int, now: Instant) {
        _ = buckets[session, default: MessageBucket()].accept(limits, size: size, now: now)
    }

    /// Forgets a session that has ended.
    package mutating func end(_ session: SessionID) {
        buckets[session] = nil
    }

    /// Forgets all sessions that are no longer listed.
    ///
    /// - Parameter isListed: Returns true for a session to which messages may be sent.
    package mutating func endAll(unless isListed: (SessionID) -> Bool) {
        buckets = buckets.filter { isListed($0.key) }
    }
}
