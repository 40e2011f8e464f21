internal import Foundation
internal import Testing

/// `scripts/build --check`, on a file that is not what is to be installed. (What is, `scripts/build` checks itself.)
@Suite("The binary")
struct BinaryTests {
    @Test(
        "a build without full RELRO does not pass for one that is to be installed",
        .enabled(if: hasReadelf, "readelf is missing"))
    func refusal() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        let script = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "scripts/build").path
        let check = try await harness.run([], launcher: ["/bin/bash", script, "--check"])
        #expect(check.status == 1, "\(check.text)")
        #expect(check.output.contains("build: yes: position-independent (PIE)"), "\(check.text)")
        #expect(check.errors.contains { $0.hasPrefix("build: error: ") && $0.contains("BIND_NOW") }, "\(check.text)")
    }
}

private let hasReadelf = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/readelf") }
