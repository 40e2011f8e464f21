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
              p2p key passphrase sensor-7
              p2p key verify sensor-7

            No subcommand prints a secret key.
            """,
        subcommands: [KeyShow.self, KeyNew.self, KeyPassphrase.self, KeyVerify.self]
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

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func run() throws {
        let (name, key) = try read()
        guard !json else {
            return Console.result(
                LogLine.object([("name", name?.description), ("key", "\(key)"), ("fingerprint", "\(key.fingerprint)")]))
        }
        Console.result("\(name.map { "\($0) " } ?? "")\(key) # fingerprint \(key.fingerprint)")
    }

    private func read() throws -> (name: PeerName?, key: PublicKey) {
        let store = keyOptions.store
        guard let name = try? Parse.fileName(key), !FileSystem.exists(key) else { return try read(file: key) }
        // The public key is computed from the secret one if NAME.pub is gone.
        guard FileSystem.exists(store.publicPath(name)) else {
            let hint = store.keygenHint(name)
            let secret = try KeyStore.readSecret(
                store.secretPath(name), hint: hint, access: secretKeyOptions.access)
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
            file, hint: KeyStore.pathHint, access: secretKeyOptions.access)
        return (nil, secret.publicKey)
    }
}

/// `p2p key new`: makes a key, or replaces an existing key of the same name.
struct KeyNew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a key, or replace one and revoke the old one.",
        usage: "p2p key new <name> [<options>]",
        discussion: """
              p2p key new sensor-7 --replace --overlap 1h

            If authorized_peers in the same folder lists the old key, it lists the new one instead. The old key is \
            revoked, or may join until the overlap is over. A running peer has the old key until it is started \
            again, so without an overlap the server dismisses it.
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

    @OptionGroup var newKeyOptions: NewKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard overlap == nil || replace else { throw ValidationError("--overlap goes with --replace") }
        guard overlap == nil || name != .server else {
            throw ValidationError("a server has one key at a time, so its key has no overlap")
        }
    }

    func run() async throws {
        let store = keyOptions.store
        if !replace { try store.checkAbsent(name, authorizes: false) }
        // The list of peers is read first, so that an error in the list is reported before the old key is replaced.
        let lists =
            try name != .server && FileSystem.exists(store.rosterPath)
            && KeyStore.readRoster(store.rosterPath).lists(name)
        // If the old key had a passphrase, the new one must have one too.
        let passphrase = try newKeyOptions.passphrase(
            for: store.secretPath(name), isRequired: replace && KeyFile.hasPassphrase(store.secretPath(name)))
        let key = replace ? try store.replace(name, passphrase) : try store.create(name, passphrase)
        Console.note("wrote \(store.secretPath(name)) (secret) and \(store.publicPath(name))")
        Console.result(KeyStore.publicLine(name, key))
        guard name != .server else {
            if replace {
                Console.note(
                    "the server uses this key when it is started again; from then on, only peers that pin it find the "
                        + "server: copy \(store.publicPath(name)) to each of them, and start them again")
            }
            return
        }
        let options = replace ? " --replace\(overlap.map { " --overlap \($0.argument)" } ?? "")" : ""
        let next = "p2p authorize \(name) \(key)\(options)"
        guard replace, lists else {
            Console.note("next, on the server's host: \(next)")
            return
        }
        let end = overlap.map { UnixTime(seconds: UnixTime.now.seconds + $0.components.seconds) }
        do {
            _ = try store.authorize([(name, key)], in: store.rosterPath, replacing: end.map { .end($0) } ?? .revoke)
        } catch {
            Console.note("the key is replaced, and \(store.rosterPath) does not list the new one; next: \(next)")
            throw error
        }
        let answers = await RunningServer.reload(
            after: store.rosterPath, command: "p2p authorize \(name) \(key)\(options)")
        guard !answers.haveNoEffect else { throw RunningServer.refusal }
    }
}

/// `p2p key passphrase`: adds, changes or removes the passphrase of a secret key.
struct KeyPassphrase: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passphrase",
        abstract: "Add, change or remove the passphrase of a secret key.",
        usage: "p2p key passphrase <name|file> [<options>]",
        discussion: """
              p2p key passphrase sensor-7
              p2p key passphrase sensor-7 --remove

            The terminal asks for the present passphrase, if there is one, and twice for the new one. The key stays \
            the same. A passphrase does not protect copies that were made of the file before.
            """)

    @Argument(help: ArgumentHelp("Name of a key in the folder, or its file.", valueName: "name|file"))
    var key: String

    @Flag(help: "Remove the passphrase.")
    var remove = false

    @Option(
        help: ArgumentHelp("File with the new passphrase, instead of the terminal.", valueName: "file"),
        completion: .file())
    var newPassphraseFile: String?

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard !remove || newPassphraseFile == nil else {
            throw ValidationError("--remove and --new-passphrase-file exclude each other")
        }
    }

    func run() throws {
        let store = keyOptions.store
        let name = FileSystem.exists(key) ? nil : try? Parse.fileName(key)
        let path = name.map(store.secretPath) ?? key
        let hadPassphrase = KeyFile.hasPassphrase(path)
        let access = secretKeyOptions.access
        let hint = name.map(store.keygenHint) ?? KeyStore.pathHint
        let secret = try KeyStore.readSecret(path, hint: hint, access: access)
        guard !remove || hadPassphrase else { return Console.note("\(path) has no passphrase") }
        let new =
            remove ? nil : try KeyAccess.newPassphrase(file: newPassphraseFile, "--new-passphrase-file", for: path)
        try KeyStore.seal(secret, in: path, new, access: access)
        let change = remove ? "no passphrase any more" : hadPassphrase ? "another passphrase" : "a passphrase"
        Console.note("\(path) has \(change)")
    }
}

/// `p2p key verify`: checks that each key pair is complete and matches, and that the list of peers contains each peer's
/// key.
struct KeyVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that files of keys and the list of peers match.",
        usage: "p2p key verify <name> ... [<options>]",
        discussion: """
              p2p key verify server sensor-7

            Prints ok and the name for each key, or ! and what is wrong. The exit code is 1 if something is wrong.
            """)

    @Argument(
        help: ArgumentHelp("Names of keys in the folder. Repeatable.", valueName: "name"), transform: Parse.fileName)
    var names: [PeerName]

    @Flag(help: "Print one JSON object per key; problem and hint are null if nothing is wrong.")
    var json = false

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func run() throws {
        let store = keyOptions.store
        var isFine = true
        for name in names {
            let failure = try failure(of: name, store)
            isFine = isFine && failure == nil
            if json {
                Console.result(
                    LogLine.object([("name", "\(name)"), ("problem", failure?.message), ("hint", failure?.hint)]))
            } else if let failure {
                let hint = failure.hint.map { "; \($0)" } ?? ""
                Console.result("! \(name): \(Console.escaped(failure.message + hint))")
            } else {
                Console.result("ok \(name)")
            }
        }
        if !isFine { throw ExitCode(1) }
    }

    private func failure(of name: PeerName, _ store: KeyStore) throws -> Failure? {
        do {
            try verify(name, store)
            return nil
        } catch let failure as Failure {
            return failure
        }
    }

    private func verify(_ name: PeerName, _ store: KeyStore) throws {
        let secret = try KeyStore.readSecret(
            store.secretPath(name), hint: store.keygenHint(name), access: secretKeyOptions.access)
        guard FileSystem.exists(store.publicPath(name)) else {
            throw Failure(.noPermission, "no key at \(store.publicPath(name))", hint: store.publicKeyHint(name))
        }
        guard try store.readPublicKey(of: name) == secret.publicKey else {
            throw Failure(
                .data, "\(store.publicPath(name)) is not the public key of \(store.secretPath(name))",
                hint: store.publicKeyHint(name))
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
