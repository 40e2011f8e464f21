internal import ArgumentParser
internal import Logging
internal import MeshControl
internal import SecureMesh
internal import ServiceLifecycle

/// `p2p peer`: joins a mesh, prints the events of the mesh, and broadcasts a message at regular intervals.
struct PeerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer",
        abstract: "Join a mesh as a peer.",
        discussion: """
              p2p peer A 3001
              p2p peer sensor-7 3001 --server 192.0.2.1:3000

            Prints on stdout who joins (+), leaves (-) or returns with a new session (~), and messages as NAME: TEXT \
            with control characters escaped. SIGINT, SIGTERM and SIGHUP make the peer leave the mesh and exit.

            Reads commands from standard input, such as 'send B hello'; 'help' lists them. The answer to each is one \
            line, which begins with ok or error. At the end of a pipe or a file the peer continues; Ctrl-D on a \
            terminal makes it leave the mesh and exit.
            """)

    @Argument(help: "Name to join under.", transform: Parse.name)
    var name: PeerName

    @Argument(help: "UDP port to bind.", transform: Parse.port)
    var port: UInt16

    @Option(
        help: ArgumentHelp("Address of the server.", valueName: "host:port", default: Parse.defaultServer.description),
        transform: Parse.server)
    var server = Parse.defaultServer

    @Option(
        help: ArgumentHelp(
            "Public key of the server, or its file. Repeatable while the server changes its key.",
            valueName: "key|file", default: "server.pub in the folder of keys"),
        completion: .file())
    var serverKey: [String] = []

    @Option(
        help: ArgumentHelp("File of the secret key.", valueName: "file", default: "NAME.key in the folder of keys"),
        completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp("Address to bind.", valueName: "address", default: "all IPv6 and IPv4 addresses"),
        transform: Parse.host)
    var bind: SocketAddress?

    @Option(
        help: ArgumentHelp(
            "Time to become a member, after which the peer gives up.", valueName: "interval", default: "no limit"),
        transform: Parse.interval)
    var timeout: Duration?

    @Option(
        help: ArgumentHelp(
            "Time between broadcasts, or off.", valueName: "interval|off", default: defaultInterval.argument),
        transform: Parse.optionalInterval)
    var broadcastInterval = OptionalInterval.every(defaultInterval)

    @Option(help: ArgumentHelp("Text to broadcast.", valueName: "text", default: "NAME_broadcast_COUNTER"))
    var message: String?

    @Flag(help: "End with exit code 77 if the server does not let the key join, instead of asking again.")
    var once = false

    @Option(
        help: ArgumentHelp(
            "Path of the control socket, or off.", valueName: "path|off",
            default: "peer-NAME-PORT.sock in the folder of sockets"),
        transform: ControlChoice.parse)
    var control: ControlChoice?

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var metricsOptions: MetricsOptions

    @OptionGroup var settings: SettingsOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private static let defaultInterval = Duration.seconds(4)

    func validate() throws {
        try Parse.checkPath(key, "--key")
        guard let message else { return }
        let limit = PeerMessage.ordinaryBody
        guard (1...limit).contains(message.utf8.count) else {
            throw ValidationError("--message is 1 to \(limit) bytes, and this is \(message.utf8.count)")
        }
    }

    /// The faults of the settings: values out of range, and settings that contradict each other.
    var faults: [SettingsFault] {
        var faults = outputOptions.faults
        let fault = MeshPeer.Configuration.fault(bind: localAddress, server: server)
        if let fault { faults.append(SettingsFault(fault)) }
        // A peer on the server's own address would send its requests to itself, and report that no server answers.
        for address in server.addresses where address.isLoopback && address.port == port {
            if bind.map({ $0.ip == address.ip }) ?? true {
                faults.append(
                    SettingsFault("the peer's own port is that of the server at \(address)", ["port", "server"]))
            }
        }
        return faults
    }

    /// Checks that the peer's own key is not one of the server keys that the peer pins.
    ///
    /// - Throws: `Failure` if the key is among the pinned keys.
    func check(_ key: SigningKey, isNoneOf pinned: [PublicKey]) throws {
        guard pinned.contains(key.publicKey) else { return }
        throw SettingSources.failure(
            of: SettingsFault("the peer's key is the server's own", ["name", "key", "server-key"]))
    }

    func run() async throws {
        Console.startQueue()
        let signals = try SignalTrap.trap(endsWithTerminal: true)
        let signingKey = try readKey()
        let pinned = try readServerKeys()
        try check(signingKey, isNoneOf: pinned)
        var configuration = MeshPeer.Configuration(
            key: signingKey, name: name, server: server, serverKeys: pinned)
        configuration.bind = localAddress
        configuration.returnsAfterExclusion = !once
        let logger = Logger(label: "peer")
        let peer = try Failure.translating { () throws(MeshError) in try MeshPeer(configuration, logger: logger) }
        // If the file has another key from the start, a later start does not change this peer's key.
        let publicPath = keyOptions.store.publicPath(name)
        let publicKeyFile =
            key == nil && (try? PublicKey(contentsOfFile: publicPath)) == signingKey.publicKey ? publicPath : nil
        let printer = PeerSessionPrinter(
            name: name, key: signingKey.publicKey, publicKeyFile: publicKeyFile, server: server, pinned: pinned)

        let registry = metricsOptions.makeRegistry()
        let inspector = PeerInspector(
            peer, name: name, key: signingKey.publicKey, server: server, serverKeys: pinned,
            publicKeyFile: publicKeyFile, identity: Program.identity)
        let runner = PeerRunner(peer, configuration, logger: logger, printer: printer, inspector: inspector)
        try await metricsOptions.serve(registry, of: inspector)
        let notifier = ServiceNotifier(of: runner, asking: server)
        let services = ServiceGroup(services: [runner, notifier], logger: .quiet)
        let stopping = signals.stopping(services)
        let summaries = signals.printingSummaries(of: runner, logger)
        let broadcaster = Broadcaster(message, over: runner, every: Self.defaultInterval)
        if case .every(let interval) = broadcastInterval { await broadcaster.start(every: interval) }
        let input = PeerInput(runner: runner, broadcaster: broadcaster, inspector: inspector) {
            await services.triggerGracefulShutdown()
        }
        // Nothing waits for the end of this task, because it may be blocked in a read.
        let reading = Task { await input.run() }
        let timing = Task { [timeout] in
            guard let timeout, (try? await Task.sleep(for: timeout)) != nil, await runner.peer != nil else { return }
            if await printer.giveUp(after: timeout) { await services.triggerGracefulShutdown() }
        }
        defer {
            for task in [reading, timing, summaries] { task.cancel() }
            stopping.cancel()
        }
        do {
            try await ControlTask(control).run(services, answeringFor: inspector) { [name, port] in
                (try? await peer.boundAddress).map { _ in ControlFolder.name(ofPeer: name, at: port) }
            }
        } catch MeshError.notAuthorized {
            // The printer's failure has the reason, but the printer may not have read the event `ended` yet.
            throw await printer.failure ?? printer.notAuthorized
        } catch let error as MeshError {
            throw Failure(error)
        }
        if let failure = await printer.failure { throw failure }
        await broadcaster.stop()
        stopping.cancel()
        if let signal = await stopping.value, signal == .hangup { throw ExitCode(signal.exitCode) }
    }

    var keyPath: String { key ?? keyOptions.store.secretPath(name) }
    /// The address that the peer binds.
    var localAddress: SocketAddress {
        bind.map { SocketAddress(ip: $0.ip, port: port) } ?? .wildcard(port: port)
    }

    func readKey() throws -> SigningKey {
        try KeyStore.readSecret(
            keyPath, hint: key == nil ? keyOptions.store.keygenHint(name) : KeyStore.pathHint,
            access: secretKeyOptions.access)
    }

    func readServerKeys() throws -> [PublicKey] {
        try (serverKey.isEmpty ? [keyOptions.store.publicPath(.server)] : serverKey).map(KeyStore.readPublic)
    }
}
