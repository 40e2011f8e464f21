internal import Foundation
internal import Testing

/// Tests `p2p` on a terminal.
@Suite("on a terminal", .processes, .serialized)
struct TerminalTests {
    private let harness = ProcessHarness.current

    private func command(_ arguments: [String]) throws -> [String] {
        [try RunningProcess.binary().path] + arguments
    }

    private func peer(_ name: String, of server: ServerProcess) throws -> [String] {
        try command([
            "peer", name, "\(UDP.freePort())", "--server", server.address, "--broadcast-interval", "200ms",
        ])
    }

    @Test("Ctrl-C makes a peer leave, Ctrl-\\ ends it at once", arguments: [("\u{3}", 0), ("\u{1C}", 131)])
    func keys(key: String, status: Int32) async throws {
        let server = try await harness.makeServer()
        let peer = try harness.startOnTerminal(peer("A", of: server))
        try await peer.waitForText(matching: "joined as A ")
        peer.type(key)
        #expect(try await peer.waitForExit() == status)
        #expect(peer.isSane)
        try await server.process.waitForLine(matching: status == 0 ? "^- A \\(left\\)" : "^- A \\(")
    }

    @Test("a closed window makes a peer leave the mesh")
    func closedWindow() async throws {
        let server = try await harness.makeServer()
        let peer = try harness.startOnTerminal(peer("A", of: server))
        try await peer.waitForText(matching: "joined as A ")
        peer.hangUp()
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
        // The results cannot be printed after the terminal was closed. The exit code is still that of the signal, and
        // not the one for lost output.
        #expect(try await peer.waitForExit() == 129)
    }

    @Test("Ctrl-Z stops a peer, fg continues it: it is a member again, and the terminal works")
    func suspended() async throws {
        let server = try await harness.makeServer()
        let shell = try harness.startOnTerminal(["/bin/sh", "-i"], environment: ["PS1": "ready> ", "ENV": ""])
        try await shell.waitForText(matching: "ready> ")
        shell.type(try peer("A", of: server).joined(separator: " ") + "\n")
        try await shell.waitForText(matching: "joined as A ")
        shell.type("\u{1A}")
        try await server.process.waitForLine(matching: "^- A \\(")
        var mark = shell.text.count
        #expect(shell.isSane)
        shell.type("echo wor''king\n")
        try await shell.waitForText(matching: "working", after: mark)
        mark = shell.text.count
        let joins = server.process.mark
        shell.type("fg\n")
        try await server.process.waitForLine(matching: "^\\+ A ", since: joins)
        try await shell.waitForText(matching: "joined as A |the server is back", after: mark)
        shell.type("\u{3}")
        try await shell.waitForText(matching: "left the mesh\\s+ready> ", after: mark)
        #expect(shell.isSane)
    }

    @Test("progress is one line that fits the window, also after its size has changed")
    func resize() async throws {
        let simulation = try harness.startOnTerminal(command(["simulate", "--swarm", "1..10000"]))
        simulation.resize(columns: 20)
        try await simulation.waitForText(matching: "\r\u{1B}\\[Ksimulating: seed 1 \r")
        simulation.resize(columns: 30)
        try await simulation.waitForText(matching: "\r\u{1B}\\[K[^\r]{29}\r")
        #expect(!simulation.text.contains("\n"))
        simulation.type("\u{3}")
        #expect(try await simulation.waitForExit() == 130)
        #expect(simulation.isSane)
    }

    @Test("a self-test shows its progress, and each result has a line of its own")
    func selfTest() async throws {
        let test = try harness.startOnTerminal(command(["selftest", "--fuzz", "2s"]))
        #expect(try await test.waitForExit(within: .seconds(120)) == 0)
        let text = try await test.waitForText(matching: "passed")
        #expect(text.contains("\r\u{1B}[Kselftest: running, "))
        // A terminal shows only the part of a line after the last sequence that clears the line.
        let shown = text.split(separator: "\r\n").map { $0.split(separator: "\u{1B}[K").last.map(String.init) ?? "" }
        #expect(shown.filter { $0.hasPrefix("ok ") }.count > 3, "\(shown)")
        #expect(!shown.contains { $0.contains("running") && $0.contains("ok ") }, "\(shown)")
    }

    @Test("TERM=dumb and an unknown terminal: no escape sequences", arguments: ["dumb", ""])
    func dumb(terminal: String) async throws {
        let simulation = try harness.startOnTerminal(
            command(["simulate", "--swarm", "1..3"]), environment: ["TERM": terminal])
        #expect(try await simulation.waitForExit(within: .seconds(60)) == 0)
        #expect(simulation.text.contains("p2p: simulating: seed 1 of 1 to 3"))
        #expect(!simulation.text.contains("\u{1B}"))
    }
}
