package import SecureMesh

extension Departure {
    /// A phrase for the user.
    package var summary: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced by a newer session of the same key"
        case .expired: "expired"
        case .revoked: "the key is no longer authorized"
        case .misbehaved: "misbehaved"
        case .tooOld: "the session was too old"
        case .stopping: "the server stops"
        }
    }
}

extension Departure {
    /// A phrase for the user of another member.
    ///
    /// - Parameter reason: The reason for which the member left; nil if it is not known.
    package static func summaryForMembers(_ reason: Departure?) -> String {
        switch reason {
        case .stopping: "did not come back after a restart of the server"
        case let reason?: reason.summary
        case nil: "reason unknown"
        }
    }
}

extension JoinRefusal {
    /// A phrase for the user.
    package var summary: String {
        switch self {
        case .notAuthorized: "not authorized"
        case .nameTaken: "the name is taken by another key"
        case .addressTaken: "the address is another member's"
        case .full: "the mesh is full"
        case .busy: "too many joins in a short time, of this key or of all peers"
        }
    }

    /// Advice for the user of the peer that was refused.
    package var hint: String {
        switch self {
        case .notAuthorized: "add the key to the server's authorized_peers, then send the server SIGHUP"
        case .nameTaken: "choose another name, or stop the process that uses this one"
        case .addressTaken: "choose another port"
        case .full: "the server's --max-peers limits the number of members"
        case .busy:
            "if it goes on, another host may use the same key: two processes with one key end each other's sessions"
        }
    }
}
