/// Limits the messages of one sender to one receiver, in number and in bytes.
package struct MessageBucket: Hashable, Sendable {
    private var messages = RateLimiter()
    private var bytes = RateLimiter()

    package init() {}

    /// Returns the time until `accept` takes `count` messages of `size` bytes together; zero if it would take them at
    /// `now`.
    package func wait(_ limits: MessageLimits, count: Int = 1, size: Int, now: Instant) -> Duration {
        max(messages.wait(limits.messages, count: count, now: now), bytes.wait(limits.bytes, count: size, now: now))
    }

    /// Takes a message of `size` bytes. Returns false, and takes nothing, if it would exceed one of the limits.
    package mutating func accept(_ limits: MessageLimits, size: Int, now: Instant) -> Bool {
        guard wait(limits, size: size, now: now) == .zero else { return false }
        return messages.accept(limits.messages, now: now) && bytes.accept(limits.bytes, count: size, now: now)
    }
}
