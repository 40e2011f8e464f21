package import SecureMesh

extension Departure {
    /// A phrase that tells the user why the member left.
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
    /// The cause of the departure, for the user of the server; nil if the departure was orderly.
    package var cause: String? {
        switch self {
        case .left, .stopping: nil
        case .replaced: "its key has joined again, from here or from another host"
        case .expired: "no heartbeat has come for the lifetime: it has crashed, or the network is cut"
        case .revoked: "its key is no longer authorized"
        case .misbehaved: "it sent a datagram with a wrong signature; its key is barred for a minute"
        case .tooOld: "it has not renewed its keys in time"
        }
    }
}

extension Dismissal {
    /// Advice for the user of the peer whose session the server has ended; nil if there is none.
    var hint: String? {
        switch self {
        case .replaced: "another process uses this key: stop one of the two, or give it a key of its own"
        case .expired, .revoked, .misbehaved, .tooOld, .stopping: nil
        }
    }
}

extension Departure {
    /// Returns a phrase that tells the user of another member why the member left.
    ///
    /// - Parameter reason: The reason why the member left; nil if it is not known.
    package static func summaryForMembers(_ reason: Departure?) -> String {
        switch reason {
        case .stopping: "did not come back after a restart of the server"
        case let reason?: reason.summary
        case nil: "reason unknown"
        }
    }
}

extension Dismissal {
    /// A phrase that tells the user of the peer why the server ended the peer's session.
    package var summary: String {
        switch self {
        case .replaced: "another process has joined with the same key; joining again in a minute"
        case .expired: "no heartbeat has reached it for too long; joining again"
        case .revoked: "the key is no longer authorized"
        case .misbehaved: "it got a datagram with a wrong signature; joining again in a minute"
        case .tooOld: "the session was not renewed in time; joining again"
        case .stopping: "it stops; joining again when it is back"
        }
    }
}

extension SendRefusal {
    /// Returns a phrase that tells the user why the system refuses to send to `address`.
    package func summary(_ address: SocketAddress) -> String {
        switch self {
        case .noRoute: "this host has no \(address.isIPv6 ? "IPv6" : "IPv4") route there"
        case .forbidden: "a firewall of this host forbids it"
        case .tooLarge: "the path there takes no datagram of this size"
        case .other: "the system refuses, for the reason in the log"
        }
    }

    /// Returns advice for the user if the system refuses to send to `address`.
    package func hint(_ address: SocketAddress) -> String {
        let host = address.description.drop { $0 == "[" }.prefix { $0 != "]" }
        let ip = address.isIPv6 ? String(host) : String(host.prefix { $0 != ":" })
        return switch self {
        case .noRoute: "'ip route get \(ip)' says how this host would reach it"
        case .forbidden: "UDP to \(address) must pass; 'nft list ruleset' or 'iptables -S' lists the rules"
        case .tooLarge: "'ip route get \(ip)' says which MTU this host has noted for it"
        case .other: "the line 'lost datagrams' in the log has the error"
        }
    }

    /// Advice for a network that seems to pass small datagrams and to drop large ones.
    package static let sizeHint =
        "the network may drop large datagrams: it must pass UDP datagrams of 1232 bytes, and IP packets of 1280"
}

extension JoinRefusal {
    /// A phrase that tells the user why the server refused the join.
    package var summary: String {
        switch self {
        case .notAuthorized: "not authorized"
        case .nameTaken: "the name is taken by another key"
        case .addressTaken: "another member has the address"
        case .full: "the mesh is full"
        case .busy: "too many joins in a short time, of this key or of all peers"
        }
    }

    /// Advice for the user of a peer that was refused.
    package var hint: String {
        switch self {
        case .notAuthorized: "'p2p authorize NAME KEY' on the server's host lets the key join, even if it was revoked"
        case .nameTaken: "choose another name, or stop the process that uses this one"
        case .addressTaken: "choose another port"
        case .full: "the server's --max-peers limits the number of members"
        case .busy:
            "if it goes on, another host may use the same key: two processes with one key end each other's sessions"
        }
    }
}

extension PublicKey {
    /// Advice for the user of the peer with this key, which the server does not let join. After `p2p key new
    /// --replace`, the file of the peer's public key has a new key, and the running peer still has the old one.
    ///
    /// - Parameters:
    ///   - file: The file of the peer's public key; nil if it is not known.
    ///   - isRevoked: True if the server has ended a session of the peer because the key may not join any more.
    package func admissionHint(as name: PeerName, file: String?, isRevoked: Bool = false) -> String {
        if let file, let newer = try? PublicKey(contentsOfFile: file), newer != self {
            return "\(file) has another key, \(newer); start the peer again to use it"
        }
        let condition = isRevoked ? "if that was a mistake" : "unless it was revoked"
        return "\(condition), on the server's host: p2p authorize \(name) \(self)"
    }
}

extension Int {
    /// The subject and the verb of a sentence about this number of members, such as `1 member is` or `2 members are`.
    package var membersAre: String { self == 1 ? "1 member is" : "\(self) members are" }
}
