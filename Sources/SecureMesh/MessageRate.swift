/// The number of messages that one sender may send to one receiver.
///
/// A receiver drops messages beyond its rate without an answer. So a sender keeps to the same rate itself: it sends
/// `perSecond` messages per second to each member, and at most three quarters of `burst` at once. The rest of the burst
/// covers messages that the network delays and then delivers together.
///
/// All peers of a mesh should have the same rate.
public struct MessageRate: Hashable, Sendable {
    /// The number of messages per second in the long run, 1 to 1,000,000.
    public var perSecond: Int
    /// The number of messages that are accepted at once after a pause, 4 to 1,000,000.
    public var burst: Int

    /// Makes a rate. ``MeshPeer`` checks it.
    public init(perSecond: Int, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }

    /// 200 messages per second, and 400 at once.
    public static let standard = MessageRate(
        perSecond: Limits.messageRate.perSecond, burst: Limits.messageRate.burst)

    var isValid: Bool { (1...1_000_000).contains(perSecond) && (4...1_000_000).contains(burst) }

    var rate: Rate { Rate(perSecond: perSecond, burst: burst) }
}
