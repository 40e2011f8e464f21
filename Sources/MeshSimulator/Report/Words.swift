internal import SecureMeshCore

extension Recording.Event.What {
    /// What happened, after the name of whom it happened to.
    var words: String {
        switch self {
        case .started: "started"
        case .joined: "joined"
        case .left(let departure): departure.words
        case .crashed: "crashed"
        case .restarted: "started again"
        case .paused: "paused"
        case .resumed: "resumed"
        case .leaving: "wants to leave"
        case .revoked: "key revoked"
        case .authorised: "key authorised"
        case .clockJumped(let by):
            by < .zero
                ? "clock went back \(Figures.duration(.zero - by))" : "clock jumped \(Figures.duration(by))"
        case .serverCrashed: "crashed"
        case .serverStarted: "started"
        case .serverStopping: "was stopped"
        case .serverPaused: "paused"
        case .serverResumed: "resumed"
        case .partitioned(let who): "partitioned: \(who)"
        case .rejoined(let who): "joined again: \(who)"
        case .networkChanged(let what): what
        case .attackBegan(let name): "\(name) began"
        case .attackEnded(let name): "\(name) ended"
        case .healing: "no more faults: healing begins"
        case .converged: "all are equal"
        }
    }

    /// Whom it happened to, if that was no peer.
    var subject: String {
        switch self {
        case .serverCrashed, .serverStarted, .serverStopping, .serverPaused, .serverResumed: "server"
        case .partitioned, .rejoined, .networkChanged: "network"
        case .attackBegan, .attackEnded: "attack"
        case .healing, .converged: "world"
        case .started, .joined, .left, .crashed, .restarted, .paused, .resumed, .leaving, .revoked, .authorised,
            .clockJumped:
            "peer"
        }
    }
}

extension Departure {
    /// Why the server no longer had it as a member.
    var words: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced by a newer session of the same key"
        case .expired: "expired: no sign of life within the lifetime"
        case .revoked: "out: key no longer authorised"
        case .misbehaved: "out: misbehaved"
        case .tooOld: "out: the session was too old"
        case .stopping: "out: the server stopped"
        }
    }

    /// One word, for counts.
    var word: String {
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

    /// In the order of their declaration.
    static let all: [Departure] = [.left, .replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping]
}

extension Recording.Loss {
    var word: String {
        switch self {
        case .lost: "lost"
        case .partitioned: "partitioned"
        case .tooLarge: "too large"
        case .overflow: "overflow"
        case .nobodyThere: "nobody there"
        case .withheld: "withheld"
        }
    }

    var words: String {
        switch self {
        case .lost: "dropped by the network, by chance"
        case .partitioned: "between two sides of a partition"
        case .tooLarge: "larger than the path takes"
        case .overflow: "came while the receiver's buffer was full"
        case .nobodyThere: "no process at that address: gone, or not there yet"
        case .withheld: "held back by an attacker on the path"
        }
    }
}

extension Kind {
    var title: String { "\(self)".uppercased() }

    /// What it is for.
    var words: String {
        switch self {
        case .hello: "a peer asks to join"
        case .retry: "the server asks for a cookie first"
        case .welcome: "the server offers a session"
        case .reject: "the server turns a peer away"
        case .confirm: "the peer takes the session"
        case .heartbeat: "a member is alive"
        case .leave: "a member goes"
        case .pulse: "the server is alive, and the directory's version"
        case .snapshot: "the whole directory, in parts"
        case .delta: "one change of the directory"
        case .goodbye: "the server ends a session"
        case .message: "a member speaks to another"
        }
    }
}
