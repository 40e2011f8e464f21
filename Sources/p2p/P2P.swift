internal import ArgumentParser
internal import Logging

/// The command `p2p`.
@main
struct P2P: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "p2p",
        abstract: "A registry, heartbeats and messages for processes on untrusted networks.",
        discussion: """
            Every datagram is signed (Ed25519) and encrypted (ChaCha20-Poly1305); peers pin the server's public key.

            Exit codes: 0 success; 1 failed check, self-test or simulation; 64 wrong usage; 65 malformed file; 66 no \
            list of peers; 68 no host of that name; 69 not a member in time, or nothing runs; 71 port in use; 73 file \
            exists or cannot be created; 74 stdout cannot be written; 75 name not looked up in time, or message not \
            acknowledged; 77 no usable key, or key not authorized; 78 wrong settings file or variable.
            """,
        version: Program.version,
        subcommands: [
            Keygen.self, ServerCommand.self, PeerCommand.self, StatusCommand.self, SwarmCommand.self, CheckCommand.self,
            SelfTestCommand.self, SimulateCommand.self,
        ]
    )

    static func main() async {
        StandardStreams.fillClosed()
        SignalTrap.setDefaults()
        do {
            var command = try prepare()
            // Here only this thread runs, so all others take over its priority.
            if command is ServerCommand { SchedulingPriority.raiseToServer() }
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
            exit(withError: error)
        } catch {
            let text = Console.escaped(message(for: error))
            Console.report(Failure(.usage, text.prefix(1).lowercased() + text.dropFirst(), hint: Failure.usageHint))
            exit(withError: Failure.Code.usage.exitCode)
        }
    }

    /// Parses the arguments and checks that the system lets the command work.
    ///
    /// Exits if it does not. That must not wait for anything, because there may be no thread to wait for.
    private static func prepare() throws -> any ParsableCommand {
        do {
            try ProcessArguments.check()
            let command = try parseAsRoot(SettingSources(Array(CommandLine.arguments.dropFirst())).arguments)
            Console.setStyle((command as? any OutputStyling)?.outputOptions.style ?? OutputStyle())
            try ProcessLimits.check(for: (command as? any ResourceUser)?.resourceNeeds ?? ResourceNeeds())
            return command
        } catch let failure as Failure {
            Console.report(failure)
            exit(withError: failure.exitCode)
        }
    }
}
