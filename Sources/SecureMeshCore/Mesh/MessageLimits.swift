/// The rates at which a receiver accepts messages.
package struct MessageLimits: Hashable, Sendable {
    /// The rate of the messages of one sender.
    package var messages: Rate
    /// The rate of the bytes in the datagrams of one sender.
    package var bytes: Rate
    /// The rate of the bytes in the datagrams of all senders together.
    package var totalBytes: Rate

    package init(
        messages: Rate = Limits.messageRate, bytes: Rate = Limits.messageByteRate,
        totalBytes: Rate = Limits.totalMessageByteRate
    ) {
        self.messages = messages
        self.bytes = bytes
        self.totalBytes = totalBytes
    }

    /// The lower limits within which a sender sends to a receiver that has these limits.
    package var forSending: MessageLimits {
        MessageLimits(
            messages: Limits.sendRate(within: messages), bytes: Limits.sendRate(within: bytes), totalBytes: totalBytes)
    }
}
