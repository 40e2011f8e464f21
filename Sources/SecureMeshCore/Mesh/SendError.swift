/// The reason why a message was not sent. This peer has not sent the message to anyone.
@nonexhaustive
public enum SendError: Error, Hashable, Sendable {
    /// This peer is not a member, or the last proof that its directory is up to date is too old. This is part of normal
    /// operation: try again later.
    case notJoined
    /// No other member has the given name or key. This is part of normal operation: the member may have left.
    case unknownMember
    /// The message would exceed the rate at which the receiver accepts messages or their bytes. This is part of normal
    /// operation: try again after the given time.
    case overRate(retryAfter: Duration)
    /// Too many messages wait: broadcasts that are not sealed for all of their receivers yet, or messages that are not
    /// acknowledged yet. This is part of normal operation: try again later.
    case queueFull
    /// The body has more than `limit` bytes.
    case tooLarge(limit: Int)
    /// The server lies about this member: the member's entry in the directory does not have the member's signature, or
    /// belongs to a session that has ended.
    case bindingInvalid
    /// The peer's `run()` has ended.
    case notRunning
    /// The calling task was canceled, or its service group began to shut down, before `run()` had begun.
    case cancelled
}
