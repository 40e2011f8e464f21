/// The reason why the server rejected a peer's attempt to join.
@nonexhaustive
public enum JoinRefusal: String, Hashable, Sendable {
    /// The roster does not list the key, or lists it under another name.
    case notAuthorized
    /// Another key holds the name.
    case nameTaken
    /// Another member has the address.
    case addressTaken
    /// The server has reached its limit of members.
    case full
    /// The key has joined too often in a short time, or many peers join at once.
    case busy

    /// Makes a refusal from the reason why a peer has to wait.
    public init(_ delay: JoinDelay) {
        self =
            switch delay {
            case .nameTaken: .nameTaken
            case .addressTaken: .addressTaken
            case .full: .full
            case .busy: .busy
            }
    }

    package init(_ reason: Reject.Reason) {
        self =
            switch reason {
            case .notAuthorized: .notAuthorized
            case .nameTaken: .nameTaken
            case .addressTaken: .addressTaken
            case .full: .full
            case .busy: .busy
            }
    }
}

/// The reason why the server does not admit this peer yet.
@nonexhaustive
public enum JoinDelay: String, Hashable, Sendable {
    /// Another key holds the name.
    case nameTaken
    /// Another member has the address.
    case addressTaken
    /// The server has reached its limit of members.
    case full
    /// The key has joined too often in a short time, or many peers join at once.
    case busy

    /// Makes a delay from the reason in a REJECT. Returns nil for `notAuthorized`, which is an ``Exclusion`` and not a
    /// delay.
    package init?(_ reason: Reject.Reason) {
        switch reason {
        case .notAuthorized: return nil
        case .nameTaken: self = .nameTaken
        case .addressTaken: self = .addressTaken
        case .full: self = .full
        case .busy: self = .busy
        }
    }
}

/// The reason why a server does not let this peer's key join.
@nonexhaustive
public enum Exclusion: String, Hashable, Sendable {
    /// The server's roster does not list the key, or lists it under another name.
    case notAuthorized
    /// The server's roster listed the key when the peer joined, but no longer lists it.
    case revoked
}
