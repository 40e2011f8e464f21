internal import Logging
internal import SecureMesh

extension Departure {
    var words: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced by a newer session of the same key"
        case .expired: "expired"
        case .revoked: "its key is no longer authorised"
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
}

extension Failure {
    /// What a `MeshError` means at the command line.
    init(_ error: MeshError) {
        switch error {
        case .invalidConfiguration(let what):
            self.init(.usage, what)
        case .unresolvable(let text):
            self.init(.usage, "not an address, or a host that nobody knows: \(Console.escaped(text))")
        case .addressInUse(let address):
            self.init(
                .system, "the port of \(address) is in use", hint: "another process holds it; choose another port")
        case .cannotBind(let address, let reason):
            self.init(.system, "cannot bind \(address): \(reason)")
        case .notRunning, .alreadyRan:
            self.init(.system, "the mesh is not running")
        case .notAuthorised:
            self.init(.noPermission, "the server does not let this key join")
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
