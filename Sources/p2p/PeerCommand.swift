internal import ArgumentParser
internal import Logging
internal import SecureMesh
internal import ServiceLifecycle
internal import UnixSignals

/// `p2p peer`: joins a mesh, prints what happens there, says something now and then.
struct PeerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer",
        abstract: "Join a mesh as a peer.",
        discussion: """
            Prints on stdout who joins (+), leaves (-) or comes back with a new session (~), and messages as NAME: TEXT \
            with control characters escaped. SIGINT and SIGTERM leave the mesh and end it.
            """)

    @Argument(help: "The name to join under.", transform: Parse.name)
    var name: PeerName

    @Argument(help: "The UDP port to bind.", transform: Parse.port)
    var port: UInt16

    @Option(help: ArgumentHelp("Where the server is.", valueName: "host:port"))
    var server = "127.0.0.1:3000"

    @Option(
        help: ArgumentHelp(
            "The server's public key, or a file that holds it; several while it changes. Default: server.pub.",
            valueName: "key|file"))
    var serverKey: [String] = []

    @Option(help: ArgumentHelp("The secret key. Default: NAME.key in the folder of keys.", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp("The address to bind. Default: every IPv6 and IPv4 one.", valueName: "address"),
        transform: Parse.host)
    var bind: SocketAddress?

    @Option(
        help: ArgumentHelp("Give up if not a member by then. Default: keep trying.", valueName: "interval"),
        transform: Parse.interval)
    var timeout: Duration?

    @Option(
        help: ArgumentHelp("How often to say something to all, or off. Default: 4s.", valueName: "interval|off"),
        transform: Parse.optionalInterval)
    var broadcastInterval = OptionalInterval.every(.seconds(4))

    @Option(help: ArgumentHelp("What to say. Default: NAME_broadcast_COUNTER.", valueName: "text"))
    var message: String?

    @OptionGroup var keyOptions: KeyOptions

    func validate() throws {
        guard let message else { return }
        let limit = PeerMessage.ordinaryBody
        guard (1...limit).contains(message.utf8.count) else {
            throw ValidationError("--message is 1 to \(limit) bytes, and this is \(message.utf8.count)")
        }
    }

    func run() async throws {
        let store = keyOptions.store
        let signingKey = try KeyStore.readSecret(
            key ?? store.secretPath(name), hint: key == nil ? store.keygenHint(name) : KeyStore.pathHint)
        let pinned = try (serverKey.isEmpty ? [store.publicPath(.server)] : serverKey).map(KeyStore.readPublic)
        let address = try Failure.translating { () throws(MeshError) in try SocketAddress.resolving(server) }
        if let bind, bind.isIPv6 != address.isIPv6 {
            throw Failure(
                .usage, "--bind and --server \(address) are not both IPv4 or both IPv6",
                hint: "bind an address of the server's kind, or leave --bind out")
        }
        var configuration = MeshPeer.Configuration(
            key: signingKey, name: name, serverKeys: pinned, server: address)
        configuration.bind = bind.map { SocketAddress(ip: $0.ip, port: port) }
        configuration.port = port
        let logger = Logger(label: "peer")
        let peer = try Failure.translating { () throws(MeshError) in try MeshPeer(configuration, logger: logger) }
        let attendance = Attendance(peer: peer, name: name, key: signingKey.publicKey, server: address, pinned: pinned)

        let services = ServiceGroup(services: [peer], gracefulShutdownSignals: [.sigint, .sigterm], logger: .quiet)
        // Ends with the peer's events: then the last of them has been seen.
        let printing = Task { await attendance.printEvents() }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            if case .every(let interval) = broadcastInterval {
                tasks.addTask { [message] in await attendance.speak(every: interval, saying: message) }
            }
            if let timeout {
                tasks.addTask {
                    try? await Task.sleep(for: timeout)
                    if await attendance.giveUp(after: timeout) { await services.triggerGracefulShutdown() }
                }
            }
            defer { tasks.cancelAll() }
            do {
                try await services.run()
            } catch MeshError.notAuthorised {
                // The event that says the same may not have been read yet.
                throw attendance.notAuthorised
            } catch let error as MeshError {
                throw Failure(error)
            }
            await printing.value
            if let failure = await attendance.failure { throw failure }
        }
    }
}

/// One peer's stay in a mesh, as a person at the terminal follows it.
private actor Attendance {
    private let peer: MeshPeer
    private let name: PeerName
    private let key: PublicKey
    private let server: SocketAddress
    private let pinned: [PublicKey]
    private var hasJoined = false
    private var warnedOfSilence = false
    private var lastRefusal: JoinRefusal?
    private(set) var failure: Failure?

    init(peer: MeshPeer, name: PeerName, key: PublicKey, server: SocketAddress, pinned: [PublicKey]) {
        self.peer = peer
        self.name = name
        self.key = key
        self.server = server
        self.pinned = pinned
    }

    func printEvents() async {
        for await event in peer.events { show(event) }
    }

    /// True if the time is up and the peer is not a member.
    func giveUp(after timeout: Duration) -> Bool {
        guard !hasJoined, !Task.isCancelled, failure == nil else { return false }
        if let lastRefusal {
            failure = Failure(
                .unavailable, "not admitted within \(timeout): \(lastRefusal.words)", hint: lastRefusal.remedy)
        } else {
            failure = Failure(
                .unavailable, "no answer from \(server) within \(timeout)", hint: warnedOfSilence ? nil : silence)
        }
        return true
    }

    func speak(every interval: Duration, saying text: String?) async {
        var counter = 0
        while true {
            do {
                try await Task.sleep(for: interval)
                let body = text ?? "\(name)_broadcast_\(counter + 1)"
                // Nobody to hear it is no reason to count on.
                if try await peer.broadcast(Array(body.utf8)) > 0 { counter += 1 }
            } catch SendError.notJoined {
                continue
            } catch let SendError.tooLarge(limit) {
                Console.warning("the message is longer than \(limit) bytes, nothing is sent")
                return
            } catch {
                return
            }
        }
    }

    private func show(_ event: PeerEvent) {
        switch event {
        case .joined(let address):
            Console.result("joined as \(name) at \(address)")
            hasJoined = true
            warnedOfSilence = false
            lastRefusal = nil
        case .connectionLost:
            Console.note("lost the server, joining again")
        case .connectionRecovered:
            Console.note("the server is back")
        case .dismissed(let departure):
            Console.note("the server ended the session: \(departure.words)")
        case .refused(let refusal, let pause):
            lastRefusal = refusal
            Console.warning(
                "turned away: \(refusal.words); asking again in \(pause.components.seconds + 1) s",
                hint: refusal.remedy)
        case .unanswered:
            guard !warnedOfSilence else { return }
            warnedOfSilence = true
            // Who was a member has the right key, and knows where the server is.
            Console.warning("no answer from \(server), trying on", hint: hasJoined ? nil : silence)
        case .memberJoined(let member):
            Console.result("+ \(member.name) \(member.address)")
        case .memberRejoined(let member):
            Console.result("~ \(member.name) \(member.address)")
        case .memberLeft(let member):
            Console.result("- \(member.name)")
        case .nameMoved(let name, _, let key):
            Console.warning("the name \(name) has moved to another key, \(key)")
        case .message(let message):
            let mark = message.isBroadcast ? "" : " (to you alone)"
            Console.result("\(message.sender.name)\(mark): \(Console.escaped(message.body))")
        case .left:
            if hasJoined { Console.note("left the mesh") }
        case .ended:
            failure = notAuthorised
        }
    }

    nonisolated var notAuthorised: Failure {
        Failure(
            .noPermission, "the server does not let this key join as \(name)",
            hint: "have this line in the server's authorized_peers, in place of any other with "
                + "this key or name, then send the server SIGHUP: " + KeyStore.publicLine(name, key))
    }

    /// A server that is absent and one with another key are alike on the wire: neither answers.
    private var silence: String {
        let keys = pinned.map(\.description).joined(separator: " or ")
        let causes = "either no server runs there, or it does not hold the pinned key \(keys)"
        guard server.isLoopback else { return causes }
        return causes + ", or it listens on a wildcard address: then give --server this host's own address"
    }
}
