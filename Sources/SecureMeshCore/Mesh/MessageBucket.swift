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

    /// Counts a message whose datagram has `size` bytes. If the message would exceed a limit, counts nothing and
    /// returns false.
    package mutating func accept(_ limits: MessageLimits, size: Int, now: Instant) -> Bool {
        guard wait(limits, size: size, now: now) == .zero else { return false }
        return messages.accept(limits.messages, now: now) && bytes.accept(limits.bytes, count: size, now: now)
    }
}
