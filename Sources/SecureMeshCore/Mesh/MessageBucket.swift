/// Limits the messages from one sender to one receiver. There is one limit for their number and one for their bytes.
package struct MessageBucket: Hashable, Sendable {
    private var messages = RateLimiter()
    private var bytes = RateLimiter()

    package init() {}

    /// Returns the time from `now` until `count` messages are within both limits; zero if they are already.
    ///
    /// - Parameters:
    ///   - count: The number of messages.
    ///   - size: The total size of the messages' datagrams, in bytes.
    package func wait(_ limits: MessageLimits, count: Int = 1, size: Int, now: Instant) -> Duration {
        max(messages.wait(limits.messages, count: count, now: now), bytes.wait(limits.bytes, count: size, now: now))
    }

    /// Reduces the tokens of each kind to those of `other` if `other` has fewer. Both buckets must have the same
    /// limits.
    package mutating func lower(to other: MessageBucket) {
        messages.lower(to: other.messages)
        bytes.lower(to: other.bytes)
    }

    /// Counts messages if they are within both limits.
    ///
    /// - Parameters:
    ///   - count: The number of messages.
    ///   - size: The total size of the messages' datagrams, in bytes.
    /// - Returns: Zero if the messages were counted; otherwise the time from `now` until they are within both limits.
    package mutating func admit(_ limits: MessageLimits, count: Int = 1, size: Int, now: Instant) -> Duration {
        guard messages.has(count, limits.messages, now: now), bytes.has(size, limits.bytes, now: now) else {
            return wait(limits, count: count, size: size, now: now)
        }
        messages.charge(count, limits.messages, now: now)
        bytes.charge(size, limits.bytes, now: now)
        return .zero
    }
}
