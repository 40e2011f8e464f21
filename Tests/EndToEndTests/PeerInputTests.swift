internal import Foundation
internal import Testing

/// Tests the commands that a peer reads from standard input.
@Suite("a peer's standard input", .processes, .serialized, .timeLimit(.minutes(10)))
struct PeerInputTests {
    private let harness = ProcessHarness.current

    @Test("each command in a pipe has one line as its answer, and the peer continues at the end of the pipe")
    func commands() async throws {
        let server = try await harness.makeServer()
        let peer = try await harness.joinPeerWithInput("A", of: server)
        let other = try await harness.joinPeer("B", of: server)
        try await peer.waitForLine(matching: "^\\+ B ")

        #expect(try await peer.answer(to: "send B  two  words ") == "ok delivered to B")
        try await other.waitForLine(matching: "^A \\(to you only\\):  two  words $")
        #expect(try await peer.answer(to: "all für alle\r") == "ok delivered to 1 member")
        try await other.waitForLine(matching: "^A: für alle$")
        #expect(try await peer.answer(to: "send C x") == "error no member C")

        let mark = peer.mark
        #expect(try await peer.answer(to: "peers") == "ok 1 member")
        try await peer.waitForLine(matching: "^B 127\\.0\\.0\\.1:\\d+ p2ppub1_", since: mark)
        #expect(try await peer.answer(to: "status").contains(/^ok peer A at .*, joined for \d+s, .*: 1 alive$/))
        #expect(try await peer.answer(to: "help") == "ok 10 commands")
        #expect(peer.lines(of: .output).contains { $0.hasPrefix("send NAME TEXT  ") })

        #expect(try await peer.answer(to: "broadcast 50ms") == "ok broadcasts every 50ms")
        try await other.waitForMessages(from: "A", count: 3)
        #expect(try await peer.answer(to: "broadcast off") == "ok broadcasts are off")
        #expect(try await peer.answer(to: "broadcast on") == "ok broadcasts every 50ms")

        try peer.closeInput()
        try await other.waitForMessages(from: "A", count: 3)
        peer.send(SIGTERM)
        #expect(try await peer.waitForExit() == 0)
    }

    @Test("a message that is sent right after the start of a peer arrives")
    func atOnce() async throws {
        let server = try await harness.makeServer()
        let other = try await harness.joinPeer("B", of: server)
        let peer = try harness.start(harness.inputArguments("A", of: server), hasInput: true)
        #expect(try await peer.answer(to: "send B hi") == "ok delivered to B")
        try await other.waitForLine(matching: "^A \\(to you only\\): hi$")
        #expect(try await peer.answer(to: "send C hi") == "error no member C")
    }

    @Test("a wrong command is refused, with the one that was probably meant; so is a line too long or not UTF-8")
    func mistakes() async throws {
        let server = try await harness.makeServer()
        let peer = try await harness.joinPeerWithInput("A", of: server)
        let expected = [
            "brodcast off": "error unknown command 'brodcast'; did you mean 'broadcast'?",
            "\u{1B}[2J": "error unknown command '\\u{1b}[2J'; see 'help'",
            "broadcast of": "error an interval is like 500ms, 4s or 2m; did you mean 'off'?",
            "send B": "error usage: send NAME TEXT",
            "ping": "error usage: ping NAME",
            "ping B C": "error usage: ping NAME",
            "ping B/C": "error 'B/C' is no name: 1 to 32 characters of A-Z a-z 0-9 . _ -",
            "ping C": "error no member C",
            "send B/C x": "error 'B/C' is no name: 1 to 32 characters of A-Z a-z 0-9 . _ -",
            "quit now": "error 'quit' takes no argument",
            "connect": "error the peer is connected; 'disconnect' leaves the mesh",
            "all \(String(repeating: "x", count: 1_084))": "error the text has more than 1083 bytes",
            String(repeating: "x", count: 70_000): "error the line has more than 65536 bytes",
        ]
        for (line, answer) in expected { #expect(try await peer.answer(to: line) == answer) }
        let mark = peer.mark
        try peer.write([0xFF, UInt8(ascii: "\n"), UInt8(ascii: "\n")])
        #expect(try await peer.waitForLine(matching: "^error ", since: mark) == "error the line is not UTF-8")
        #expect(try await peer.answer(to: "all x") == "error there is no other member")
        #expect(try await peer.answer(to: "quit") == "ok leaving")
        #expect(try await peer.waitForExit() == 0)
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
    }

    @Test("disconnect leaves the mesh, and connect joins again; the control socket answers for both")
    func reconnection() async throws {
        let server = try await harness.makeServer()
        let port = try UDP.freePort()
        let peer = try await harness.joinPeerWithInput("A", port: port, of: server, ["--control", "a.sock"])
        _ = try await harness.waitForAnswer(at: "a.sock")
        #expect(try await peer.answer(to: "disconnect") == "ok disconnected")
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
        try await peer.waitForLine(matching: "^p2p: left the mesh$", on: .errors)
        for command in ["disconnect", "peers", "send B x", "all x"] {
            #expect(
                try await peer.answer(to: command) == "error the peer is disconnected; 'connect' joins the mesh again")
        }
        #expect(try await harness.run(["status", "--check", "--control", "a.sock"]).status == 1)

        // While the peer is disconnected, another process takes its port.
        let other = try await harness.joinPeer("B", port: port, of: server)
        #expect(try await peer.answer(to: "connect").contains(/^error the port of .* is in use$/))
        other.send(SIGTERM)
        _ = try await other.waitForExit()

        let (mark, joins) = (peer.mark, server.process.mark)
        #expect(try await peer.answer(to: "connect") == "ok joining")
        try await peer.waitForLine(matching: "^joined as A ", since: mark)
        try await server.process.waitForLine(matching: "^\\+ A ", since: joins)
        #expect(try await harness.run(["status", "--check", "--control", "a.sock"]).status == 0)
        let third = try await harness.joinPeer("C", of: server)
        #expect(try await peer.answer(to: "send C hello") == "ok delivered to C")
        try await third.waitForLine(matching: "^A \\(to you only\\): hello$")
        peer.send(SIGTERM)
        #expect(try await peer.waitForExit() == 0)
        try await server.process.waitForLine(matching: "^- A \\(left\\)", since: joins)
    }

    @Test("a peer that is stopped does not answer, and the sender says so")
    func silence() async throws {
        let server = try await harness.makeServer(["--lifetime", "60s"])
        let peer = try await harness.joinPeerWithInput("A", of: server)
        let other = try await harness.joinPeer("B", of: server)
        try await peer.waitForLine(matching: "^\\+ B ")
        try await other.stop()
        #expect(try await peer.answer(to: "send B x") == "error no answer from B")
        #expect(try await peer.answer(to: "ping B") == "error no answer from B")
        #expect(try await peer.answer(to: "all x") == "error delivered to 0 of 1 members; no answer: B")
        other.send(SIGCONT)
        #expect(try await peer.answer(to: "ping B").contains(/^ok B answers in \d+\.\d{3} ms$/))
        #expect(try await peer.answer(to: "send B x") == "ok delivered to B")
    }

    @Test("on a terminal there is a prompt, and Ctrl-D leaves the mesh", arguments: ["xterm", "dumb"])
    func terminal(kind: String) async throws {
        let server = try await harness.makeServer()
        let arguments = try harness.inputArguments("A", of: server)
        let peer = try harness.startOnTerminal(
            [RunningProcess.binary().path] + arguments, environment: ["TERM": kind])
        let clear = kind == "dumb" ? "\r" : "\r\u{1B}\\[K"
        try await peer.waitForText(matching: "> \(clear)joined as A [^>]*\\s> $")
        peer.type("\n")
        try await peer.waitForText(matching: "\\s> \\s> $")
        peer.type("hlep\n")
        try await peer.waitForText(
            matching: "> hlep\\s\(clear)error unknown command 'hlep'; did you mean 'help'\\?\\s> $")
        #expect(peer.text.contains("\u{1B}") == (kind != "dumb"))
        peer.type("\u{4}")
        #expect(try await peer.waitForExit() == 0)
        #expect(peer.text.contains(/\s> \r(\u{1B}\[K)?p2p: left the mesh\s$/), "\(peer.text)")
        #expect(peer.isSane)
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
    }

    @Test("a peer in the background of a terminal is not stopped, has no prompt, and takes commands after fg")
    func background() async throws {
        let server = try await harness.makeServer()
        let shell = try harness.startOnTerminal(["/bin/sh", "-i"], environment: ["PS1": "ready: ", "ENV": ""])
        try await shell.waitForText(matching: "ready: ")
        let command = try ([RunningProcess.binary().path] + harness.inputArguments("A", of: server))
        shell.type(command.joined(separator: " ") + " &\n")
        try await shell.waitForText(matching: "joined as A ")
        var mark = shell.text.count
        shell.type("echo wor''king\n")
        try await shell.waitForText(matching: "working\r\n", after: mark)
        shell.type("jobs\n")
        try await shell.waitForText(matching: "Running", after: mark)
        #expect(!shell.text.contains("> "))
        mark = shell.text.count
        shell.type("fg\n")
        try await shell.waitForText(matching: "peer A", after: mark)
        shell.type("status\n")
        try await shell.waitForText(matching: "ok peer A at ", after: mark)
        shell.type("quit\n")
        try await shell.waitForText(matching: "ok leaving", after: mark)
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
        #expect(shell.isSane)
    }
}

extension ProcessHarness {
    /// Returns the arguments of a peer that does not broadcast. If `port` is nil, the peer gets a free port.
    fileprivate func inputArguments(_ name: String, port: UInt16? = nil, of server: ServerProcess) throws -> [String] {
        try ["peer", name, "\(port ?? UDP.freePort())", "--server", server.address, "--broadcast-interval", "off"]
    }

    /// Starts a peer whose standard input is a pipe, and waits until the peer has joined.
    fileprivate func joinPeerWithInput(
        _ name: String, port: UInt16? = nil, of server: ServerProcess, _ arguments: [String] = []
    ) async throws -> RunningProcess {
        let peer = try start(inputArguments(name, port: port, of: server) + arguments, hasInput: true)
        try await peer.waitForLine(matching: "^joined as \(name) at ")
        return peer
    }
}
