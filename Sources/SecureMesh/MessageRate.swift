/// The rates at which a peer accepts messages.
///
/// A receiver silently drops messages that exceed its rates. So a sender limits itself to the same rates: it sends at
/// most `perSecond` messages and `bytesPerSecond` bytes per second to each member, and at most three quarters of
/// `burst` and of `byteBurst` at once. The last quarter covers messages that the network delays and then delivers
/// together. The bytes of a message are those of its datagram, which has 149 bytes more than the body.
///
/// There is also a limit on the bytes from all senders together. It bounds the CPU time for messages: 8 MiB per second
/// takes about a third of a core. One sender gets at most a quarter of this limit. A message that exceeds only this
/// limit is lost, because its sender cannot know what other senders send.
///
/// All peers of a mesh should have the same rates.
public struct MessageRate: Hashable, Sendable {
    /// The largest number of messages per second from one sender in the long run, 1 to 1,000,000.
    public var perSecond: Int
    /// The largest number of messages from one sender that are accepted at once after a pause, 4 to 1,000,000.
    public var burst: Int
    /// The largest number of bytes per second from one sender in the long run, 1,024 to 125,000,000.
    public var bytesPerSecond = Limits.messageByteRate.perSecond
    /// The largest number of bytes from one sender that are accepted at once after a pause, 131,072 to 125,000,000.
    public var byteBurst = Limits.messageByteRate.burst
    /// The largest number of bytes per second from all senders in the long run. The value is at least four times
    /// `bytesPerSecond`, and at most 500,000,000.
    public var totalBytesPerSecond = Limits.totalMessageByteRate.perSecond
    /// The largest number of bytes from all senders that are accepted at once after a pause. The value is at least four
    /// times `byteBurst`, and at most 500,000,000.
    public var totalByteBurst = Limits.totalMessageByteRate.burst

    /// Makes rates from limits on the number of messages. The limits on bytes have their defaults.
    /// ``MeshPeer/init(_:logger:)`` checks the rates.
    public init(perSecond: Int, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }

    /// The default rates. From one sender, a peer accepts 200 messages and 1 MiB per second, with bursts of 400
    /// messages and 2 MiB. From all senders, it accepts 8 MiB per second, with bursts of 8 MiB.
    public static let standard = MessageRate(
        perSecond: Limits.messageRate.perSecond, burst: Limits.messageRate.burst)

    /// The reason why the rates are invalid; nil if they are valid.
    var fault: String? {
        guard (1...1_000_000).contains(perSecond), (4...1_000_000).contains(burst) else {
            return "a message rate is 1 to 1,000,000 per second, and 4 to 1,000,000 at once"
        }
        guard (1_024...125_000_000).contains(bytesPerSecond), (131_072...125_000_000).contains(byteBurst) else {
            return "a message rate is 1,024 to 125,000,000 bytes per second, and 131,072 to 125,000,000 bytes at once"
        }
        guard (4 * bytesPerSecond...500_000_000).contains(totalBytesPerSecond),
            (4 * byteBurst...500_000_000).contains(totalByteBurst)
        else {
            return "a message rate for all senders is at least four times that for one, and at most 500,000,000 bytes"
        }
        return nil
    }

    var limits: MessageLimits {
        MessageLimits(
            messages: Rate(perSecond: perSecond, burst: burst),
            bytes: Rate(perSecond: bytesPerSecond, burst: byteBurst),
            totalBytes: Rate(perSecond: totalBytesPerSecond, burst: totalByteBurst))
    }
}
