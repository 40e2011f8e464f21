/// The reason why a text is not the name of a peer.
@nonexhaustive
public enum PeerNameError: Error, Hashable, Sendable {
    /// The text is empty.
    case empty
    /// The text has more than 32 characters.
    case tooLong
    /// A character is not one of `A-Z a-z 0-9 . _ -`.
    case invalidCharacter
}
