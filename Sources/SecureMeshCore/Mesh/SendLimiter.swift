/// Limits the messages that this peer sends to each receiver to the rates at which the receiver accepts them.
package struct SendLimiter: Sendable {
    private let limits: MessageLimits
    private var buckets: [SessionID: MessageBucket] = [:]
    /// A bucket with at most as many tokens as each of `buckets`. If it has enough for a message, all of them have. It
    /// can have fewer than all of them, because the buckets of ended sessions have lowered it too.
    private var scarcest = MessageBucket()

    /// - Parameter accepted: The limits of the receivers.
    package init(within accepted: MessageLimits) {
        limits = accepted.forSending
    }

    package var usage: Usage { Usage("send buckets", buckets.count, limit: Limits.directoryEntries) }

    /// Returns the time until the messages may be sent to the session; zero if they may be sent at once.
    ///
    /// - Parameters:
    ///   - count: The number of messages.
    ///   - size: The total size of the messages' datagrams, in bytes.
    package func wait(for session: SessionID, count: Int = 1, size: Int, now: Instant) -> Duration {
        buckets[session]?.wait(limits, count: count, size: size, now: now) ?? .zero
    }

    /// Returns the time until a message may be sent to each of the members; zero if it may be sent at once.
    ///
    /// - Parameters:
    ///   - entries: The entries of the members.
    ///   - size: The size of the message's datagram, in bytes.
    package func wait(for entries: ArraySlice<SharedEntry>, size: Int, now: Instant) -> Duration {
        guard scarcest.wait(limits, size: size, now: now) > .zero else { return .zero }
        return entries.reduce(.zero) { max($0, wait(for: $1.entry.session, size: size, now: now)) }
    }

    /// Counts messages to the session if they may be sent now.
    ///
    /// - Parameters:
    ///   - count: The number of messages.
    ///   - size: The total size of the messages' datagrams, in bytes.
    /// - Returns: Zero if the messages were counted; otherwise the time until they may be sent.
    package mutating func admit(to session: SessionID, count: Int = 1, size: Int, now: Instant) -> Duration {
        Self.admit(
            &buckets[session, default: MessageBucket()], &scarcest, limits, count: count, size: size, now: now)
    }

    /// Counts messages in `bucket`, as `admit(to:count:size:now:)` does, and lowers `scarcest` to this bucket.
    private static func admit(
        _ bucket: inout MessageBucket, _ scarcest: inout MessageBucket, _ limits: MessageLimits, count: Int, size: Int,
        now: Instant
    ) -> Duration {
        let wait = bucket.admit(limits, count: count, size: size, now: now)
        scarcest.lower(to: bucket)
        return wait
    }

    /// Forgets the send rate of a session that has ended.
    package mutating func end(_ session: SessionID) {
        buckets[session] = nil
    }

    /// Forgets the send rates of all sessions to which messages may not be sent any more.
    ///
    /// - Parameter isListed: Returns true for a session to which messages may be sent.
    package mutating func endAll(unless isListed: (SessionID) -> Bool) {
        buckets = buckets.filter { isListed($0.key) }
    }
}
