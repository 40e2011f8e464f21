internal import SecureMeshCore

/// The regression suite that is part of an installed `p2p`. It needs no file and no key, and the only network that it
/// needs is 127.0.0.1.
///
/// A seed determines every random choice, so that a failure can be repeated. Only the timing of real sockets and the
/// number of fuzzing executions depend on the machine.
package struct SelfTest {
    package struct Options: Sendable {
        package var seed: UInt64
        /// The duration of the last part, which is fuzzing.
        package var fuzzing: Duration
        /// The duration of the part with the lossy mesh, in virtual time.
        package var meshTime = Duration.seconds(180)
        /// The test vectors, in the format of vectors.txt.
        package var vectors = Vectors.text

        package init(seed: UInt64, fuzzing: Duration) {
            self.seed = seed
            self.fuzzing = fuzzing
        }

        /// The command that repeats the run.
        package var command: String { "p2p selftest --fuzz \(fuzzing.argument) --seed \(seed)" }
    }

    /// The result of a run.
    package struct Report: Hashable, Sendable {
        package var passed = 0
        package var failed = 0

        package var exitCode: Int32 { failed == 0 ? 0 : 1 }
    }

    private let options: Options

    package init(_ options: Options) {
        self.options = options
    }

    /// Runs all parts, even after a failure. Prints the command that repeats the run, one line per part, and a line
    /// with the totals.
    package func run(print: (String) -> Void) async -> Report {
        var report = Report()
        print("again with: \(options.command)")
        for part in parts {
            do {
                print("ok   \(part.name): \(try await part.check())")
                report.passed += 1
            } catch {
                let again = (error as? Fault)?.command ?? options.command
                print("FAIL \(part.name): \(error); again with: \(again)")
                report.failed += 1
            }
        }
        print("\(report.passed) passed, \(report.failed) failed")
        return report
    }

    /// The parts. `check` returns a summary of what was checked, or throws an error that says what is wrong.
    private var parts: [(name: String, check: () async throws -> String)] {
        let options = options
        return [
            ("vectors", { try VectorCheck.all(Vectors(text: options.vectors)).summary }),
            ("refusals", { try MalformedCheck.run() }),
            ("lengths", { try LengthCheck.run(seed: options.seed) }),
            ("bits", { try BitCheck.run() }),
            ("loss", { try LossyMesh(seed: options.seed).run(for: options.meshTime) }),
            ("loopback", { try await LoopbackCheck.run() }),
            ("fuzz", { try FuzzCheck.run(seed: options.seed, lasting: options.fuzzing) }),
        ]
    }
}
