internal import ArgumentParser
internal import Logging
internal import SecureMesh
internal import ServiceLifecycle
internal import UnixSignals

/// `p2p server`: keeps the directory of a mesh until it is told to stop.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Run the server of a mesh.",
        discussion: """
            Prints who joins and leaves on stdout, logs on stderr. SIGHUP reads authorized_peers again, all or \
            nothing: a key that is gone is out of the mesh at once. SIGINT and SIGTERM say goodbye to all and end it.
            """)

    @Option(
        help: ArgumentHelp(
            "Where to listen, IPv4 or [IPv6]; may be given several times. Default: 127.0.0.1:3000.",
            valueName: "address:port"),
        transform: Parse.socketAddress)
    var listen: [SocketAddress] = []

    @Option(
        help: ArgumentHelp("The server's secret key. Default: server.key in the folder of keys.", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("Who may join. Default: authorized_peers in the folder of keys.", valueName: "file"))
    var authorizedPeers: String?

    @Flag(help: "Let anyone join, under any name that no other key holds.")
    var open = false

    @Option(
        help: ArgumentHelp(
            "How often peers and server prove that they live, 20ms to 20s. Default: 500ms.", valueName: "interval"),
        transform: Parse.interval)
    var heartbeat = Duration.milliseconds(500)

    @Option(
        help: ArgumentHelp(
            "How long a peer counts as alive after its last proof, at least two heartbeats. Default: 1500ms.",
            valueName: "interval"),
        transform: Parse.interval)
    var lifetime = Duration.milliseconds(1_500)

    @Option(help: ArgumentHelp("How many members there may be, at most 65536.", valueName: "count"))
    var maxPeers = 10_000

    @OptionGroup var keyOptions: KeyOptions

    func validate() throws {
        guard !open || authorizedPeers == nil else {
            throw ValidationError("--open and --authorized-peers exclude each other")
        }
    }

    func run() async throws {
        // First of all: untrapped, a SIGHUP ends a process.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let store = keyOptions.store
        let signingKey = try KeyStore.readSecret(
            key ?? store.secretPath(.server), hint: key == nil ? store.keygenHint(nil) : KeyStore.pathHint)
        let rosterPath = authorizedPeers ?? store.rosterPath
        let roster = open ? .open : try KeyStore.readRoster(rosterPath)
        var configuration = MeshServer.Configuration(key: signingKey, roster: roster, listen: addresses)
        configuration.heartbeatInterval = heartbeat
        configuration.lifetime = lifetime
        configuration.maximumPeers = maxPeers
        let logger = Logger(label: "server")
        let server = try Failure.translating { () throws(MeshError) in try MeshServer(configuration, logger: logger) }
        if open { Console.warning("--open: anyone who reaches this server may join") }

        let services = ServiceGroup(
            services: [server], gracefulShutdownSignals: [.sigint, .sigterm], logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await Self.printEvents(of: server, publicKey: signingKey.publicKey) }
            tasks.addTask { [open] in await Self.reload(server, from: open ? nil : rosterPath, at: hangups) }
            defer { tasks.cancelAll() }
            do {
                try await services.run()
            } catch let error as MeshError {
                throw Failure(error)
            }
        }
    }

    private var addresses: [SocketAddress] {
        listen.isEmpty ? [SocketAddress(ip: .v4(0x7F00_0001), port: 3_000)] : listen
    }

    private static func printEvents(of server: MeshServer, publicKey: PublicKey) async {
        guard let bound = try? await server.boundAddresses() else { return }
        for address in bound { Console.result("listening on \(address)") }
        Console.result("public key \(publicKey)")
        for await event in server.events {
            switch event {
            case .joined(let member): Console.result("+ \(member.name) \(member.address)")
            case .left(let member, let departure): Console.result("- \(member.name) (\(departure.words))")
            case .turnedAway(let name, let key, let refusal):
                Console.note("turned away \(name) \(key): \(refusal.words)")
            }
        }
    }

    private static func reload(_ server: MeshServer, from path: String?, at hangups: UnixSignalsSequence) async {
        for await _ in hangups {
            guard let path else {
                Console.warning("SIGHUP: this server is open, there is no list to read")
                continue
            }
            do {
                let roster = try KeyStore.readRoster(path)
                try await server.setRoster(roster)
                Console.note("read \(path) again: \(roster.count) \(roster.count == 1 ? "key" : "keys")")
            } catch let failure as Failure {
                Console.report(failure)
                Console.note("the list as it was stays in force")
            } catch {
                return
            }
        }
    }
}
