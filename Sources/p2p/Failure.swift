internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// The reason why a command cannot continue, as a message, a hint and an exit code.
struct Failure: Error {
    /// The exit codes of sysexits.h that the command uses. docs/command.md explains them.
    enum Code: Int32, CaseIterable {
        case usage = 64
        case data = 65
        case noInput = 66
        case noHost = 68
        case unavailable = 69
        case system = 71
        case cannotCreate = 73
        case inputOutput = 74
        case tryAgain = 75
        case noPermission = 77
        case configuration = 78

        var exitCode: ExitCode { ExitCode(rawValue) }
    }

    let code: Code
    let message: String
    let hint: String?

    init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    var exitCode: ExitCode { code.exitCode }
}

extension Failure {
    init(_ error: MeshError) {
        switch error {
        case .invalidConfiguration(let reason):
            self.init(.usage, reason, hint: Self.usageHint)
        case .unknownHost(let host):
            self.init(
                .noHost, "there is no host of the name \(host)",
                hint: "check the spelling, and this host's name service with 'getent ahosts \(host)'")
        case .addressInUse(let address):
            self.init(
                .system, "the port of \(address) is in use",
                hint: "choose another port, or stop the process that uses this one")
        case .cannotBind(let address, let reason):
            self.init(
                .system, "cannot bind \(address): \(reason)",
                hint: "choose an address of this host ('ip address' lists them) and a port that this user may bind")
        case .cannotKeepDirectory(let path, let reason):
            self.init(
                .cannotCreate, Console.escaped("cannot keep the list of members in \(path): \(reason)"),
                hint: "choose another file with --state; each server needs a file of its own")
        case .notRunning, .alreadyRan, .cancelled:
            self.init(.system, "the mesh is not running")
        case .notAuthorized:
            self.init(
                .noPermission, "the server does not let this key join",
                hint: "'p2p authorize NAME KEY' on the server's host lets it join")
        }
    }

    /// The failure of a peer whose key the server does not list under the peer's name.
    ///
    /// - Parameter file: The file of the peer's public key; nil if it is not known.
    static func notAuthorized(_ name: PeerName, _ key: PublicKey, file: String?) -> Failure {
        Failure(
            .noPermission, "the server does not let this key join as \(name)",
            hint: key.admissionHint(as: name, file: file))
    }

    /// Returns a message of the argument parser in the form of this program's messages: one line that begins with a
    /// lower-case letter.
    static func text(ofParser message: String) -> String {
        var lines = message.split(separator: "\n").map { line in
            let text = line.drop { $0 == " " }
            return String(text.hasPrefix("- ") ? text.dropFirst(2) : text)
        }
        guard !lines.isEmpty else { return message }
        let first = lines.removeFirst()
        let text = Console.escaped(lines.isEmpty ? first : "\(first) \(lines.joined(separator: ", "))")
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    /// The hint after wrong usage. It names the help of the command that the user called.
    static var usageHint: String { HelpPointer.hint }

    /// Runs `body`. If `body` throws the error of a request to a control socket, throws it as a `Failure`.
    static func translating<Result>(_ body: () async throws(ControlClient.Failure) -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            throw Failure(error)
        }
    }

    /// Runs `body`. If `body` throws a `MeshError`, throws it as a `Failure`.
    static func translating<Result>(_ body: () throws(MeshError) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw Failure(error)
        }
    }
}
