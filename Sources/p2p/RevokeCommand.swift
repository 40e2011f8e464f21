internal import ArgumentParser
internal import SecureMesh

/// `p2p revoke`: marks keys in the list of peers as revoked, so that they may not join.
struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revoke the keys of peers.",
        usage: "p2p revoke <name|key> ... [<options>]",
        discussion: """
              p2p revoke sensor-7 --reason stolen

            Marks the lines of the keys in authorized_peers as revoked. The running server of this user reads the list \
            again, and a peer with such a key is out of the mesh within a second. If the server refuses the list, the \
            exit code is 75. 'p2p authorize' lets a key join again.
            """)

    @Argument(
        help: ArgumentHelp("Names, whose keys are all revoked, or public keys. Repeatable.", valueName: "name|key"))
    var peers: [String]

    @Option(help: ArgumentHelp("Reason, which is a comment in the list.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var listOptions: ListOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        guard let reason else { return }
        let isPlain = reason.unicodeScalars.allSatisfy {
            ![.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        guard isPlain, reason.utf8.count <= 200 else {
            throw ValidationError("a reason is one line of at most 200 bytes")
        }
    }

    func run() async throws {
        let path = listOptions.path
        guard FileSystem.exists(path) else {
            throw Failure(
                .noInput, "no list of peers at \(path)",
                hint: "give the server's list with --authorized-peers, or its folder of keys with --keys")
        }
        let revoked = try RosterFile.edit(path) { text in
            try peers.flatMap { peer in
                let lines = text.revoke(reason: reason, now: .now) { "\($0.name)" == peer || "\($0.key)" == peer }
                guard !lines.isEmpty else {
                    throw Failure(
                        .noInput, "\(path) lists no key of \(Console.escaped(peer)) that may join",
                        hint: "nothing has changed; 'grep -v ^# \(path)' shows the names")
                }
                return lines
            }
        }
        for line in revoked { Console.note("revoked \(line.name) \(line.key) in \(path)") }
        let answers = await RunningServer.reload(after: path)
        if json {
            let lines = revoked.map { RosterReport.Line(.revoked, $0) }
            RosterReport(list: path, keys: lines, servers: answers.reports).print()
        }
        guard !answers.isRefused else { throw RunningServer.refusal }
    }
}
