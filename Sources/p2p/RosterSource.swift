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
    /// A list that lacks all or most of the keys is not taken for an order to revoke them: a file can be truncated by a
    /// full disk or an editor, or a volume can be missing. `p2p revoke` marks the lines of keys that it revokes.
    ///
    /// - Parameter old: The list in force.
    /// - Throws: `Failure`. Then the list must stay in force.
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
