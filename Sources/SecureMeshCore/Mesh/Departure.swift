/// The reason for the end of a membership.
@nonexhaustive
public enum Departure: String, Hashable, Sendable {
    /// The peer left.
    case left
    /// The same key joined again, from the same address or another one.
    case replaced
    /// The server got no proof of life from the peer within the lifetime that the server grants its members.
    case expired
    /// The roster no longer allows the key.
    case revoked
    /// The peer sent a datagram that was sealed correctly but had a wrong signature. Only a faulty or hostile peer does
    /// that.
    case misbehaved
    /// The peer did not renew its session in time.
    case tooOld
    /// The server stopped.
    case stopping

    /// Converts a server's reason for ending a session.
    public init(_ dismissal: Dismissal) {
        self =
            switch dismissal {
            case .replaced: .replaced
            case .expired: .expired
            case .revoked: .revoked
            case .misbehaved: .misbehaved
            case .tooOld: .tooOld
            case .stopping: .stopping
            }
    }

    /// Converts the reason in a DELTA, in which nil stands for `left`.
    package init(_ reason: Goodbye.Reason?) {
        self = reason.map { Departure(Dismissal($0)) } ?? .left
    }

    /// The reason in GOODBYE and in DELTA; nil for `left`, because the server sends no GOODBYE to a peer that leaves.
    package var goodbye: Goodbye.Reason? {
        switch self {
        case .left: nil
        case .replaced: .replaced
        case .expired: .expired
        case .revoked: .revoked
        case .misbehaved: .misbehaved
        case .tooOld: .tooOld
        case .stopping: .stopping
        }
    }
}

/// The reason why the server ended this peer's session.
@nonexhaustive
public enum Dismissal: String, Hashable, Sendable {
    /// The same key joined again in another process. This peer joins again after 60 s.
    case replaced
    /// The server got no proof of life from this peer within the lifetime that the server grants its members. This peer
    /// joins again in the same way as after a lost connection.
    case expired
    /// The roster no longer allows the key. This peer ends unless it may ask another server, or this one again later.
    case revoked
    /// The server got a datagram from this peer that was sealed correctly but had a wrong signature. This peer joins
    /// again after 60 s.
    case misbehaved
    /// This peer did not renew the session in time. This peer joins again in the same way as after a lost connection.
    case tooOld
    /// The server stopped. This peer joins again as soon as a server answers.
    case stopping

    package init(_ reason: Goodbye.Reason) {
        self =
            switch reason {
            case .replaced: .replaced
            case .expired: .expired
            case .revoked: .revoked
            case .misbehaved: .misbehaved
            case .tooOld: .tooOld
            case .stopping: .stopping
            }
    }
}
