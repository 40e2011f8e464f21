internal import ArgumentParser
internal import Logging

/// The command `p2p`.
@main
struct P2P: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "p2p",
        abstract: "A registry, heartbeats and messages for processes on untrusted networks.",
        discussion: """
              p2p keygen server A B --authorize
              p2p server
              p2p peer A 3001

            Every datagram is signed (Ed25519) and encrypted (ChaCha20-Poly1305); peers pin the server's public key.

            Topics: \(HelpTopic.allCases.map { "p2p help \($0.rawValue)" }.joined(separator: ", ")).
            """,
        version: Program.version,
        groupedSubcommands: [
            CommandGroup(name: "Run", subcommands: [Keygen.self, ServerCommand.self, PeerCommand.self]),
            CommandGroup(
                name: "Use",
                subcommands: [
                    SendCommand.self, ReceiveCommand.self, StatusCommand.self, TopCommand.self, WatchCommand.self,
                    PingCommand.self,
                ]),
            CommandGroup(
                name: "Manage",
                subcommands: [
                    AuthorizeCommand.self, RevokeCommand.self, KeyCommand.self, CheckCommand.self, ReloadCommand.self,
                ]),
            CommandGroup(
                name: "Verify",
                subcommands: [DoctorCommand.self, SelfTestCommand.self, SimulateCommand.self, SwarmCommand.self]),
        ]
    )

    static func main() async {
        StandardStreams.fillClosed()
        SignalTrap.setDefaults()
        do {
            var command = try prepare()
            // This is the only thread so far, so all threads that start later inherit its priority.
            if command is ServerCommand {
                SchedulingPriority.raiseToServer()
                SchedulingPriority.raiseEventLoops()
            }
            let style = (command as? any OutputStyling)?.outputOptions.style ?? OutputStyle()
            LoggingSystem.bootstrap { _ in ConsoleLogHandler(level: style.level) }
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            await Console.finish()
            if let code = Console.exitCodeIfOutputFailed { exit(withError: code.exitCode) }
        } catch let failure as Failure {
            Console.report(failure)
            await Console.finish()
            exit(withError: failure.exitCode)
        } catch let code as ExitCode {
            await Console.finish()
            exit(withError: code)
        } catch  where exitCode(for: error).isSuccess {
            exit(printing: fullMessage(for: error))
        } catch {
            Console.report(Failure(.usage, Failure.text(ofParser: message(for: error)), hint: Failure.usageHint))
            exit(withError: Failure.Code.usage.exitCode)
        }
    }

    /// Prints a text that the user requested, such as the help, and exits.
    private static func exit(printing text: String) -> Never {
        Console.result(text)
        exit(withError: Console.exitCodeIfOutputFailed?.exitCode)
    }

    /// Parses the arguments, and checks that the system grants the resources that the command needs.
    ///
    /// A `Failure` is reported here, and the process exits. The exit does not wait for another thread, because the
    /// system may have refused to start that thread.
    ///
    /// - Throws: The error of the parser, if the arguments are wrong or ask for help.
    private static func prepare() throws -> any ParsableCommand {
        do {
            try ProcessLimits.checkStart()
            try ProcessArguments.check()
            for name in FileSystem.environmentNames where name.hasPrefix("P2P_") {
                guard !FileSystem.isNoText(environment: name) else {
                    throw Failure(
                        name == "P2P_KEYS" ? .usage : .configuration, "the environment variable \(name) is not UTF-8",
                        hint: "set another value")
                }
            }
            let arguments = Array(CommandLine.arguments.dropFirst())
            try refuseTextAsHelp(arguments)
            try answerWithoutCommand(arguments)
            let command = try parseAsRoot(SettingSources(arguments).arguments)
            Console.setStyle((command as? any OutputStyling)?.outputOptions.style ?? OutputStyle())
            if let fault = (command as? any OutputStyling)?.faults.first { throw SettingSources.failure(of: fault) }
            try ProcessLimits.check(for: (command as? any ResourceUser)?.resourceNeeds ?? ResourceNeeds())
            return command
        } catch let failure as Failure {
            Console.report(failure)
            exit(withError: failure.exitCode)
        }
    }

    /// Refuses a text that begins with `-h`, such as `-heat`. The parser would take it for several options of one
    /// letter, print the help, and not send the text.
    private static func refuseTextAsHelp(_ arguments: [String]) throws {
        let text = arguments.prefix { $0 != "--" }.first { $0.hasPrefix("-h") && $0.count > 2 }
        guard let text else { return }
        throw Failure(
            .usage, "unknown option '\(Console.escaped(text))'", hint: "put -- before a text that begins with -")
    }

    /// Prints a help topic and exits, if the arguments ask for that topic. Prints the help and exits, if the name of a
    /// command or a subcommand is missing. Otherwise returns.
    ///
    /// - Throws: `Failure` if a word that should name a command names none.
    private static func answerWithoutCommand(_ arguments: [String]) throws {
        let words = CommandWords(arguments, root: P2P.self)
        HelpPointer.set(words.command)
        if words.isHelp, arguments.count == 2, let topic = HelpTopic(rawValue: arguments[1]) {
            exit(printing: topic.text)
        }
        if words.isIncomplete(arguments) {
            Console.printHelp(helpMessage(for: words.type, columns: Terminal.width(of: FileSystem.standardError)))
            exit(withError: Failure.Code.usage.exitCode)
        }
        if let failure = words.failure { throw failure }
    }
}
