package import SecureMesh

/// The state of a member, as a server or a peer sees it.
package enum MemberState: String, Codable, CaseIterable, Sendable {
    /// The peer is a member.
    case alive
    /// The peer is a member, but its heartbeat is overdue. In the status that another peer reports, this state means
    /// that the reporting peer is not connected to its server and knows nothing certain about any member.
    case suspect
    /// The peer left, or the server stopped and the peer has not come back.
    case left
    /// The peer expired, misbehaved or did not renew its session.
    case failed
    /// The peer's key is not authorized any more.
    case revoked
    /// The peer's key is authorized, but the peer is not a member, and the server remembers no departure of it.
    case never

    /// Makes the state that follows a departure. `departure` is nil if the reason is unknown, for example because a
    /// peer missed the event.
    package init(_ departure: Departure?) {
        switch departure {
        case .expired, .misbehaved, .tooOld: self = .failed
        case .revoked: self = .revoked
        default: self = .left
        }
    }
}

/// One member in a `MeshStatus`.
package struct MemberStatus: Codable, Sendable {
    package var name: String
    package var state: MemberState
    /// The time at which the member joined, became silent or left; nil in the state `never`.
    @OrNull package var since: Timestamp?
    /// The reason why the member left or is a suspect; nil if the reason is unknown, and in the other states.
    @OrNull package var reason: String?
    @OrNull package var address: String?
    package var fingerprint: String
    package var publicKey: String
    /// The newest measured round trip to the member, in nanoseconds; nil if none was measured.
    @OrNull package var roundTrip: Int64?
    @OrNull package var sentDatagrams: UInt64?
    @OrNull package var receivedDatagrams: UInt64?
    @OrNull package var receivedMessages: UInt64?
}

/// A problem of a process or its mesh.
package struct Problem: Codable, Sendable {
    package enum Severity: String, Codable, Sendable {
        /// The process does not do its work. While there is such a problem, `p2p status --check` exits with an error.
        case error
        case warning
    }

    package var code: String
    package var severity: Severity
    package var message: String
    @OrNull package var hint: String?
    @OrNull package var since: Timestamp?

    package init(
        _ code: String, _ severity: Severity, _ message: String, hint: String? = nil, since: Timestamp? = nil
    ) {
        self.code = code
        self.severity = severity
        self.message = message
        self.hint = hint
        self.since = since
    }
}

/// A peer's connection to its server.
package struct ServerLink: Codable, Sendable {
    package enum State: String, Codable, Sendable {
        case joining
        case joined
        case lost
        case ended
    }

    /// The server's address or name, as it was configured.
    package var configured: String
    /// The public keys of the servers that this peer accepts; nil if the peer is of a version that does not report
    /// them.
    @OrNull package var publicKeys: [String]?
    /// The address at which the server answers, or at which the peer currently tries to reach it; nil until the
    /// server's name has been looked up.
    @OrNull package var address: String?
    package var state: State
    @OrNull package var since: Timestamp?
    /// True if this peer may send messages.
    package var maySend: Bool
    /// The shortest round trip to the server in this session, in nanoseconds; nil if none was measured.
    @OrNull package var roundTrip: Int64?
}

/// The answer to `GET /v1/status`: the state of a server or a peer, and the state of its mesh.
package struct MeshStatus: Codable, Sendable {
    package enum Role: String, Codable, Sendable {
        case server
        case peer
    }

    package var schema = ControlLimits.schema
    package var time: Timestamp
    package var role: Role
    /// The peer's name; nil for a server.
    @OrNull package var name: String?
    package var version: String
    package var process: Int32
    package var startedAt: Timestamp
    package var addresses: [String]
    package var fingerprint: String
    package var publicKey: String
    /// The peer's connection to its server; nil for a server.
    @OrNull package var server: ServerLink?
    package var problems: [Problem]
    /// The number of members in each state.
    package var counts: [String: Int]
    /// The members; nil if the request asked to omit them.
    @OrNull package var members: [MemberStatus]?
    /// The number of datagrams that the server or the current `MeshPeer` has lost since it started, by reason.
    package var lostDatagrams: [String: UInt64]
    /// The number of datagrams that the server or the current `MeshPeer` has refused since it started, by reason.
    package var refusedDatagrams: [String: UInt64]
    /// The number of clients that are reading a stream of events.
    package var streams: Int

    /// Adds a number of milliseconds to all times except those of `members`. This converts times of a `ProcessClock` to
    /// times of the host's clock.
    package mutating func move(by milliseconds: Int64) {
        guard milliseconds != 0 else { return }
        time = time.moved(by: milliseconds)
        startedAt = startedAt.moved(by: milliseconds)
        if let since = server?.since { server?.since = since.moved(by: milliseconds) }
        for index in problems.indices {
            if let since = problems[index].since { problems[index].since = since.moved(by: milliseconds) }
        }
    }

    /// True if no problem has the severity `error`.
    package var isHealthy: Bool { problems.allSatisfy { $0.severity != .error } }
}

extension PublicKey {
    /// The first 12 characters after the prefix of the key's text. They hold 72 bits, and people compare them to
    /// recognize a key.
    package var fingerprint: String { String(decoding: Self.fingerprint(ofText: text), as: UTF8.self) }

    static func fingerprint(ofText text: [UInt8]) -> ArraySlice<UInt8> {
        text.drop { $0 != UInt8(ascii: "_") }.dropFirst().prefix(12)
    }
}
