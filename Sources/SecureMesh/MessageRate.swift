/// The rates at which a peer accepts messages.
///
/// A receiver drops messages beyond its rates without an answer. So a sender applies the same rates itself: it sends at
/// most `perSecond` messages and `bytesPerSecond` bytes per second to each member, and at most three quarters of
/// `burst` and of `byteBurst` at once. The last quarter covers messages that the network delays and then delivers
/// together.
///
/// The bytes of a message are those of its datagram, which has 149 bytes more than the body. The limit on the bytes
/// from all senders bounds the CPU time that messages take: at 8 MiB per second it is about a third of a core. One
/// sender gets at most a quarter of that limit. A message that exceeds only the limit of all senders is lost, because
/// its sender cannot know what the others send.
///
/// All peers of a mesh should have the same rates.
public struct MessageRate: Hashable, Sendable {
    /// The number of messages from one sender per second in the long run, 1 to 1,000,000.
    public var perSecond: Int
    /// The number of messages from one sender that are accepted at once after a pause, 4 to 1,000,000.
    public var burst: Int
    /// The number of bytes from one sender per second in the long run, 1,024 to 125,000,000.
    public var bytesPerSecond = Limits.messageByteRate.perSecond
    /// The number of bytes from one sender that are accepted at once after a pause, 131,072 to 125,000,000.
    public var byteBurst = Limits.messageByteRate.burst
    /// The number of bytes from all senders per second in the long run: at least four times `bytesPerSecond`, and at
    /// most 500,000,000.
    public var totalBytesPerSecond = Limits.totalMessageByteRate.perSecond
    /// The number of bytes from all senders that are accepted at once after a pause: at least four times `byteBurst`,
    /// and at most 500,000,000.
    public var totalByteBurst = Limits.totalMessageByteRate.burst

    /// Makes rates with the default limits in bytes. ``MeshPeer/init(_:logger:)`` checks them.
    public init(perSecond: Int, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }

    /// The default: 200 messages and 1 MiB per second from one sender, with bursts of 400 messages and 2 MiB, and 8 MiB
    /// per second from all senders, with bursts of 8 MiB.
    public static let standard = MessageRate(
        perSecond: Limits.messageRate.perSecond, burst: Limits.messageRate.burst)

    /// The reason why the rate cannot be used; nil if it can.
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
