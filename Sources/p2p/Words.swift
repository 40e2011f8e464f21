internal import Logging
internal import SecureMesh

extension Departure {
    var words: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced by a newer session of the same key"
        case .expired: "expired"
        case .revoked: "the key is no longer authorised"
        case .misbehaved: "misbehaved"
        case .tooOld: "the session was too old"
        case .stopping: "the server stops"
        }
    }
}

extension JoinRefusal {
    var words: String {
        switch self {
        case .notAuthorised: "not authorised"
        case .nameTaken: "the name is taken by another key"
        case .addressTaken: "the address is another member's"
        case .full: "the mesh is full"
        case .busy: "too many joins of this key in a short time"
        }
    }

    /// What the one who was turned away can do about it.
    var remedy: String {
        switch self {
        case .notAuthorised: "add the key to the server's authorized_peers, then send the server SIGHUP"
        case .nameTaken: "choose another name, or stop the process that holds this one"
        case .addressTaken: "choose another port"
        case .full: "the server's --max-peers bounds it"
        case .busy: "is the same key in use on another host? two processes with one key end each other"
        }
    }
}

extension Failure {
    /// What a `MeshError` means at the command line.
    init(_ error: MeshError) {
        switch error {
        case .invalidConfiguration(let what):
            self.init(.usage, what, hint: Self.usageHint)
        case .unresolvable(let text):
            self.init(
                .usage, "not an address, or a host that nobody knows: \(Console.escaped(text))",
                hint: "a server is given as HOST:PORT, like 192.0.2.1:3000, [2001:db8::1]:3000 or localhost:3000")
        case .addressInUse(let address):
            self.init(
                .system, "the port of \(address) is in use",
                hint: "choose another port, or end the process that holds this one")
        case .cannotBind(let address, let reason):
            self.init(
                .system, "cannot bind \(address): \(reason)",
                hint: "take an address of this host ('ip address' lists them) and a port that this user may have")
        case .notRunning, .alreadyRan:
            self.init(.system, "the mesh is not running")
        case .notAuthorised:
            self.init(.noPermission, "the server does not let this key join")
        }
    }

    /// Where the options of the command that was given are explained.
    static var usageHint: String {
        switch CommandLine.arguments.dropFirst().first {
        case let command? where ["keygen", "server", "peer", "selftest", "simulate"].contains(command):
            "see 'p2p help \(command)'"
        default: "see 'p2p help'"
        }
    }

    static func translating<Result>(_ body: () throws(MeshError) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw Failure(error)
        }
    }
}

extension Logger {
    /// For the service group, whose own life is not news.
    static var quiet: Logger {
        var logger = Logger(label: "services")
        logger.logLevel = .critical
        return logger
    }
}
