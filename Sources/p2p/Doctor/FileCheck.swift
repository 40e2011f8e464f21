internal import MeshControl
internal import SecureMesh

/// Checks the files of keys, the list of peers and the file of `--state`, for `p2p check` and `p2p doctor`.
enum FileCheck {
    static func text(_ key: SigningKey, at path: String) -> String { "key \(path): \(key.publicKey)" }

    static func text(_ list: Roster, at path: String) -> String {
        "list of peers \(path): \(list.count) \(list.count == 1 ? "key" : "keys")"
    }

    /// - Parameter count: The number of members in the file of `p2p server --state`; nil if there is no file yet.
    static func text(members count: Int?, at path: String) -> String {
        let content = count.map { "\($0) \($0 == 1 ? "member" : "members")" } ?? "not written yet"
        return "list of members \(path): \(content)"
    }

    static func text(_ serverKeys: [PublicKey]) -> String {
        "server key \(serverKeys.map(\.description).joined(separator: " or "))"
    }

    /// Checks the files that a running process would read after a restart: its key, and the list of peers (for a
    /// server) or the server's public key (for a peer).
    ///
    /// - Parameters:
    ///   - store: The folder of keys.
    ///   - list: The path of the list of peers.
    static func findings(_ status: MeshStatus, in store: KeyStore, list: String) -> [Finding] {
        let name = status.name.flatMap { try? PeerName($0) }
        return [key(status, at: store.secretPath(name ?? .server), hint: store.keygenHint(name))]
            + (status.role == .peer ? [serverKey(status, at: store.publicPath(.server))] : [roster(at: list, status)])
    }

    private static func key(_ status: MeshStatus, at path: String, hint: String) -> Finding {
        guard FileSystem.exists(path) else { return missing("key", path) }
        guard !KeyFile.hasPassphrase(path) else {
            return .good("key", "key \(path) has a passphrase, for which this check does not ask")
        }
        let (finding, key) = Finding.checking("key") {
            try KeyStore.readSecret(path, hint: hint, access: KeyAccess(groupMayRead: true))
        } describe: {
            text($0, at: path)
        }
        guard let key, key.publicKey.description != status.publicKey else { return finding }
        return .advice(
            "key", "\(path) has another key than the running process, \(key.publicKey)",
            "the process takes it at its next start; is --keys the right folder?")
    }

    private static func serverKey(_ status: MeshStatus, at path: String) -> Finding {
        guard FileSystem.exists(path) else { return missing("serverKey", path) }
        let (finding, key) = Finding.checking("serverKey") {
            try KeyStore.readPublic(path)
        } describe: {
            text([$0])
        }
        guard let key, let accepted = status.server?.publicKeys, !accepted.contains("\(key)") else { return finding }
        return .advice(
            "serverKey", "\(path) has a server key that the running peer does not accept, \(key)",
            "a peer without --server-key takes it at its next start; is --keys the right folder?")
    }

    private static func roster(at path: String, _ status: MeshStatus) -> Finding {
        guard FileSystem.exists(path) else { return missing("list", path) }
        return Finding.checking("list") {
            try RosterSource(path: path, serverKey: PublicKey(status.publicKey)).read()
        } describe: {
            text($0, at: path)
        }.finding
    }

    private static func missing(_ subject: String, _ path: String) -> Finding {
        .advice(subject, "no file \(path), so it is not checked", "give the folder of keys with --keys")
    }
}
