/// The reason why it is not known that a message was delivered.
@nonexhaustive
public enum DeliveryError: Error, Hashable, Sendable {
    /// The message was not sent.
    case notSent(SendError)
    /// The message was sent, and no acknowledgment came in time. It may have been delivered: the acknowledgment can be
    /// lost, and a sender that has a new session meanwhile does not repeat the message.
    case notAcknowledged
    /// The message was sent, and then the wait ended: the task was canceled, its service group began to shut down, or
    /// the peer's `run()` ended. The message may have been delivered.
    case interrupted
}
