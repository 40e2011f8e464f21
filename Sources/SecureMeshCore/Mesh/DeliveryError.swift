/// The reason why it is not known that a message was delivered.
@nonexhaustive
public enum DeliveryError: Error, Hashable, Sendable {
    /// The message was not sent.
    case notSent(SendError)
    /// The message was sent, but no acknowledgment came in time. The message may have been delivered nevertheless,
    /// because the acknowledgment can be lost. A sender that gets a new session meanwhile does not repeat the message.
    case notAcknowledged
    /// The message was sent, and then the wait ended: the task was canceled, its service group began to shut down, or
    /// the peer's `run()` ended. The message may have been delivered.
    case interrupted
}
