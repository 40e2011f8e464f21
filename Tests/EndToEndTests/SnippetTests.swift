internal import Foundation
internal import Testing

/// Runs the snippets, which the build puts beside the tests as programs.
@Suite("Snippets", .processes)
struct SnippetTests {
    private let harness = ProcessHarness.current

    /// Returns a launcher that runs a snippet. The harness appends the path of `p2p`, which the launcher does not use.
    private static func launcher(_ snippet: String) throws -> [String] {
        let program = try RunningProcess.builtWithTests().deletingLastPathComponent().appending(path: snippet)
        return ["/bin/sh", "-c", "exec \"$0\"", program.path]
    }

    @Test("SIGTERM ends a peer and a consumer of its events in a ServiceGroup within a second")
    func serviceGroup() async throws {
        try await harness.makeKeys(peers: ["sensor-7"])
        let process = try harness.start([], launcher: Self.launcher("ServiceGroupPeer"))
        try await process.waitForLine(matching: "listening", on: .errors)
        process.send(SIGTERM)
        #expect(try await process.waitForExit(within: .seconds(1)) == 0)
    }

    @Test("the handler's test passes")
    func handler() async throws {
        let result = try await harness.run([], launcher: Self.launcher("HandlerTest"))
        #expect(result.status == 0)
    }
}
