internal import Foundation
internal import MeshControl
internal import Testing

/// Tests `p2p top` on a terminal and in a pipe.
@Suite("p2p top", .processes, .serialized, .timeLimit(.minutes(10)))
struct TopTests {
    private let harness = ProcessHarness.current

    private func startTop(of server: ServerProcess, environment: [String: String] = [:]) throws -> TerminalProcess {
        let top = try harness.startOnTerminal(
            [RunningProcess.binary().path, "top", "--control", harness.socket(of: server)], environment: environment)
        top.resize(columns: 80)
        return top
    }

    @Test("shows the members, follows the window's size, and restores the terminal after q and Ctrl-C")
    func keys() async throws {
        let server = try await harness.makeServer()
        _ = try await harness.joinPeer("A", of: server)
        for (key, status) in [("q", Int32(0)), ("\u{3}", 130)] {
            let top = try startTop(of: server)
            try await top.waitForText(matching: "server at \\S+, up for \\d+s: 1 alive, 2 never")
            try await top.waitForText(matching: "refused datagrams: 0\\.0/s")
            try await top.waitForText(matching: "A +alive +\\d+s +127")
            try await top.waitForText(matching: "q quits\u{1B}\\[K\u{1B}\\[J$")
            let mark = top.text.count
            top.resize(columns: 20, rows: 4)
            try await top.waitForText(matching: "\u{1B}\\[Hserver at 127\\.0\\.0\\.1\u{1B}", after: mark)
            try await top.waitForText(matching: "q quits; \\d+ more lin\u{1B}\\[K", after: mark)
            top.type(key)
            #expect(try await top.waitForExit() == status)
            #expect(top.text.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
            #expect(top.isSane)
        }
    }

    @Test("says that the server is gone, and shows it again when it is back")
    func absence() async throws {
        let server = try await harness.makeServer()
        let top = try startTop(of: server)
        try await top.waitForText(matching: "server at \\S+, up for ")
        server.process.kill()
        try await top.waitForText(matching: "! nothing answers at /\\S+")
        let mark = top.text.count
        _ = try await harness.startServer(port: #require(server.port))
        try await top.waitForText(matching: "\u{1B}\\[Hserver at ", after: mark)
        top.type("q")
        #expect(try await top.waitForExit() == 0)
        #expect(top.isSane)
    }

    @Test("prints the table every 2 seconds if TERM is dumb, and once in a pipe")
    func withoutScreen() async throws {
        let server = try await harness.makeServer()
        let top = try startTop(of: server, environment: ["TERM": "dumb"])
        try await top.waitForText(matching: "NAME +STATE[^!]*server at [^!]*NAME +STATE")
        #expect(!top.text.contains("\u{1B}"))
        top.type("\u{3}")
        #expect(try await top.waitForExit() == 130)

        let piped = try await harness.run(["top", "--control", harness.socket(of: server)])
        #expect(piped.status == 0)
        #expect(piped.output.contains { $0.hasPrefix("NAME  STATE") }, "\(piped.text)")
        #expect(piped.errors.contains { $0.contains("p2p status --watch") })
    }

    @Test("--json prints an object per second until nobody reads, and exits with 69 if nothing runs")
    func json() async throws {
        try await harness.makeKeys()
        try await harness.run(["top", "--json", "--control", "none"])
            .expectFailure(69, "nothing answers at none", hint: "is the path")
        let server = try await harness.startServer()
        let launcher = ["/bin/sh", "-c", "\"$@\" | head -n 2", "sh"]
        let top = try await harness.run(["top", "--json", "--control", harness.socket(of: server)], launcher: launcher)
        #expect(top.status == 0)
        let objects = try top.output.map { try JSONDecoder().decode(MeshStatus.self, from: Data($0.utf8)) }
        #expect(objects.map(\.counts["never"]) == [3, 3], "\(top.text)")
    }

    @Test("a table of long names fits a window of 80 columns and 24 rows")
    func smallWindow() async throws {
        let server = try await harness.makeServer(peers: (10..<40).map { "member-of-a-very-long-name-\($0)" })
        let top = try startTop(of: server, environment: ["NO_COLOR": "1"])
        let text = try await top.waitForText(matching: "q quits; 11 more lines in a larger window\u{1B}\\[K\u{1B}\\[J$")
        let screen = try #require(text.components(separatedBy: "\u{1B}[H").last)
        let lines = screen.components(separatedBy: "\u{1B}[K\r\n")
        #expect(lines.count == 24)
        #expect(lines.allSatisfy { $0.replacing("\u{1B}[K\u{1B}[J", with: "").count < 80 }, "\(lines)")
        #expect(!text.contains(/\u{1B}\[[0-9;]*m/))
        top.type("q")
        #expect(try await top.waitForExit() == 0)
    }
}
