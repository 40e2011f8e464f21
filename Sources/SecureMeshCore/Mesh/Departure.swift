/// The reason for the end of a membership.
@nonexhaustive
public enum Departure: String, Hashable, Sendable {
    /// The peer left.
    case left
    /// The same key joined again, from the same address or another one.
    case replaced
    /// There was no proof of life within the lifetime.
    case expired
    /// The roster no longer allows the key.
    case revoked
    /// The peer sent a datagram with an intact seal and a wrong signature. Only a faulty or hostile peer does that.
    case misbehaved
    /// The peer did not renew its session in time.
    case tooOld
    /// The server stopped.
    case stopping

    /// Converts the reason why a server ended a session.
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

    /// Converts the reason in a DELTA, where nil stands for `left`.
    package init(_ reason: Goodbye.Reason?) {
        self = reason.map { Departure(Dismissal($0)) } ?? .left
    }

    /// The reason in GOODBYE and DELTA; nil for `left`, for which no GOODBYE is sent.
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
    /// The server got no proof of life from this peer within the lifetime. This peer joins again, as after a lost
    /// connection.
    case expired
    /// The roster no longer allows the key. This peer ends, unless it may ask another server, or this one later, to let
    /// it join.
    case revoked
    /// The server got a datagram with an intact seal and a wrong signature. This peer joins again after 60 s.
    case misbehaved
    /// The session was not renewed in time. This peer joins again, as after a lost connection.
    case tooOld
    /// The server stopped. This peer joins again when there is a server.
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
