internal import SecureMesh

/// The list of peers of a server.
struct RosterSource: Sendable {
    let path: String
    let serverKey: PublicKey

    /// Reads the list. It may be empty.
    ///
    /// - Throws: `Failure` as `KeyStore.readRoster` does, and with exit code 65 if the list has the server's own key.
    func read() throws -> Roster {
        let roster = try KeyStore.readRoster(path)
        guard roster.authorized[serverKey] == nil else {
            throw Failure(
                .data, "\(path) lists the server's own key",
                hint: "remove the line: a server is no peer of its own mesh")
        }
        return roster
    }

    /// Reads the list again.
    ///
    /// Refuses a list that lacks more than half of the keys in force. Such a list is probably damaged, by a full disk,
    /// an editor or a missing volume, and does not mean that the keys are revoked. `p2p revoke` does not remove lines:
    /// it marks them.
    ///
    /// - Parameter old: The list in force.
    /// - Throws: `Failure`. The old list must then stay in force.
    func read(replacing old: Roster) throws -> Roster {
        let new = try read()
        let known = old.authorized.count
        let missing = old.missing(in: new, at: .now)
        guard missing.isEmpty || new.count > 0 && missing.count * 2 <= known else {
            throw Failure(
                .data, "\(path) lacks \(missing.count) of the \(known) keys in force: \(Self.list(missing))",
                hint: "restore the file; to revoke a key use 'p2p revoke NAME', which marks its line, "
                    + "and to begin with this list restart the server")
        }
        return new
    }

    /// Returns a few of the names, and the number of the others.
    private static func list(_ names: [PeerName]) -> String {
        let shown = names.map(\.description).sorted().prefix(5).joined(separator: " ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) others" : shown
    }
}
