internal import SecureMeshCore

/// The regression suite that an installed `p2p` carries: it needs no file, no key and no network but 127.0.0.1.
///
/// One seed makes every choice in it, so that a failure can be had again; only the time that real sockets take, and how
/// far fuzzing gets in its time, are outside of it.
package struct SelfTest {
    package struct Options: Sendable {
        package var seed: UInt64
        /// How long the last part lasts.
        package var fuzzing: Duration
        /// How long the lossy mesh lives, in its own time.
        package var meshTime = Duration.seconds(180)
        /// In the format of vectors.txt.
        package var vectors = Vectors.text

        package init(seed: UInt64, fuzzing: Duration) {
            self.seed = seed
            self.fuzzing = fuzzing
        }

        /// What to type to have the same run again.
        package var command: String { "p2p selftest --fuzz \(fuzzing.spelled) --seed \(seed)" }
    }

    /// What a run has found.
    package struct Report: Hashable, Sendable {
        package var passed = 0
        package var failed = 0

        package var exitCode: Int32 { failed == 0 ? 0 : 1 }
    }

    private struct Part {
        let name: String
        /// Gives what was checked, or throws what is wrong.
        let check: () async throws -> String
    }

    private let options: Options

    package init(_ options: Options) {
        self.options = options
    }

    /// Runs all parts, whatever becomes of each; gives one line a part to `print`, and a closing one.
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

    private var parts: [Part] {
        let options = options
        return [
            Part(name: "vectors") { try VectorCheck.all(Vectors(text: options.vectors)).summary },
            Part(name: "refusals") { try MalformedCheck.run() },
            Part(name: "lengths") { try LengthCheck(seed: options.seed).run() },
            Part(name: "bits") { try BitCheck.run() },
            Part(name: "loss") { try LossyMesh(seed: options.seed).run(for: options.meshTime) },
            Part(name: "loopback") { try await LoopbackCheck.run() },
            Part(name: "fuzz") { try FuzzCheck(seed: options.seed, lasting: options.fuzzing).run() },
        ]
    }
}

extension Duration {
    /// As the command line takes it: in seconds if they are whole, else in milliseconds.
    package var spelled: String {
        let milliseconds = wholeNanoseconds / 1_000_000
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }
}
