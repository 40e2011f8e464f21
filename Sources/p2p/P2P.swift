internal import ArgumentParser
internal import Logging

/// The command line of SecureMesh.
@main
struct P2P: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "p2p",
        abstract: "A registry, heartbeats and messages for processes on networks you do not trust.",
        discussion: """
            Every datagram is signed (Ed25519) and sealed (ChaCha20-Poly1305); peers pin the server's public key.

            Exit codes: 0 done; 1 the self-test or a simulation failed; 64 wrong usage; 65 a file that is not what it should be; 66 a missing list of peers; \
            69 no answer in time; 71 a port in use; 73 a file that exists or cannot be made; 74 standard output that \
            cannot be written; 77 no key, or a key that does not help.
            """,
        version: "0.1.0",
        subcommands: [Keygen.self, ServerCommand.self, PeerCommand.self, SelfTestCommand.self, SimulateCommand.self]
    )

    static func main() async {
        Console.outliveReaders()
        do {
            var command = try parseAsRoot()
            LoggingSystem.bootstrap { ConsoleLogHandler(label: $0) }
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            if let code = Console.codeOfLoss { exit(withError: code.exitCode) }
        } catch let failure as Failure {
            Console.report(failure)
            exit(withError: failure.code)
        } catch let code as ExitCode {
            exit(withError: code)
        } catch  where exitCode(for: error).isSuccess {
            exit(withError: error)
        } catch {
            let text = Console.escaped(message(for: error))
            Console.report(Failure(.usage, text.prefix(1).lowercased() + text.dropFirst(), hint: Failure.usageHint))
            exit(withError: Failure.Code.usage.exitCode)
        }
    }
}
