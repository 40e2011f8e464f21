internal import ArgumentParser
internal import Logging
internal import MeshControl
internal import SecureMesh

/// `p2p send`: sends a message, and waits until the message is acknowledged. The command uses a running peer, or joins
/// the mesh itself to send the message.
struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send a message, and say whom it has reached.",
        usage: "p2p send (<name> | --all) [<text>] [<options>]",
        discussion: """
              p2p send B hello
              uptime | p2p send --all
              p2p send B hello --as C --server 192.0.2.1:3000

            Sends through the peer that runs on this host. With --as it joins the mesh for the message instead, with a \
            key that no running peer uses. Prints who has acknowledged it. The exit code is 75 if a receiver has not, \
            though it may have the message.
            """)

    @Argument(help: ArgumentHelp("Name of the receiver. With --all, the text.", valueName: "name"))
    var name: String?

    @Argument(help: ArgumentHelp("Text, or - for standard input.", valueName: "text", default: "-"))
    var text: String?

    @Flag(help: "Send to all members.")
    var all = false

    @Flag(help: "Send each line of standard input as a message.")
    var lines = false

    @OptionGroup var delivery: DeliveryOptions

    @Flag(help: "Do not ask for acknowledgments.")
    var noAck = false

    @Flag(help: "Print one JSON object per message.")
    var json = false

    @OptionGroup var controlOptions: ControlOptions

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("Join under this name for the message, instead of using a running peer.", valueName: "name"),
        transform: Parse.name)
    var joinsAs: PeerName?

    @Option(
        help: ArgumentHelp(
            "Address of the server, with --as.", valueName: "host:port", default: Parse.defaultServer.description),
        transform: Parse.server)
    var server: ServerAddress?

    @Option(
        help: ArgumentHelp(
            "Public key of the server, or its file, with --as. Repeatable.", valueName: "key|file",
            default: "server.pub in the folder of keys"))
    var serverKey: [String] = []

    @OptionGroup var secretKeyOptions: SecretKeyOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard all || name != nil else { throw ValidationError("give the name of the receiver, or --all") }
        guard !all || text == nil else { throw ValidationError("with --all there is no name, only a text") }
        guard !lines || input == nil else { throw ValidationError("--lines reads standard input, so give no text") }
        guard joinsAs == nil || controlOptions.control == nil else {
            throw ValidationError("--as and --control exclude each other")
        }
        guard joinsAs != nil || server == nil && serverKey.isEmpty else {
            throw ValidationError("--server and --server-key need --as: without it, a running peer sends the message")
        }
        if let name, !all { _ = try Parse.name(name) }
    }

    /// The text on the command line; nil if the text comes from standard input.
    private var input: String? {
        let given = all ? name : text
        return given == "-" ? nil : given
    }

    func run() async throws {
        guard let joinsAs else {
            let client = try controlOptions.client(.peer)
            return try await send { request in
                try await Failure.translating { () async throws(ControlClient.Failure) in
                    try await client.post(
                        "/v1/send", request, as: SendReport.self,
                        afterWait: .milliseconds(request.timeoutMilliseconds ?? 0)
                    ).value
                }
            }
        }
        let store = keyOptions.store
        let key = try KeyStore.readSecret(
            store.secretPath(joinsAs), hint: store.keygenHint(joinsAs), access: secretKeyOptions.access)
        let server = server ?? Parse.defaultServer
        let pinned = try (serverKey.isEmpty ? [store.publicPath(.server)] : serverKey).map(KeyStore.readPublic)
        let configuration = MeshPeer.Configuration(key: key, name: joinsAs, server: server, serverKeys: pinned)
        let peer = try Failure.translating { () throws(MeshError) in
            try MeshPeer(configuration, logger: .quiet)
        }
        let inspector = PeerInspector(
            peer, name: joinsAs, key: key.publicKey, server: server, serverKeys: pinned,
            publicKeyFile: nil, identity: Program.identity)
        let events = peer.events
        let following = Task { await inspector.follow(events) }
        let running = Task { () async -> MeshError? in
            do throws(MeshError) {
                try await peer.run()
                return nil
            } catch {
                return error
            }
        }
        defer { following.cancel() }
        do {
            try await send { request in
                do throws(ControlError) {
                    return try await inspector.send(request, waitingForReceiver: true)
                } catch {
                    throw Failure(ErrorReport(error).error)
                }
            }
            await peer.leave()
        } catch {
            await peer.leave()
            guard let ended = await running.value else { throw error }
            throw ended == .notAuthorized ? .notAuthorized(joinsAs, key.publicKey, file: nil) : Failure(ended)
        }
    }

    private func send(_ send: (SendRequest) async throws -> SendReport) async throws {
        var isComplete = true
        var standardInput = StandardInput()
        while let body = try next(&standardInput) {
            guard body.count <= PeerMessage.largestBody else {
                throw Failure(
                    .data, "a message has at most \(PeerMessage.largestBody) bytes",
                    hint: "send it in parts; 'p2p peer' takes \(PeerMessage.ordinaryBody) bytes each")
            }
            let request = SendRequest(
                to: all ? nil : name, body: body, timeoutMilliseconds: delivery.milliseconds, acknowledge: !noAck)
            let report = try await send(request)
            isComplete = isComplete && report.isComplete
            Console.result(json ? String(decoding: ControlJSON.encode(report), as: UTF8.self) : Self.text(report))
            guard lines else { break }
        }
        guard isComplete else { throw Failure.Code.tryAgain.exitCode }
    }

    private func next(_ standardInput: inout StandardInput) throws -> [UInt8]? {
        if lines { return try standardInput.line(limit: PeerMessage.largestBody) }
        return try input.map { Array($0.utf8) } ?? standardInput.all(limit: PeerMessage.largestBody)
    }

    /// Returns a text like `delivered to 2 of 3: A B; no answer: C`.
    static func text(_ report: SendReport) -> String {
        guard let delivered = report.delivered else { return "sent to \(report.asked)" }
        let head = "delivered to \(delivered.count) of \(report.asked)"
        let missing = missing(report)
        return head + (delivered.isEmpty ? "" : ": \(names(delivered))") + (missing.isEmpty ? "" : "; \(missing)")
    }

    /// Returns a text like `no answer: C; gone: D`; empty if everyone has acknowledged the message.
    static func missing(_ report: SendReport) -> String {
        [("no answer: ", report.unanswered), ("gone: ", report.gone)]
            .filter { !$0.1.isEmpty }.map { $0 + names($1) }.joined(separator: "; ")
    }

    private static func names(_ names: [String]) -> String {
        let shown = names.prefix(100).map(Console.escaped).joined(separator: " ")
        return names.count > 100 ? "\(shown) and \(names.count - 100) others" : shown
    }
}
