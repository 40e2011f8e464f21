internal import ArgumentParser
internal import Logging
internal import MeshControl
internal import MeshReport
internal import SecureMesh

/// `p2p swarm`: runs many complete peers in one process.
struct SwarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm",
        abstract: "Run many peers in one process, to load a server.",
        discussion: """
              p2p server --open
              p2p swarm --peers 500 --duration 30s
              p2p swarm --peers 50 --talk 200ms --talkers each --json

            Each peer is complete: a key, a socket and a directory of its own. Their keys are made in memory, so the \
            server must have --open, unless --stored-keys is given. Runs until SIGINT or SIGTERM, or for --duration; \
            then all peers leave. Prints the results on stdout and the progress on stderr. Exits with 0 only if all \
            peers have joined.
            """)

    @Option(help: ArgumentHelp("Number of peers, 1 to 10000.", valueName: "count"))
    var peers = 100

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
        help: ArgumentHelp(
            "Prefix of the peers' names. A number from 0 follows it.", valueName: "name",
            default: "n with --stored-keys, random otherwise"))
    var prefix: String?

    @Flag(help: "Use the keys of these names in the folder of keys, in place of new ones in memory.")
    var storedKeys = false

    @Option(
        help: ArgumentHelp(
            "Address to bind; each peer takes a free port.", valueName: "address",
            default: "all IPv6 and IPv4 addresses"),
        transform: Parse.host)
    var bind: SocketAddress?

    @Option(
        help: ArgumentHelp(
            "Mean time between the starts of two peers. The gaps grow from half of it to 1.5 times as much.",
            valueName: "interval", default: defaultGap.argument),
        transform: Parse.time)
    var gap = defaultGap

    @Option(
        help: ArgumentHelp(
            "Number of further peers. Each starts one second after all earlier peers have joined.",
            valueName: "count"))
    var newcomers = 0

    @Option(
        help: ArgumentHelp("Time until the peers leave.", valueName: "interval", default: "no limit"),
        transform: Parse.interval)
    var duration: Duration?

    @Option(
        help: ArgumentHelp("Time between broadcasts, or off.", valueName: "interval|off", default: "off"),
        transform: Parse.optionalInterval)
    var talk = OptionalInterval.off

    @Option(help: ArgumentHelp("Peers that broadcast.", valueName: "one|each"))
    var talkers = TalkersOption.one

    @Option(
        help: ArgumentHelp(
            "Time from the start, before which no peer broadcasts.", valueName: "interval", default: "no pause"),
        transform: Parse.interval)
    var talkAfter: Duration?

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    /// With this mean gap, 1,000 peers on two cores have joined within 20 s.
    private static let defaultGap = Duration.milliseconds(16)
    /// The longest time to wait for messages on their way, and the longest time to wait until the peers have left. With
    /// these times, the command stops within 2 s.
    private static let (settling, leaving) = (Duration.milliseconds(300), Duration.milliseconds(800))
    /// The size of the buffer into which a peer receives a datagram, in bytes. A buffer for the largest message would
    /// take a fifth of a peer's memory.
    private static let receiveBuffer = 4_096

    func validate() throws {
        guard (1...10_000).contains(peers) else { throw ValidationError("--peers is 1 to 10000") }
        guard (0...100).contains(newcomers) else { throw ValidationError("--newcomers is 0 to 100") }
        guard (try? PeerName("\(prefix ?? "")\(peers + newcomers - 1)")) != nil else {
            throw ValidationError("--prefix with a number is a name: 1 to 32 characters of A-Z a-z 0-9 . _ -")
        }
    }

    func run() async throws {
        Console.startQueue()
        EventLoopPlacement.spreadOverCores()
        let signals = try SignalTrap.trap(endsWithTerminal: true)
        let swarm = try makeSwarm()
        let running = Task { await swarm.run(gap: gap) }
        let progress = Task { await Self.showProgress(of: swarm) }
        let summaries = Task { for await _ in signals.summaries { Console.note(swarm.report.progress) } }
        let stopping = Task { await signals.stops.first { _ in true } }
        var ends: [@Sendable () async -> Void] = [{ _ = await stopping.value }, { await running.value }]
        if let duration { ends.append { try? await Task.sleep(for: duration) } }
        await firstToEnd(ends)
        await swarm.stopTalking(within: Self.settling)
        let report = swarm.report
        running.cancel()
        await wait(for: running, atMost: Self.leaving)
        for task in [progress, summaries] { task.cancel() }
        stopping.cancel()
        await progress.value
        if json {
            Console.result(report.json)
        } else {
            for line in report.lines { Console.result(line) }
        }
        if let failure = swarm.failure { throw Failure(failure) }
        guard report.haveAllJoined else {
            if let reason = swarm.lookupFailure {
                throw Failure(.tryAgain, "\(report.joined) of \(report.peers) peers joined: \(server): \(reason)")
            }
            let refusal = swarm.lastRefusal
            throw Failure(
                .unavailable,
                "\(report.joined) of \(report.peers) peers joined" + (refusal.map { ": \($0.summary)" } ?? ""),
                hint: refusal?.hint ?? "'p2p peer' says more about a server that does not answer")
        }
        if let signal = await stopping.value, signal == .hangup { throw ExitCode(signal.exitCode) }
    }

    private func makeSwarm() throws -> Swarm {
        let store = keyOptions.store
        let pinned = try (serverKey.isEmpty ? [store.publicPath(.server)] : serverKey).map(KeyStore.readPublic)
        // Nothing is logged: refusals are counted, and the log lines of so many peers would add no information.
        let logger = Logger.quiet
        // An open server reserves a name for the first key that joins under it, so a new key needs a new name.
        let prefix = prefix ?? (storedKeys ? "n" : "s\(String(UInt16.random(in: .min ... .max), radix: 16))-")
        let made = try (0..<peers + newcomers).map { index in
            let name = try Parse.name("\(prefix)\(index)")
            let key =
                storedKeys
                ? try KeyStore.readSecret(store.secretPath(name), hint: store.keygenHint(name)) : SigningKey()
            var configuration = MeshPeer.Configuration(key: key, name: name, server: server, serverKeys: pinned)
            if let bind { configuration.bind = bind }
            configuration.receiveBuffer = Self.receiveBuffer
            let peer = try Failure.translating { () throws(MeshError) in try MeshPeer(configuration, logger: logger) }
            return (peer: peer, name: name, key: key.publicKey)
        }
        return Swarm(made, newcomers: newcomers, talkers: choice, talkAfter: talkAfter ?? .zero)
    }

    private var choice: Swarm.Talkers {
        switch (talk, talkers) {
        case (.off, _): .none
        case (.every(let interval), .one): .one(every: interval)
        case (.every(let interval), .each): .each(every: interval)
        }
    }

    private static func showProgress(of swarm: Swarm) async {
        let line = ProgressLine("swarm")
        while !Task.isCancelled {
            line.show(swarm.report)
            try? await Task.sleep(for: .milliseconds(200))
        }
        line.end()
    }
}

enum TalkersOption: String, ExpressibleByArgument, CaseIterable {
    case one
    case each
}
