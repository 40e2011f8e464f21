package import SecureMesh

/// The reason why a control socket could not be opened.
package struct ControlSocketError: Error, Hashable, Sendable {
    package let message: String
    package let hint: String

    package init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// The folders that contain control sockets. A process opens its socket in `$P2P_SOCKETS`, or else in
/// `$XDG_RUNTIME_DIR/p2p`, or else in `/run/p2p` for root and in `/tmp/p2p-UID` for other users.
package enum ControlFolder {
    /// The folder in which the processes of this user open their sockets.
    package static var own: String { own(environment: SocketFiles.environment, user: SocketFiles.user) }

    static func own(environment: (String) -> String?, user: UInt32) -> String {
        if let chosen = chosen(environment: environment) { return chosen }
        if let runtime = environment("XDG_RUNTIME_DIR"), runtime.hasPrefix("/") {
            return (runtime.hasSuffix("/") ? runtime : runtime + "/") + "p2p"
        }
        return user == 0 ? systemFolder : "/tmp/p2p-\(user)"
    }

    /// The value of `P2P_SOCKETS`; nil if this variable is empty or not set. If there is a value, processes open
    /// sockets only in this folder, and commands look only there.
    private static func chosen(environment: (String) -> String?) -> String? {
        environment("P2P_SOCKETS").flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Makes the folder if it does not exist. Fails unless it belongs to this user and nobody else may enter it.
    ///
    /// The check is needed because any user can make a folder in /tmp.
    static func prepare(_ path: String) throws(ControlSocketError) {
        let status: SocketFileStatus?
        do throws(SystemError) {
            try SocketFiles.makeFolder(path)
            status = try SocketFiles.status(path)
        } catch {
            throw ControlSocketError("cannot make the folder \(path): \(error.message)", hint: "give --control PATH")
        }
        guard let status, status.kind == .folder else {
            throw ControlSocketError("\(path) is not a folder", hint: "remove it, or give --control PATH")
        }
        guard status.owner == SocketFiles.user else {
            throw ControlSocketError("\(path) belongs to another user", hint: "give --control PATH")
        }
        guard status.mode & 0o077 == 0 else {
            throw ControlSocketError("users other than its owner can enter \(path)", hint: "chmod 700 \(path)")
        }
    }

    /// Returns the paths of the sockets at which a process listens, in the order of `folders` and, within a folder, of
    /// the file names. Removes the socket files of killed processes.
    package static func sockets() -> [String] {
        folders.flatMap { folder in
            SocketFiles.names(in: folder).sorted().filter { $0.hasSuffix(".sock") }.map { "\(folder)/\($0)" }
                .filter { path in
                    guard let isListening = try? SocketFiles.isListening(path) else { return false }
                    if !isListening { removeDead(path, in: folder) }
                    return isListening
                }
        }
    }

    /// Removes the socket file of a process that was killed. Otherwise the files of killed processes would accumulate.
    ///
    /// Removes nothing from a folder of another user. That user could replace the folder by a link, and so choose which
    /// file a command of root removes.
    private static func removeDead(_ path: String, in folder: String) {
        let user = SocketFiles.user
        guard let place = try? SocketFiles.status(folder), place.kind == .folder, place.owner == user,
            let file = try? SocketFiles.status(path), file.kind == .socket, file.owner == user
        else { return }
        SocketFiles.remove(path)
    }

    /// The existing folders in which this user's processes may have their sockets.
    ///
    /// There can be several, because a process and a command can have different values of `XDG_RUNTIME_DIR`: cron and
    /// sudo do not set this variable.
    package static var folders: [String] {
        let user = SocketFiles.user
        if let chosen = chosen(environment: SocketFiles.environment) {
            return [chosen].filter { isTrusted($0, by: user) }
        }
        var folders = [own, "/tmp/p2p-\(user)", "/run/user/\(user)/p2p", systemFolder]
        // These are the folders of systemd units. Only root and the unit's user may enter them.
        folders += SocketFiles.names(in: "/run").filter { $0.hasPrefix("p2p-") }.sorted().map { "/run/\($0)/p2p" }
        return folders.enumerated().filter { folders.firstIndex(of: $1) == $0 }.map(\.element)
            .filter { isTrusted($0, by: user) }
    }

    /// Returns true if a command of `user` may use the sockets in a folder. If another user owned the folder or could
    /// write to it, that user could read what the command sends. As an exception, root trusts the folders of systemd
    /// units in /run, because only root can make a folder in /run.
    static func isTrusted(_ folder: String, by user: UInt32) -> Bool {
        guard let status = try? SocketFiles.status(folder), status.kind == .folder else { return false }
        return status.owner == user && status.mode & 0o022 == 0 || user == 0 && folder.hasPrefix("/run/p2p-")
    }

    /// Returns the file name of a server's socket.
    package static func name(ofServerAt port: UInt16) -> String { "server-\(port).sock" }
    /// Returns the file name of a peer's socket.
    package static func name(ofPeer name: PeerName, at port: UInt16) -> String { "peer-\(name)-\(port).sock" }

    private static let systemFolder = "/run/p2p"
}
