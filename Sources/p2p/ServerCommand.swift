internal import ArgumentParser
internal import Dispatch
internal import Logging
internal import MeshControl
internal import SecureMesh
internal import ServiceLifecycle

/// `p2p server`: runs the server of a mesh until a signal stops it.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Run the server of a mesh.",
        discussion: """
              p2p server
              p2p server --listen 0.0.0.0:3000 --listen '[::]:3000'

            Prints on stdout who joins and leaves; logs on stderr. SIGHUP makes the server read authorized_peers \
            again, all or nothing: the member of a removed key leaves the mesh at once. SIGINT and SIGTERM make the \
            server dismiss all members and exit. With --state it exits without dismissing them.
            """)

    @Option(
        help: ArgumentHelp(
            "Address to listen on, IPv4 or [IPv6]. Repeatable.", valueName: "address:port",
            default: defaultAddress.description),
        transform: Parse.socketAddress)
    var listen: [SocketAddress] = []

    @Option(
        help: ArgumentHelp(
            "File of the server's secret key.", valueName: "file", default: "server.key in the folder of keys"),
        completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp(
            "File with the keys that may join.", valueName: "file", default: "authorized_peers in the folder of keys"),
        completion: .file())
    var authorizedPeers: String?

    @Flag(help: "Let anyone join, under any name that no other key has.")
    var open = false

    @Option(
        help: ArgumentHelp(
            "Time between the heartbeats of a peer, 20ms to 20s.", valueName: "interval",
            default: defaultHeartbeat.argument),
        transform: Parse.interval)
    var heartbeat = defaultHeartbeat

    @Option(
        help: ArgumentHelp(
            "Time after the last heartbeat until a peer expires, at least two heartbeats.", valueName: "interval",
            default: defaultLifetime.argument),
        transform: Parse.interval)
    var lifetime = defaultLifetime

    @Option(help: ArgumentHelp("Maximum number of members, 1 to 65536.", valueName: "count"))
    var maxPeers = 10_000

    @Option(
        help: ArgumentHelp(
            "Number of event loops that share the members, 1 to 64. Each needs a core.", valueName: "count"))
    var eventLoops = 1

    @Option(
        help: ArgumentHelp(
            "File that keeps the list of members, so that nobody has to join again after a restart.",
            valueName: "file"),
        completion: .file())
    var state: String?

    @Option(
        help: ArgumentHelp(
            "Path of the control socket, or off.", valueName: "path|off",
            default: "server-PORT.sock in the folder of sockets"),
        transform: ControlChoice.parse)
    var control: ControlChoice?

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var metricsOptions: MetricsOptions

    @OptionGroup var settings: SettingsOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private static let defaultAddress = SocketAddress(ip: .v4(0x7F00_0001), port: 3_000)
    private static let defaultHeartbeat = Duration.milliseconds(500)
    private static let defaultLifetime = Duration.milliseconds(1_500)

    func validate() throws {
        try Parse.checkPath(key, "--key")
        try Parse.checkPath(authorizedPeers, "--authorized-peers")
        try Parse.checkPath(state, "--state")
    }

    /// The faults of the settings: values out of range, and settings that contradict each other.
    var faults: [SettingsFault] {
        var faults = outputOptions.faults
        if open, authorizedPeers != nil {
            faults.append(
                SettingsFault("--open and --authorized-peers exclude each other", ["open", "authorized-peers"]))
        }
        for (index, address) in listen.enumerated() where address.port != 0 && listen[..<index].contains(address) {
            faults.append(SettingsFault("--listen \(address) is given twice", ["listen"]))
        }
        // The kernel would refuse the second address too, but would only report that its port is in use.
        for all in listen where all.isUnspecified && all.port != 0 {
            for one in listen where !one.isUnspecified && one.port == all.port && one.isIPv6 == all.isIPv6 {
                faults.append(SettingsFault("--listen \(all) has the address \(one) already", ["listen"]))
            }
        }
        let others = MeshServer.Configuration.faults(
            listen: addresses, heartbeatInterval: heartbeat, lifetime: lifetime, maximumPeers: maxPeers,
            eventLoops: eventLoops)
        return faults + others.map(SettingsFault.init)
    }

    func run() async throws {
        Console.startQueue()
        // Signals are trapped before anything else, because until then a SIGHUP ends the process.
        let signals = try SignalTrap.trap(endsWithTerminal: false)
        let signingKey = try readKey()
        let source = open ? nil : RosterSource(path: rosterPath, serverKey: signingKey.publicKey)
        let roster = try source?.read() ?? .open
        let server = try makeServer(key: signingKey, roster: roster)
        if open { Console.warning("--open: anyone who reaches this server may join") }
        if let source, roster.count == 0 {
            let advice = emptyListAdvice(source.path)
            Console.warning(advice.text, hint: advice.action)
        }

        let registry = metricsOptions.makeRegistry()
        let notifier = ServiceNotifier(of: server)
        let services = ServiceGroup(services: [server, notifier], logger: .quiet)
        let stopping = signals.stopping(services)
        let summaries = signals.printingSummaries(of: server, Logger(label: "server"))
        // The printing task ends with the server's events. If nobody reads stdout, the task does not end, and the
        // command ends without it.
        let (events, followed) = (server.events, server.events)
        let printing = Task { await Self.print(events, of: server, publicKey: signingKey.publicKey) }
        let reload = try SettingsReload()
        let expiry = ExpiryWatch(roster)
        let warning = Task { await expiry.run() }
        defer { warning.cancel() }
        let inspector = ServerInspector(
            server, key: signingKey.publicKey, roster: roster,
            list: source.map { source in
                ServerInspector.List(path: source.path) { (old) throws(ControlError) in
                    // A dispatch queue reads the list, because a disk that does not answer blocks the reading thread.
                    let result = await withCheckedContinuation { continuation in
                        DispatchQueue(label: "list").async {
                            continuation.resume(
                                returning: Result { () throws(ControlError) in
                                    try Self.readAgain(reload, source, replacing: old, expiry)
                                })
                        }
                    }
                    return try result.get()
                } note: {
                    Self.note($0)
                }
            },
            identity: Program.identity)
        let following = Task { await inspector.follow(followed) }
        try await metricsOptions.serve(registry, of: inspector)
        let reloading = Task {
            for await _ in signals.hangups {
                notifier.reloadBegins()
                do throws(ControlError) {
                    _ = try await inspector.reload()
                } catch {
                    if error.code == .wrongRole { Console.warning("SIGHUP: \(error.message)") }
                }
                notifier.reloadEnds()
            }
        }
        defer {
            for task in [reloading, summaries] { task.cancel() }
            stopping.cancel()
        }
        do {
            try await ControlTask(control).run(services, answeringFor: inspector) {
                (try? await server.boundAddresses.first?.port).map(ControlFolder.name(ofServerAt:))
            }
        } catch let error as MeshError {
            throw Failure(error)
        }
        await following.value
        await wait(for: printing, atMost: Console.patience)
    }

    var keyPath: String { key ?? keyOptions.store.secretPath(.server) }
    var rosterPath: String { authorizedPeers ?? keyOptions.store.rosterPath }

    /// Returns advice for a roster that lists no key: a text that says so, and the action that adds a key.
    func emptyListAdvice(_ path: String) -> (text: String, action: String) {
        ("\(path) lists no key that may join", "'\(keyOptions.store.command("authorize", "NAME", "KEY"))' adds one")
    }
    var addresses: [SocketAddress] { listen.isEmpty ? [Self.defaultAddress] : listen }

    func readKey() throws -> SigningKey {
        try KeyStore.readSecret(
            keyPath, hint: key == nil ? keyOptions.store.keygenHint(nil) : KeyStore.pathHint,
            access: secretKeyOptions.access)
    }

    func makeServer(key: SigningKey, roster: Roster) throws -> MeshServer {
        var configuration = MeshServer.Configuration(key: key, roster: roster, listen: addresses)
        configuration.heartbeatInterval = heartbeat
        configuration.lifetime = lifetime
        configuration.maximumPeers = maxPeers
        configuration.eventLoops = eventLoops
        configuration.directoryFile = state
        let logger = Logger(label: "server")
        return try Failure.translating { () throws(MeshError) in try MeshServer(configuration, logger: logger) }
    }

    private static func print(
        _ events: MeshEvents<ServerEvent>, of server: MeshServer, publicKey: PublicKey
    ) async {
        guard let bound = try? await server.boundAddresses else { return }
        for address in bound { await Console.resultWithRoom("listening on \(address)") }
        await Console.resultWithRoom("public key \(publicKey)")
        for await event in events {
            switch event {
            case .joined(let member): await Console.resultWithRoom("+ \(member.name) \(member.address)")
            case .left(let member, let departure):
                await Console.resultWithRoom("- \(member.name) (\(departure.summary))")
                if let cause = departure.cause {
                    Console.note(
                        "the session of \(member.name) at \(member.address) ended: \(cause)", event: .sessionEnded,
                        fields: [
                            "name": "\(member.name)", "address": "\(member.address)", "reason": "\(departure.summary)",
                        ])
                }
            case .directoryStalled(let member, let duration):
                Console.warning(
                    "\(member.name) at \(member.address) is alive, but the list of members has not arrived there for "
                        + "\(duration.components.seconds) s", hint: SendRefusal.sizeHint, event: .directoryStalled,
                    fields: ["name": "\(member.name)", "address": "\(member.address)"])
            case .unreachable(let member, let refusal):
                Console.warning(
                    "cannot send to \(member.name) at \(member.address): \(refusal.summary(member.address))",
                    hint: refusal.hint(member.address), event: .unreachable,
                    fields: [
                        "name": "\(member.name)", "address": "\(member.address)", "reason": "\(refusal.rawValue)",
                    ])
            case .turnedAway(let name, let key, let refusal):
                Console.note(
                    "turned away \(name) \(key): \(refusal.summary)", event: .peerTurnedAway,
                    fields: ["name": "\(name)", "key": "\(key)", "reason": "\(refusal.summary)"])
            case .suspected(let count):
                Console.warning(
                    "\(count.membersAre) late, probably for a common cause; they get more time", event: .membersSilent,
                    fields: ["count": .number(count)])
            case .suspicionEnded(let returned, let ended):
                Console.note(
                    "members that got more time: \(returned) back, \(ended) dismissed",
                    event: .silenceEnded, fields: ["returned": .number(returned), "dismissed": .number(ended)])
            case .missed(let count):
                Console.warning(
                    "\(count) events are missing here: stdout is too slow", event: .eventsMissing,
                    fields: ["count": .number(count)])
            }
        }
    }

    /// Prints the changes in the list of peers after it was read again, or the reason why the new list was refused.
    private static func note(_ result: Result<ReloadReport, ControlError>) {
        switch result {
        case .success(let report):
            let keys = "\(report.keys) \(report.keys == 1 ? "key" : "keys")"
            Console.note(
                Console.escaped("read \(report.list) again: \(keys)"), event: .listReloaded,
                fields: ["path": "\(report.list)", "keys": .number(report.keys)])
            for (words, names) in [("may join", report.added), ("may not join any more", report.removed)]
            where !names.isEmpty {
                Console.note("\(words): \(names.joined(separator: " "))")
            }
        case .failure(let error):
            guard error.code == .listRefused else { return }
            Console.report(Failure(.data, error.message, hint: error.hint))
            Console.note("the previous list stays in force", event: .listKept)
        }
    }

    /// Reads the settings and the list of peers again, and prints the settings that have changed. If a setting or the
    /// list is wrong, throws, and the old list stays in force.
    ///
    /// - Parameter old: The list in force.
    private static func readAgain(
        _ reload: SettingsReload, _ source: RosterSource, replacing old: Roster, _ expiry: ExpiryWatch
    ) throws(ControlError) -> Roster {
        do {
            let changes = try reload.read()
            let roster = try source.read(replacing: old)
            for change in changes { Console.warning(change.description) }
            expiry.replace(roster)
            return roster
        } catch let failure as Failure {
            throw ControlError(.listRefused, failure.message, hint: failure.hint, exitCode: failure.code.rawValue)
        } catch {
            throw ControlError(.listRefused, "\(source.path) cannot be read")
        }
    }
}
