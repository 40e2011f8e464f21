/// The result of a message that asked for acknowledgments.
public struct Delivery: Hashable, Sendable {
    /// The members that have acknowledged the message. The peer of each of these members has received the message. It
    /// drops the message if its program reads events too slowly (``PeerEvent/missed(_:)``).
    public let acknowledgedBy: [Member]
    /// The members that have not acknowledged the message. They may have received it nevertheless, or may have left the
    /// mesh.
    public let missing: [Member]
    /// The time from the first sending of the message to the last acknowledgment. If acknowledgments are missing, the
    /// time from the first sending to the end of the wait.
    public let time: Duration

    /// Makes a result, for the tests of a program that sends messages.
    public init(acknowledgedBy: [Member], missing: [Member], time: Duration) {
        self.acknowledgedBy = acknowledgedBy
        self.missing = missing
        self.time = time
    }

    /// The number of members that were asked to acknowledge the message.
    public var asked: Int { acknowledgedBy.count + missing.count }

    /// The number of members that have acknowledged the message.
    public var acknowledged: Int { acknowledgedBy.count }

    /// True if every member that was asked has acknowledged the message. Also true if no member was asked.
    public var isComplete: Bool { missing.isEmpty }

    /// Makes the result that the application gets.
    ///
    /// - Parameter receivers: Members that include all receivers of the message. If `result` was evicted, all of them
    ///   are listed as missing. Otherwise, members to which the message was not sent are left out.
    package init(_ result: DeliveryResult, to receivers: [Member]) {
        guard !result.isForgotten else {
            self.init(acknowledgedBy: [], missing: receivers, time: result.time)
            return
        }
        let (acknowledged, missing) = (Set(result.acknowledgedBy), Set(result.missing))
        self.init(
            acknowledgedBy: receivers.filter { acknowledged.contains($0.publicKey) },
            missing: receivers.filter { missing.contains($0.publicKey) }, time: result.time)
    }
}
