internal import ArgumentParser
internal import SelfTest

/// `p2p selftest`: the regression suite, from the binary as it is installed.
struct SelfTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Check this very program: vectors, refusals, a lossy mesh, sockets, fuzzing.",
        discussion: """
            Needs no keys and no files, and no network but 127.0.0.1. Prints a line a part on stdout, 'ok' or 'FAIL' \
            with what shows it again, and how many passed. The first line is the command that makes the same \
            random choices again; how far fuzzing gets in its time is the machine's. Exits \
            with 1 if a part failed.
            """)

    @Option(
        help: ArgumentHelp("How long to feed it random and harmed datagrams. Default: 2s.", valueName: "interval"),
        transform: Parse.interval)
    var fuzz = Duration.seconds(2)

    @Option(help: ArgumentHelp("What makes every random choice. Default: another one each time.", valueName: "number"))
    var seed: UInt64?

    func run() async throws {
        let report = await SelfTest(SelfTest.Options(seed: seed ?? Parse.drawnSeed, fuzzing: fuzz)).run { line in
            Console.result(Console.escaped(line))
        }
        guard report.exitCode == 0 else { throw ExitCode(report.exitCode) }
    }
}
