internal import ArgumentParser
internal import SecureMesh
internal import SelfTest

/// `p2p selftest`: checks the installed program.
struct SelfTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Check this program: vectors, refusals, a lossy mesh, sockets, fuzzing.",
        usage: "p2p selftest [<options>]",
        discussion: """
              p2p selftest --fuzz 30s

            Needs no keys, no files, and no network but 127.0.0.1. Prints one line per part on stdout, 'ok' or 'FAIL' \
            with the way to see the failure again, and then how many passed. The first line is a command that makes \
            the same random choices; the number of fuzzing executions depends on the machine. Exits with 1 if a part \
            failed.
            """)

    @Option(
        help: ArgumentHelp(
            "Time for the fuzzing with random and damaged datagrams.", valueName: "interval",
            default: defaultFuzzing.argument),
        transform: Parse.interval)
    var fuzz = defaultFuzzing

    @Option(help: ArgumentHelp("Random seed.", valueName: "number", default: "random"))
    var seed: UInt64?

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private static let defaultFuzzing = Duration.seconds(2)

    func run() async throws {
        let progress = Task { await ProgressLine("selftest").showTime() }
        let report = await SelfTest(SelfTest.Options(seed: seed ?? Parse.randomSeed, fuzzing: fuzz)).run { line in
            Console.result(Console.escaped(line))
        }
        progress.cancel()
        await progress.value
        guard report.exitCode == 0 else { throw ExitCode(report.exitCode) }
    }
}
