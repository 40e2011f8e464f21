/// The rates at which a receiver accepts messages.
package struct MessageLimits: Hashable, Sendable {
    /// The messages of one sender.
    package var messages: Rate
    /// The bytes of the datagrams of one sender.
    package var bytes: Rate
    /// The bytes of the datagrams of all senders together.
    package var totalBytes: Rate

    package init(
        messages: Rate = Limits.messageRate, bytes: Rate = Limits.messageByteRate,
        totalBytes: Rate = Limits.totalMessageByteRate
    ) {
        self.messages = messages
        self.bytes = bytes
        self.totalBytes = totalBytes
    }

    /// The limits to which one sender keeps at a receiver with these limits.
    package var forSending: MessageLimits {
        MessageLimits(
            messages: Limits.sendRate(within: messages), bytes: Limits.sendRate(within: bytes), totalBytes: totalBytes)
    }
}
