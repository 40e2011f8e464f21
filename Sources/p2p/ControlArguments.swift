internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// The argument of `--control` of a server and of a peer.
enum ControlChoice: Sendable {
    case off
    case path(String)

    static func parse(_ text: String) throws -> ControlChoice {
        guard !text.isEmpty else { throw ValidationError("--control is a path, or off") }
        return text == "off" ? .off : .path(text)
    }
}

/// The option of every command that talks to a running server or peer.
struct ControlOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Control socket of the server or the peer.", valueName: "path", default: "the only one that runs"))
    var control: String?

    private static func isSocket(_ path: String, of role: MeshStatus.Role) -> Bool {
        path.split(separator: "/").last?.hasPrefix("\(role.rawValue)-") == true
    }

    /// The folders that were searched for control sockets.
    private var places: String {
        let others = ControlFolder.folders.filter { $0 != ControlFolder.own }
        return Console.escaped(([ControlFolder.own] + others).joined(separator: " or "))
    }

    func validate() throws { try Parse.checkPath(control, "--control") }

    /// Returns a client of the process that the user means.
    ///
    /// - Parameters:
    ///   - role: The kind of process that the command is for; nil for both.
    ///   - prefersServer: True to choose the server, and to print a note about it, if one server and also peers run
    ///     here.
    /// - Throws: `Failure` with exit code 69 if no such process runs, 64 if several run.
    func client(_ role: MeshStatus.Role? = nil, prefersServer: Bool = true) throws -> ControlClient {
        if let control { return ControlClient(path: control) }
        let all = ControlFolder.sockets()
        let sockets = role.map { role in all.filter { Self.isSocket($0, of: role) } } ?? all
        let kind = role?.rawValue ?? "server or peer"
        guard let first = sockets.first else {
            throw Failure(
                .unavailable, "no \(kind) of this user runs here",
                hint: "start one, or give the path of its socket with --control; \(places) has none")
        }
        guard sockets.count == 1 else {
            let servers = sockets.filter { Self.isSocket($0, of: .server) }
            if role == nil, prefersServer, servers.count == 1 {
                Console.note(
                    Console.escaped(
                        "this is the server; --control chooses a peer: "
                            + sockets.filter { $0 != servers[0] }.joined(separator: " ")))
                return ControlClient(path: servers[0])
            }
            throw Failure(
                .usage, "more than one \(kind) runs here: \(sockets.joined(separator: " "))",
                hint: "choose one with --control PATH")
        }
        return ControlClient(path: first)
    }
}

/// The option of every command that waits for the acknowledgment of a message.
struct DeliveryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Time to wait for an answer, at most 60s.", valueName: "interval", default: usualTimeout.argument),
        transform: Parse.interval)
    var timeout = usualTimeout

    private static let usualTimeout = ControlLimits.usualDeliveryTime

    func validate() throws {
        guard timeout <= ControlLimits.deliveryTime else { throw ValidationError("--timeout is at most 60s") }
    }

    var milliseconds: Int { Int(timeout.wholeNanoseconds / 1_000_000) }
}

extension Failure {
    /// Makes a failure from the failure of a request at a control socket.
    init(_ failure: ControlClient.Failure) {
        switch failure {
        case .unreachable(let path):
            self.init(
                .unavailable, "nothing answers at \(Console.escaped(path))",
                hint: "is the path that of a running server or peer of this user?")
        case .brokenAnswer:
            self.init(
                .unavailable, "the process ended before it had answered",
                hint: "try again; 'p2p --version' and the version of that process should be the same")
        case .noAnswer(let path, let limit):
            self.init(
                .unavailable,
                "the process at \(Console.escaped(path)) has not answered for \(limit.components.seconds) s",
                hint: "a process that is stopped, as by Ctrl-Z, answers after 'kill -CONT' with its process ID")
        case .refused(let reason): self.init(reason)
        }
    }

    /// Makes a failure from the refusal of a request. Its texts come from another process, so they are escaped.
    init(_ reason: ErrorReport.Reason) {
        self.init(
            Code(rawValue: reason.exitCode) ?? .unavailable, Console.escaped(reason.message),
            hint: reason.hint.map(Console.escaped))
    }
}
