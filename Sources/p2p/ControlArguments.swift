internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// The argument of the option `--control` of `p2p server` and `p2p peer`.
enum ControlChoice: Sendable {
    case off
    case path(String)

    static func parse(_ text: String) throws -> ControlChoice {
        guard !text.isEmpty else { throw ValidationError("--control is a path, or off") }
        return text == "off" ? .off : .path(text)
    }
}

/// The option `--control` of every command that talks to a running server or peer.
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

    /// Returns a client for the process that the user chose with `--control`. Without `--control`, returns a client for
    /// the only process that runs.
    ///
    /// - Parameters:
    ///   - role: The kind of process that the command can talk to; nil for both kinds.
    ///   - prefersServer: True to choose the server if `role` is nil, and exactly one server and at least one peer run.
    ///     Prints a note about this choice.
    /// - Throws: `Failure` with exit code 69 if no process of this kind runs. `Failure` with exit code 64 if several
    ///   such processes run, the user chose none, and the server is not preferred.
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

/// The option `--timeout` of every command that waits for the acknowledgment of a message.
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
    /// Converts an error of a control-socket request into the command's error, with an exit code and a hint.
    init(_ failure: ControlClient.Failure) {
        switch failure {
        case .unreachable(let path):
            self.init(
                .unavailable, "nothing answers at \(Console.escaped(path))",
                hint: "is the path that of a running server or peer of this user?")
        case .forbidden(let path):
            self.init(
                .noPermission, "this user may not use the socket \(Console.escaped(path))",
                hint: "run the command as the user of its process, or as root")
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

    /// Makes the failure of a command from the answer of a process that refused a request. The texts of the answer are
    /// escaped, because they come from another process.
    init(_ reason: ErrorReport.Reason) {
        self.init(
            Code(rawValue: reason.exitCode) ?? .unavailable, Console.escaped(reason.message),
            hint: reason.hint.map(Console.escaped))
    }
}
