/// The rates at which a receiver accepts messages.
package struct MessageLimits: Hashable, Sendable {
    /// The rate limit for the messages of one sender.
    package var messages: Rate
    /// The rate limit for the bytes of one sender's datagrams.
    package var bytes: Rate
    /// The rate limit for the bytes of the datagrams of all senders together.
    package var totalBytes: Rate

    package init(
        messages: Rate = Limits.messageRate, bytes: Rate = Limits.messageByteRate,
        totalBytes: Rate = Limits.totalMessageByteRate
    ) {
        self.messages = messages
        self.bytes = bytes
        self.totalBytes = totalBytes
    }

    /// The limits that a sender keeps when it sends to a receiver with these limits. The sender's limits allow smaller
    /// bursts, because messages may be delayed on their way and then arrive together.
    package var forSending: MessageLimits {
        MessageLimits(
            messages: Limits.sendRate(within: messages), bytes: Limits.sendRate(within: bytes), totalBytes: totalBytes)
    }
}
