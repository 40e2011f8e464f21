internal import ArgumentParser
internal import SecureMesh

/// `p2p keygen`: creates keys.
struct Keygen: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Create keys: NAME.key (secret, mode 0600) and NAME.pub.",
        usage: "p2p keygen [<name> ...] [<options>]",
        discussion: """
              p2p keygen server A B --authorize

            Prints each public line, NAME p2ppub1_…, on stdout. A server lists such lines in authorized_peers, and a \
            peer pins the server's. Never overwrites a key.
            """)

    @Argument(
        help: ArgumentHelp(
            "Names of 1 to 32 characters of A-Z a-z 0-9 . _ - each.", valueName: "name", default: "server"),
        transform: Parse.name)
    var names: [PeerName] = []

    @Flag(help: "Add the peers to authorized_peers in the same folder.")
    var authorize = false

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard Set(names).count == names.count else { throw ValidationError("a name is given twice") }
    }

    func run() throws {
        let store = keyOptions.store
        let all = names.isEmpty ? [PeerName.server] : names
        for name in all { try store.checkAbsent(name, authorizes: authorize) }
        for name in all {
            let key = try store.create(name)
            Console.note("wrote \(store.secretPath(name)) (secret) and \(store.publicPath(name))")
            Console.result(KeyStore.publicLine(name, key))
            guard authorize else { continue }
            guard name != .server else {
                Console.note("the server is no peer of its own mesh: its key is not in \(store.rosterPath)")
                continue
            }
            try store.authorize(name, key)
            Console.note("added \(name) to \(store.rosterPath); a running server reads it again on SIGHUP")
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
