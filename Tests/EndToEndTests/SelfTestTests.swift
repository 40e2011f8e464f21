internal import Foundation
internal import Testing

@Suite("p2p selftest")
struct SelfTestTests {
    @Test("passes in an empty folder, without keys: a line a part, then how many passed")
    func passes() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["selftest", "--fuzz", "1s", "--seed", "1"], within: .seconds(120))
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.first == "again with: p2p selftest --fuzz 1s --seed 1")
        #expect(result.output.count == 9)
        #expect(result.output.dropFirst().dropLast().allSatisfy { $0.hasPrefix("ok   ") }, "\(result.text)")
        #expect(result.output.last == "7 passed, 0 failed")
        #expect(result.errors.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.folder.path).isEmpty)
    }

    @Test("draws a seed of its own and says which, so that the run can be had again")
    func ownSeed() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let program = try stage.start(["selftest", "--fuzz", "1500ms"])
        try await program.waitForLine(matching: "^again with: p2p selftest --fuzz 1500ms --seed [0-9]+$")
    }

    @Test("an interval or a seed that is none is wrong usage", arguments: [["--fuzz", "soon"], ["--seed", "-1"]])
    func usage(arguments: [String]) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.run(["selftest"] + arguments).expectFailure(64)
    }
}
