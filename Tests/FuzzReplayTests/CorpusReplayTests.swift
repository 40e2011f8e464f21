import Foundation
import FuzzKit
import Testing

/// Replays every input in the corpora of the fuzzers, and every input that once showed a failure, with the checks of
/// the fuzzers.
///
/// The inputs of a target run in a process of their own. So if an input causes a trap, the test fails with the name of
/// its file, and the test run goes on.
@Suite struct CorpusReplayTests {
    @Test(arguments: FuzzTarget.allCases)
    func everyInputOfTheCorpusPasses(target: FuzzTarget) async throws {
        #expect(try !files("Corpus/\(target)").isEmpty, "Corpus/\(target) is empty")
        let report = Report()
        let result = await #expect(processExitsWith: .success) {
            [name = target.rawValue as String, path = report.path as String] in
            try replay("Corpus", through: name, reportingTo: path)
        }
        if result == nil { Issue.record("\(report.text)") }
    }

    @Test(arguments: FuzzTarget.allCases)
    func everyInputThatOnceFailedPasses(target: FuzzTarget) async throws {
        let report = Report()
        let result = await #expect(processExitsWith: .success) {
            [name = target.rawValue as String, path = report.path as String] in
            try replay("Crashes", through: name, reportingTo: path)
        }
        if result == nil { Issue.record("\(report.text)") }
    }

    /// Checks that the stored seeds are those that the targets make. They differ if the format of an input was changed
    /// and `FuzzSeeds` was not run. Fuzzing would then start from outdated seeds.
    @Test(arguments: FuzzTarget.allCases)
    func theSeedsInTheCorpusAreThoseTheHarnessMakes(target: FuzzTarget) throws {
        let stored = try files("Corpus/\(target)").filter { $0.lastPathComponent.hasPrefix("seed-") }
            .map { ($0.lastPathComponent, [UInt8](try Data(contentsOf: $0))) }
        let made = target.seeds.map { ("seed-\($0.name)", $0.input) }
        #expect(Dictionary(uniqueKeysWithValues: stored) == Dictionary(uniqueKeysWithValues: made))
    }
}

/// The file that the process of a replay leaves behind. It lists the failures, and the input that was being replayed if
/// the process did not finish.
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

/// The files in a folder of Tests/Fuzzers, in order of their names; none if there is no such folder.
private func files(_ folder: String) throws -> [URL] {
    let home = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fuzzers/\(folder)")
    guard FileManager.default.fileExists(atPath: home.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(at: home, includingPropertiesForKeys: nil)
        .filter { !$0.lastPathComponent.hasPrefix(".") }
        .sorted { $0.lastPathComponent < $1.lastPathComponent }
}
