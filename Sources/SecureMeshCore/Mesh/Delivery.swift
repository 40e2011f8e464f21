/// The acknowledgments of a message that asked for them.
public struct Delivery: Hashable, Sendable {
    /// The number of members that were asked to acknowledge the message.
    public let asked: Int
    /// The number of these that have acknowledged it. The message has reached each of them.
    public let acknowledged: Int

    /// Makes a result, for tests of programs that send messages.
    public init(asked: Int, acknowledged: Int) {
        self.asked = asked
        self.acknowledged = acknowledged
    }

    /// True if every member that was asked has acknowledged the message.
    public var isComplete: Bool { acknowledged == asked }
}
