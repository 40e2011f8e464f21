import SecureMesh
import SelfTest
import Testing

@Suite("Self-test")
struct SelfTestTests {
    @Test("a planted failure prints FAIL with its reason and a command, and exits with 1; the other parts pass")
    func planted() async throws {
        var options = SelfTest.Options(seed: 7, fuzzing: .milliseconds(100))
        options.meshTime = .seconds(5)
        options.vectors = options.vectors.replacing("\nk_rej = ", with: "\nk_rej = 00")
        var lines: [String] = []
        let report = await SelfTest(options).run { lines.append($0) }

        let again = "again with: p2p selftest --fuzz 100ms --seed 7"
        try #require(lines.count == 9, "\(lines)")
        #expect(lines[0] == again)
        #expect(lines[1].hasPrefix("FAIL vectors: [reject] k_rej comes out as "), "\(lines[1])")
        #expect(lines[1].hasSuffix("; \(again)"), "\(lines[1])")
        #expect(lines[2...7].allSatisfy { $0.hasPrefix("ok   ") }, "\(lines)")
        #expect(lines[8] == "6 passed, 1 failed")
        #expect(report.exitCode == 1)
    }

    @Test("a seed makes the same lossy mesh")
    func repeats() throws {
        let worlds = try (0..<2).map { _ in try LossyMesh(seed: 4).run(for: .seconds(5)) }
        #expect(worlds[0] == worlds[1])
    }

    @Test("intervals are spelled as the command takes them")
    func intervals() {
        #expect(Duration.seconds(30).argument == "30s")
        #expect(Duration.milliseconds(1_500).argument == "1500ms")
        #expect(Duration.milliseconds(20).argument == "20ms")
    }
}
