/// The reason why a message was not sent. Nothing has left this peer.
@nonexhaustive
public enum SendError: Error, Hashable, Sendable {
    /// The peer is not a member, or its last proof that its directory is up to date is too old. This is part of normal
    /// operation: try again later.
    case notJoined
    /// No other member has the name or the key. This is part of normal operation: the member may have left.
    case unknownMember
    /// The message would exceed the rate, in messages or in bytes, that the receiver accepts. This is part of normal
    /// operation: try again after the given time.
    case overRate(retryAfter: Duration)
    /// Too many messages wait: broadcasts that are not sealed for all of their receivers yet, or messages without their
    /// acknowledgments. This is part of normal operation: try again later.
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
