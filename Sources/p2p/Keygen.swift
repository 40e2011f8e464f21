internal import ArgumentParser
internal import SecureMesh

/// `p2p keygen`: creates keys.
struct Keygen: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Create keys: NAME.key (secret, mode 0600) and NAME.pub.",
        usage: "p2p keygen [<name> ...] [<options>]",
        discussion: """
              p2p keygen server A B --authorize

            Prints each public line, NAME p2ppub1_…, on stdout. A server lists such lines in authorized_peers, and a \
            peer pins the server's. Never overwrites a key. If a key was lost, move its NAME.pub away: with \
            --authorize the new key takes its place in the list, and the lost one is revoked.
            """)

    @Argument(
        help: ArgumentHelp(
            "Names of 1 to 32 characters of A-Z a-z 0-9 . _ - each.", valueName: "name", default: "server"),
        transform: Parse.fileName)
    var names: [PeerName] = []

    @Flag(help: "Add the peers to authorized_peers in the same folder.")
    var authorize = false

    @OptionGroup var newKeyOptions: NewKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard Set(names).count == names.count else { throw ValidationError("a name is given twice") }
    }

    func run() async throws {
        let store = keyOptions.store
        let all = names.isEmpty ? [PeerName.server] : names
        for name in all { try store.checkAbsent(name, authorizes: authorize) }
        let passphrase = try newKeyOptions.passphrase(for: all.map(store.secretPath).joined(separator: ", "))
        var peers: [(name: PeerName, key: PublicKey)] = []
        for name in all {
            let key = try store.create(name, passphrase)
            Console.note("wrote \(store.secretPath(name)) (secret) and \(store.publicPath(name))")
            Console.result(KeyStore.publicLine(name, key))
            if name != .server { peers.append((name, key)) }
        }
        if authorize {
            if peers.count < all.count {
                Console.note("the server is no peer of its own mesh: its key is not in \(store.rosterPath)")
            }
            let results = try store.authorize(peers, in: store.rosterPath, replacing: .revoke)
            if !results.isEmpty {
                let first = peers.first.map { "p2p authorize \($0.name) \($0.key)" }
                let answers = await RunningServer.reload(
                    after: store.rosterPath, mayRun: peers.count == all.count,
                    command: peers.count == 1 ? first : "p2p authorize NAME KEY")
                guard !answers.haveNoEffect else { throw RunningServer.refusal }
                if !answers.reports.isEmpty {
                    let name = peers.count == 1 ? "\(peers[0].name)" : "NAME"
                    return Console.note("next: \(store.command("peer", name, "PORT"))")
                }
            }
        }
        noteNext(store, peers)
    }

    /// Prints the command that usually comes next. Not called if a running server has already read the changed list of
    /// peers, because the next command is then `p2p peer`.
    private func noteNext(_ store: KeyStore, _ peers: [(name: PeerName, key: PublicKey)]) {
        if !authorize, !peers.isEmpty {
            for (name, key) in peers { Console.note("next, on the server's host: p2p authorize \(name) \(key)") }
        } else if FileSystem.exists(store.rosterPath), FileSystem.exists(store.secretPath(.server)) {
            Console.note("next: \(store.command("server"))")
        } else if authorize {
            Console.note("next: \(store.command("keygen"))")
        } else {
            Console.note("next, for each peer: \(store.command("authorize", "NAME", "KEY"))")
        }
    }
}

extension PeerName {
    /// The name of the server's own key files.
    static let server: PeerName = {
        guard let name = try? PeerName("server") else { preconditionFailure("'server' is a name") }
        return name
    }()
}
