import Foundation
import FuzzKit
import Testing

/// Replays two kinds of fuzzer inputs with the fuzzers' own checks: the inputs in the corpora, and the inputs that once
/// showed a failure.
///
/// The inputs of each target run in a separate process. So if an input causes a trap, the test fails with the name of
/// its file, and the other tests still run.
@Suite struct CorpusReplayTests {
    @Test(arguments: FuzzTarget.allCases)
    func everyInputOfTheCorpusPasses(target: FuzzTarget) async throws {
        #expect(try !files("Corpus/\(target)").isEmpty, "Corpus/\(target) is empty")
        await expectThatAllPass("Corpus", target)
    }

    @Test(arguments: FuzzTarget.allCases)
    func everyInputThatOnceFailedPasses(target: FuzzTarget) async {
        await expectThatAllPass("Crashes", target)
    }

    /// Replays the inputs of a target in a folder of Tests/Fuzzers, in a process of their own.
    private func expectThatAllPass(_ folder: String, _ target: FuzzTarget) async {
        let report = Report()
        let result = await #expect(processExitsWith: .success) {
            [folder = folder as String, name = target.rawValue as String, path = report.path as String] in
            try replay(folder, through: name, reportingTo: path)
        }
        if result == nil { Issue.record("\(report.text)") }
    }

    /// Checks that the stored seeds equal the seeds that the targets make. A stored seed is outdated if the format of
    /// an input was changed and `FuzzSeeds` was not run. Fuzzing would then start from outdated seeds.
    @Test(arguments: FuzzTarget.allCases)
    func theSeedsInTheCorpusAreThoseTheHarnessMakes(target: FuzzTarget) throws {
        let stored = try files("Corpus/\(target)").filter { $0.lastPathComponent.hasPrefix("seed-") }
            .map { ($0.lastPathComponent, [UInt8](try Data(contentsOf: $0))) }
        let made = target.seeds.map { ("seed-\($0.name)", $0.input) }
        #expect(Dictionary(uniqueKeysWithValues: stored) == Dictionary(uniqueKeysWithValues: made))
    }
}

/// A report file that a replay process writes. It lists the failures. If the process did not finish, it also names the
/// input that was being replayed.
private struct Report: ~Copyable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("replay-\(UUID().uuidString)").path

    var text: String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? "nothing was replayed"
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// Replays the inputs of a target, writes the report, and ends this process.
private func replay(_ folder: String, through name: String, reportingTo path: String) throws {
    let target = try #require(FuzzTarget(rawValue: name))
    var failures = ""
    for file in try files("\(folder)/\(target)") {
        let label = "Tests/Fuzzers/\(folder)/\(target)/\(file.lastPathComponent)"
        try "\(failures)\(label): a trap".write(toFile: path, atomically: true, encoding: .utf8)
        if let failure = target.failure(of: [UInt8](try Data(contentsOf: file))) {
            failures += "\(label): \(failure)\n"
        }
    }
    try failures.write(toFile: path, atomically: true, encoding: .utf8)
    exit(failures.isEmpty ? EXIT_SUCCESS : EXIT_FAILURE)
}

/// Returns the files in a folder of Tests/Fuzzers, sorted by name; an empty array if the folder does not exist.
private func files(_ folder: String) throws -> [URL] {
    let home = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fuzzers/\(folder)")
    guard FileManager.default.fileExists(atPath: home.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(at: home, includingPropertiesForKeys: nil)
        .filter { !$0.lastPathComponent.hasPrefix(".") }
        .sorted { $0.lastPathComponent < $1.lastPathComponent }
}
