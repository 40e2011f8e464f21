internal import ArgumentParser
internal import SecureMesh

/// `p2p authorize`: adds a key to the list of peers, so that the key may join.
struct AuthorizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authorize",
        abstract: "Let a key join under a name.",
        usage: "p2p authorize <name> <key|file|-> [<options>]",
        discussion: """
              p2p authorize sensor-7 sensor-7.pub
              p2p authorize sensor-7 new.pub --replace --overlap 1h

            Adds a line to authorized_peers, or changes the line of the key. The file is replaced atomically, and the \
            running server of this user reads it again. If no server has read it and one has refused, the exit \
            code is 75.
            """)

    @Argument(help: "Name to join under.", transform: Parse.name)
    var name: PeerName

    @Argument(help: ArgumentHelp("Public key, its file, or - for standard input.", valueName: "key|file|-"))
    var key: String

    @Option(
        help: ArgumentHelp(
            "Date or time from which the key may not join: 2026-12-31 is the end of that day in UTC.",
            valueName: "time"),
        transform: Parse.moment)
    var until: UnixTime?

    @Flag(help: "Revoke another key of the name.")
    var replace = false

    @Option(
        help: ArgumentHelp(
            "With --replace, time for which the other key may still join.", valueName: "interval", default: "none"),
        transform: Parse.interval)
    var overlap: Duration?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var listOptions: ListOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard overlap == nil || replace else { throw ValidationError("--overlap goes with --replace") }
        guard until.map({ $0 > .now }) ?? true else { throw ValidationError("--until is in the past") }
    }

    func run() async throws {
        let store = listOptions.keyOptions.store
        let path = listOptions.path
        guard name != .server else {
            throw Failure(.usage, "'server' is the name of the server's key", hint: "give the peer another name")
        }
        let lineHint = "give the key, p2ppub1_…, that 'p2p keygen \(name)' has printed, or the path of \(name).pub"
        let (nameInFile, publicKey) = try KeyStore.readPublicLine(
            key == "-" ? "/dev/stdin" : key, "the key of \(name)", hint: lineHint)
        if let nameInFile, nameInFile != name {
            throw Failure(
                .data, "this is the key of \(nameInFile), not of \(name)",
                hint: "to let it join as \(name): \(store.command("authorize", "\(name)", "\(publicKey)"))")
        }
        let serverFile = store.publicPath(.server)
        if FileSystem.exists(serverFile), try KeyStore.readPublic(serverFile) == publicKey {
            throw Failure(.data, "this is the server's own key", hint: lineHint)
        }
        let result = try store.authorize([(name, publicKey)], in: path, until: until, replacing: replacement)
        // The list may have been changed by an earlier call, and the server may have refused it then.
        let answers = await RunningServer.reload(after: path)
        if json {
            let lines = result.flatMap { each in
                [RosterReport.Line(each.before == nil ? .added : each.hasChanged ? .changed : .unchanged, each.after)]
                    + each.replaced.map { RosterReport.Line(.changed, $0) }
            }
            RosterReport(list: path, keys: lines, servers: answers.reports).print()
        }
        guard !answers.haveNoEffect else { throw RunningServer.refusal }
    }

    private var replacement: RosterText.Replacement {
        guard replace else { return .refuse }
        guard let overlap else { return .revoke }
        return .end(UnixTime(seconds: UnixTime.now.seconds + overlap.components.seconds))
    }
}
