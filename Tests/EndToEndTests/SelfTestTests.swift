internal import Foundation
internal import Testing

@Suite("p2p selftest", .processes)
struct SelfTestTests {
    private let harness = ProcessHarness.current

    @Test("passes in an empty folder without keys, and prints one line per part and a sum")
    func passes() async throws {
        let result = try await harness.run(["selftest", "--fuzz", "1s", "--seed", "1"], within: .seconds(120))
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.first == "again with: p2p selftest --fuzz 1s --seed 1")
        #expect(result.output.count == 9)
        #expect(result.output.dropFirst().dropLast().allSatisfy { $0.hasPrefix("ok   ") }, "\(result.text)")
        #expect(result.output.last == "7 passed, 0 failed")
        // On a slow host, the command prints its progress on stderr.
        #expect(result.errors.allSatisfy { $0.hasPrefix("p2p: selftest: running, ") }, "\(result.text)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.folder.path).isEmpty)
    }

    @Test("chooses a random seed and prints it")
    func ownSeed() async throws {
        let process = try harness.start(["selftest", "--fuzz", "1500ms"])
        try await process.waitForLine(matching: "^again with: p2p selftest --fuzz 1500ms --seed [0-9]+$")
    }

    @Test("an invalid interval or seed is wrong usage", arguments: [["--fuzz", "soon"], ["--seed", "-1"]])
    func usage(arguments: [String]) async throws {
        try await harness.run(["selftest"] + arguments).expectFailure(64)
    }
}
