internal import SecureMesh

/// The file from which a server reads its list of peers.
struct RosterSource: Sendable {
    let path: String
    let serverKey: PublicKey

    /// Reads the list. A list without keys is valid.
    ///
    /// - Throws: `Failure` as `KeyStore.readRoster` does, and with exit code 65 if the list contains the server's own
    ///   key.
    func read() throws -> Roster {
        let roster = try KeyStore.readRoster(path)
        guard roster.authorized[serverKey] == nil else {
            throw Failure(
                .data, "\(path) lists the server's own key",
                hint: "remove the line: a server is no peer of its own mesh")
        }
        return roster
    }

    /// Reads the list again, while the server runs. Refuses a list that is probably damaged, by a full disk, an editor
    /// or a missing volume.
    ///
    /// A key is missing if it may join by the old list, and the new list neither lists it nor marks it as revoked. The
    /// new list is refused if keys are missing and it has no keys at all. It is also refused if more than half of the
    /// old list's keys are missing.
    ///
    /// A missing line does not mean that its key is revoked, because `p2p revoke` marks lines and does not remove them.
    ///
    /// - Parameter old: The list in force.
    /// - Throws: `Failure` if the new list is refused or cannot be read. The old list must then stay in force.
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

    /// Returns at most five of the names as text, and the number of the remaining names.
    private static func list(_ names: [PeerName]) -> String {
        let shown = names.map(\.description).sorted().prefix(5).joined(separator: " ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) others" : shown
    }
}
