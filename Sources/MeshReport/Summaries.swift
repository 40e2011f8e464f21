internal import MeshSimulator
internal import SecureMeshCore

extension Recording.Event.What {
    /// The event as a phrase without a subject, such as `joined`. The caller writes the name of the peer before the
    /// phrase, or `subject` if the event concerns no peer.
    var summary: String {
        switch self {
        case .started: "started"
        case .joined: "joined"
        case .left(let departure): departure.summary
        case .crashed: "crashed"
        case .restarted: "started again"
        case .paused: "paused"
        case .resumed: "resumed"
        case .leaving: "leaves"
        case .revoked: "key revoked"
        case .authorized: "key authorized"
        case .clockJumped(let by):
            by < .zero
                ? "clock set back by \(Figures.duration(.zero - by))" : "clock set forward by \(Figures.duration(by))"
        case .serverCrashed: "crashed"
        case .serverStarted: "started"
        case .serverStopping: "was stopped"
        case .serverPaused: "paused"
        case .serverResumed: "resumed"
        case .partitioned(let who): "partitioned: \(who)"
        case .rejoined(let who): "partition ended: \(who)"
        case .networkChanged(let what): what
        case .attackBegan(let name): "\(name) began"
        case .attackEnded(let name): "\(name) ended"
        case .healing: "the faults end and healing begins"
        case .converged: "the mesh is whole"
        }
    }

    /// The kind of thing that the event concerns. If no peer is named, this is the subject of the event's line.
    var subject: String {
        switch self {
        case .serverCrashed, .serverStarted, .serverStopping, .serverPaused, .serverResumed: "server"
        case .partitioned, .rejoined, .networkChanged: "network"
        case .attackBegan, .attackEnded: "attack"
        case .healing, .converged: "world"
        case .started, .joined, .left, .crashed, .restarted, .paused, .resumed, .leaving, .revoked, .authorized,
            .clockJumped:
            "peer"
        }
    }
}

extension Departure {
    /// A phrase that says why the peer ceased to be a member.
    var summary: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced by a newer session of the same key"
        case .expired: "expired: no heartbeat within the lifetime"
        case .revoked: "removed: key no longer authorized"
        case .misbehaved: "removed: misbehaved"
        case .tooOld: "removed: the session was too old"
        case .stopping: "removed: the server stopped"
        }
    }

    /// A label of one or two words, for counts.
    var label: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced"
        case .expired: "expired"
        case .revoked: "revoked"
        case .misbehaved: "misbehaved"
        case .tooOld: "too old"
        case .stopping: "server stopped"
        }
    }

    /// All reasons, in the order of their declaration.
    static let all: [Departure] = [.left, .replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping]
}

extension Recording.Loss {
    var label: String {
        switch self {
        case .lost: "lost"
        case .partitioned: "partitioned"
        case .tooLarge: "too large"
        case .overflow: "overflow"
        case .nobodyThere: "nobody there"
        case .withheld: "withheld"
        }
    }

    var summary: String {
        switch self {
        case .lost: "dropped by the network at random"
        case .partitioned: "sent across a partition"
        case .tooLarge: "larger than the path allows"
        case .overflow: "arrived while the receive buffer was full"
        case .nobodyThere: "no process at the destination"
        case .withheld: "withheld by an attacker on the path"
        }
    }
}

extension Kind {
    var title: String { "\(self)".uppercased() }

    /// A phrase for the purpose of a datagram of this kind.
    var summary: String {
        switch self {
        case .hello: "a peer asks to join"
        case .retry: "the server asks for a cookie first"
        case .welcome: "the server offers a session"
        case .reject: "the server rejects a peer"
        case .confirm: "the peer confirms the session"
        case .resume: "a restarted server offers a member new keys"
        case .heartbeat: "a member proves that it is alive"
        case .leave: "a member leaves"
        case .pulse: "the server proves that it is alive, with the version of the directory"
        case .snapshot: "a part of the whole directory"
        case .delta: "a change of the directory"
        case .goodbye: "the server ends a session"
        case .message: "a message from one member to another"
        case .ack: "a member has received a message"
        }
    }
}
