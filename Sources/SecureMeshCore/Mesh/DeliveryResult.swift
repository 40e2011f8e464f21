/// The acknowledgments of a message. Each receiver is identified by its public key.
package struct DeliveryResult: Hashable, Sendable {
    /// The receivers that have acknowledged the message, in the order in which it was sent to them. `missing` lists the
    /// receivers that have not acknowledged it, in the same order. Both are empty if the result was evicted.
    package let acknowledgedBy: [PublicKey]
    package let missing: [PublicKey]
    /// The time from the first sending of the message to the last acknowledgment. If acknowledgments are missing, the
    /// time from the first sending to the end of the wait.
    package let time: Duration
    /// True if the result was evicted before the application asked for it. It is then not known which receivers have
    /// acknowledged the message.
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
