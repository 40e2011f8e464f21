internal import ArgumentParser
internal import SecureMesh

/// `p2p check`: checks the settings, files and addresses of a server or a peer, but does not run the server or the
/// peer.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the settings, files and addresses of a server or a peer.",
        discussion: """
              p2p check server
              p2p check peer A 3001 --show-origin

            Takes the same arguments as 'p2p server' or 'p2p peer', and reads the same settings file and environment. \
            Prints one line per check: ok, or ! and what is wrong. The exit code is 1 if something is wrong.
            """,
        subcommands: [CheckServer.self, CheckPeer.self]
    )
}

/// The option `--show-origin` of `p2p check`.
struct OriginOptions: ParsableArguments {
    @Flag(help: "Print each setting, its value and where the value comes from, and check nothing.")
    var showOrigin = false

    /// Prints the settings and their origins, if the user asked for them.
    ///
    /// - Returns: True if the settings were printed.
    func printSettings() throws -> Bool {
        guard showOrigin else { return false }
        let sources = try SettingSources(Array(CommandLine.arguments.dropFirst()), listsAll: true)
        let rows = sources.settings.map { setting in
            [
                setting.name, setting.values.map(Console.escaped).joined(separator: ", "),
                LogLine.harmless(setting.origin.description),
            ]
        }
        for line in TextTable.lines(of: rows, isAligned: FileSystem.isTerminal(FileSystem.standardOutput)) {
            Console.result(line)
        }
        return true
    }
}

/// `p2p check server`: checks the settings, files and addresses of a server.
struct CheckServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Check the settings, files and addresses of a server.",
        usage: "p2p check server [<options>]")

    @OptionGroup var origin: OriginOptions
    @OptionGroup var server: ServerCommand

    func run() async throws {
        guard try !origin.printSettings() else { return }
        var report = CheckReport()
        report.checkSettings()
        report.check(server.faults) {
            "heartbeats every \(server.heartbeat.argument), lifetime \(server.lifetime.argument)"
        }
        let key = report.check {
            try server.readKey()
        } describe: {
            FileCheck.text($0, at: server.keyPath)
        }
        if !server.open {
            let roster = report.check {
                try key.map { try RosterSource(path: server.rosterPath, serverKey: $0.publicKey).read() }
                    ?? KeyStore.readRoster(server.rosterPath)
            } describe: {
                FileCheck.text($0, at: server.rosterPath)
            }
            if roster?.count == 0 {
                let advice = server.emptyListAdvice(server.rosterPath)
                report.advise(advice.text, advice.action)
            }
        }
        if let path = server.state, let key {
            report.check {
                try Failure.translating { () throws(MeshError) in
                    try MeshServer.checkDirectoryFile(path, key: key.publicKey)
                }
            } describe: {
                FileCheck.text(members: $0, at: path)
            }
        }
        for address in server.addresses { report.checkAddress(address) }
        await report.checkMetrics(at: server.metricsOptions.metrics)
        report.checkControl(server.control)
        try report.finish()
    }
}

/// `p2p check peer`: checks the settings, files and addresses of a peer.
struct CheckPeer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer", abstract: "Check the settings, files and addresses of a peer.")

    @OptionGroup var origin: OriginOptions
    @OptionGroup var peer: PeerCommand

    func run() async throws {
        guard try !origin.printSettings() else { return }
        var report = CheckReport()
        report.checkSettings()
        report.check(peer.faults)
        let key = report.check {
            try peer.readKey()
        } describe: {
            FileCheck.text($0, at: peer.keyPath)
        }
        let pinned = report.check {
            try peer.readServerKeys()
        } describe: {
            FileCheck.text($0)
        }
        if let key, let pinned { report.require { try peer.check(key, isNoneOf: pinned) } }
        await report.checkLookup(of: peer.server)
        report.checkAddress(peer.localAddress)
        await report.checkMetrics(at: peer.metricsOptions.metrics)
        report.checkControl(peer.control)
        try report.finish()
    }
}
