internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// `p2p key`: shows, replaces and verifies keys in files.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Show, replace or verify keys.",
        discussion: """
              p2p key show sensor-7
              p2p key new sensor-7 --replace --overlap 1h
              p2p key verify sensor-7

            No subcommand prints a secret key.
            """,
        subcommands: [KeyShow.self, KeyNew.self, KeyVerify.self]
    )
}

/// `p2p key show`: prints the public line of a key.
struct KeyShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print the public line of a key, with its fingerprint.",
        usage: "p2p key show <name|file> [<options>]",
        discussion: """
              p2p key show sensor-7

            The line can be piped to 'p2p authorize NAME -'.
            """)

    @Argument(help: ArgumentHelp("Name of a key in the folder, or a file of a key.", valueName: "name|file"))
    var key: String

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    func run() throws {
        let (name, key) = try read()
        Console.result("\(name.map { "\($0) " } ?? "")\(key) # fingerprint \(key.fingerprint)")
    }

    private func read() throws -> (name: PeerName?, key: PublicKey) {
        let store = keyOptions.store
        guard let name = try? PeerName(key), !FileSystem.exists(key) else { return try read(file: key) }
        // The public key is computed from the secret one if NAME.pub is gone.
        guard FileSystem.exists(store.publicPath(name)) else {
            let hint = store.keygenHint(name)
            let secret = try KeyStore.readSecret(
                store.secretPath(name), hint: hint, groupMayRead: secretKeyOptions.groupReadableKey)
            return (name, secret.publicKey)
        }
        return (name, try store.readPublicKey(of: name))
    }

    private func read(file: String) throws -> (name: PeerName?, key: PublicKey) {
        do throws(KeyFileError) {
            return try KeyFile.publicKey(of: file)
        } catch {
            guard case .invalidKey(.secretKey, _) = error.reason else {
                throw KeyStore.failure(error, hint: KeyStore.pathHint)
            }
        }
        let secret = try KeyStore.readSecret(
            file, hint: KeyStore.pathHint, groupMayRead: secretKeyOptions.groupReadableKey)
        return (nil, secret.publicKey)
    }
}

/// `p2p key new`: makes a key, or replaces one.
struct KeyNew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a key, or replace one and revoke the old one.",
        usage: "p2p key new <name> [<options>]",
        discussion: """
              p2p key new sensor-7 --replace --overlap 1h

            If authorized_peers in the same folder lists the old key, it lists the new one instead. The old key is \
            revoked, or may join until the overlap is over. A running peer goes on with the old key until it is \
            started again.
            """)

    @Argument(help: "Name of the key.", transform: Parse.fileName)
    var name: PeerName

    @Flag(help: "Replace the key of this name.")
    var replace = false

    @Option(
        help: ArgumentHelp(
            "With --replace, time for which the old key may still join.", valueName: "interval", default: "none"),
        transform: Parse.interval)
    var overlap: Duration?

    @OptionGroup var keyOptions: KeyOptions

    func validate() throws {
        guard overlap == nil || replace else { throw ValidationError("--overlap goes with --replace") }
    }

    func run() async throws {
        let store = keyOptions.store
        if !replace { try store.checkAbsent(name, authorizes: false) }
        let key = replace ? try store.replace(name) : try store.create(name)
        Console.note("wrote \(store.secretPath(name)) (secret) and \(store.publicPath(name))")
        Console.result(KeyStore.publicLine(name, key))
        guard name != .server else {
            if replace { Console.note("peers pin the server's key: copy \(store.publicPath(name)) to each of them") }
            return
        }
        let lists = try FileSystem.exists(store.rosterPath) && KeyStore.readRoster(store.rosterPath).lists(name)
        guard replace, lists else {
            let options = replace ? " --replace\(overlap.map { " --overlap \($0.argument)" } ?? "")" : ""
            Console.note("next, on the server's host: p2p authorize \(name) \(key)\(options)")
            return
        }
        let end = overlap.map { UnixTime(seconds: UnixTime.now.seconds + $0.components.seconds) }
        _ = try store.authorize([(name, key)], in: store.rosterPath, replacing: end.map { .end($0) } ?? .revoke)
        await RunningServer.reload(after: store.rosterPath)
    }
}

/// `p2p key verify`: checks that files of keys and the list of peers match.
struct KeyVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that files of keys and the list of peers match.",
        usage: "p2p key verify <name> ... [<options>]",
        discussion: """
              p2p key verify server sensor-7

            Prints ok and the name for each key, or ! and what is wrong. The exit code is 1 if something is wrong.
            """)

    @Argument(help: "Names of keys in the folder. Repeatable.", transform: Parse.name)
    var names: [PeerName]

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    func run() throws {
        let store = keyOptions.store
        var isFine = true
        for name in names {
            do {
                try verify(name, store)
                Console.result("ok \(name)")
            } catch let failure as Failure {
                isFine = false
                Console.result("! \(name): \(failure.message)\(failure.hint.map { "; \($0)" } ?? "")")
            }
        }
        if !isFine { throw ExitCode(1) }
    }

    private func verify(_ name: PeerName, _ store: KeyStore) throws {
        let secret = try KeyStore.readSecret(
            store.secretPath(name), hint: store.keygenHint(name), groupMayRead: secretKeyOptions.groupReadableKey)
        guard try store.readPublicKey(of: name) == secret.publicKey else {
            throw Failure(
                .data, "\(store.publicPath(name)) is not the public key of \(store.secretPath(name))",
                hint: "to write it again: p2p key show \(Shell.quoted(store.secretPath(name))) > "
                    + Shell.quoted(store.publicPath(name)))
        }
        guard FileSystem.exists(store.rosterPath) else { return }
        let roster = try KeyStore.readRoster(store.rosterPath)
        let isListed = roster.allows(secret.publicKey, as: name, at: .now)
        guard isListed != (name == .server) else {
            throw Failure(
                .data,
                name == .server
                    ? "\(store.rosterPath) lists the server's own key"
                    : "\(store.rosterPath) does not let this key join as \(name)",
                hint: name == .server
                    ? "remove the line" : store.command("authorize", "\(name)", "\(secret.publicKey)", "--replace"))
        }
    }
}
