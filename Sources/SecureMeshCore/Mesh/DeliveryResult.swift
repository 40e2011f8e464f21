/// The acknowledgments of a message, by the keys of its receivers.
package struct DeliveryResult: Hashable, Sendable {
    /// The receivers that have acknowledged the message, in the order in which it was sent to them. `missing` lists
    /// those that have not, in the same order.
    package let acknowledgedBy: [PublicKey]
    package let missing: [PublicKey]
    /// The time from the first sending to the last acknowledgment, or to the end of the wait.
    package let time: Duration
    /// True if the result was asked for too late, so that it is not known who has acknowledged the message.
    package let isForgotten: Bool

    package init(acknowledgedBy: [PublicKey], missing: [PublicKey], time: Duration, isForgotten: Bool = false) {
        self.acknowledgedBy = acknowledgedBy
        self.missing = missing
        self.time = time
        self.isForgotten = isForgotten
    }

    package var asked: Int { acknowledgedBy.count + missing.count }
    package var acknowledged: Int { acknowledgedBy.count }
    package var isComplete: Bool { missing.isEmpty && !isForgotten }
}
