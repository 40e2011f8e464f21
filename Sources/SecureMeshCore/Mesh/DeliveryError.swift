/// The reason why a sender does not know that its message was delivered.
@nonexhaustive
public enum DeliveryError: Error, Hashable, Sendable {
    /// The message was not sent.
    case notSent(SendError)
    /// The message was sent, but no acknowledgment came in time. The message may have been delivered nevertheless,
    /// because the acknowledgment can be lost. If the sender gets a new session during the wait, the sender does not
    /// repeat the message any more.
    case notAcknowledged
    /// The message was sent, but the wait for acknowledgments was interrupted. Either the task was canceled, or the
    /// task's service group began to shut down, or the peer's `run()` ended. The message may have been delivered. It is
    /// not repeated any more.
    case interrupted
}
