internal import Foundation
internal import MeshControl
internal import Testing

/// Tests the commands that talk to a running mesh, on a terminal and in a pipe, with text and JSON as output.
/// `TopTests` tests `p2p top` in the same way.
@Suite("transcripts", .processes, .serialized, .timeLimit(.minutes(10)))
struct TranscriptTests {
    private let harness = ProcessHarness.current

    private func onTerminal(_ arguments: [String]) throws -> TerminalProcess {
        try harness.startOnTerminal([RunningProcess.binary().path] + arguments, environment: ["NO_COLOR": "1"])
    }

    private static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map(String.init)
    }

    /// Runs a command in a pipe and on a terminal, each with and without `--json`, and checks its output.
    ///
    /// - Parameters:
    ///   - pipe: The regular expression for the text in the pipe.
    ///   - terminal: The regular expression for the text on the terminal; nil for the same as in the pipe.
    private func check(_ arguments: [String], pipe: String, terminal: String? = nil) async throws {
        let piped = try await harness.run(arguments)
        let expected = try Regex(pipe)
        #expect(piped.status == 0 && piped.text.contains(expected), "\(arguments): \(piped.text)")
        let json = try await harness.run(arguments + ["--json"])
        #expect(json.status == 0)
        for (options, pattern) in [([], terminal ?? pipe), (["--json"], nil)] as [([String], String?)] {
            let process = try onTerminal(arguments + options)
            try await process.waitForText(matching: pattern ?? "\\}\\s*$", within: .seconds(20))
            #expect(try await process.waitForExit(within: .seconds(20)) == 0, "\(arguments): \(process.text)")
            #expect(!process.text.contains("\u{1B}") && process.isSane, "\(arguments): \(process.text)")
            if pattern == nil {
                let objects = Self.lines(process.text).filter { $0.hasPrefix("{") }
                #expect(objects.count == json.output.count)
                for object in objects + json.output { try Self.checkObject(object, arguments) }
            }
        }
    }

    private static func checkObject(_ text: String, _ arguments: [String]) throws {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(object?["schema"] as? Int == 1, "\(arguments): \(text)")
    }

    @Test("status, ping, send, reload, doctor, authorize and revoke print text or JSON, on a terminal as in a pipe")
    func answers() async throws {
        let server = try await harness.makeServer(peers: ["A", "B"], ["--control", "s.sock"])
        let peer = try await harness.joinPeer("A", of: server, ["--control", "A.sock"])
        _ = try await harness.joinPeer("B", of: server, ["--control", "off"])
        try await peer.waitForLine(matching: "^\\+ B ")
        for socket in ["s.sock", "A.sock"] { try await harness.waitForAnswer(at: socket) }
        _ = try await harness.run(["keygen", "C"])

        try await check(
            ["status", "--control", "A.sock"], pipe: "^B\talive\t",
            terminal: "^peer A at [\\s\\S]*NAME +STATE +FOR[\\s\\S]*B +alive")
        try await check(["status", "--control", "s.sock"], pipe: "A\talive\t", terminal: "^server at ")
        try await check(["ping", "B", "--count", "1", "--control", "A.sock"], pipe: "^B at 127\\S+ \\d+\\.\\d{3} ms")
        try await check(["send", "B", "hello", "--control", "A.sock"], pipe: "^delivered to 1 of 1: B")
        try await check(["send", "--all", "hello", "--control", "A.sock"], pipe: "^delivered to 1 of 1: B")
        try await check(["reload", "--control", "s.sock"], pipe: "^read keys/authorized_peers again: 2 keys")
        try await check(["doctor", "--control", "A.sock"], pipe: "ok  B answers in ")
        try await check(["authorize", "C", "keys/C.pub"], pipe: "added C to |lists C already")

        let revoked = try await harness.run(["revoke", "C", "--json"])
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(revoked.output.joined().utf8)) as? [String: Any])
        let keys = try #require(report["keys"] as? [[String: Any]])
        #expect(keys.map { $0["name"] as? String } == ["C"] && keys.map { $0["change"] as? String } == ["revoked"])
        #expect(report["list"] as? String == "keys/authorized_peers")
        let last = try onTerminal(["revoke", "B", "--reason", "gone"])
        try await last.waitForText(matching: "p2p: revoked B p2ppub1_\\S+ in keys/authorized_peers\\s")
        #expect(try await last.waitForExit() == 0 && !last.text.contains("\u{1B}"), "\(last.text)")
    }

    @Test("recv and watch print text or JSON, on a terminal as in a pipe, and Ctrl-C ends them")
    func streams() async throws {
        let server = try await harness.makeServer(peers: ["A", "B", "C"], ["--control", "s.sock"])
        let peer = try await harness.joinPeer("A", of: server, ["--control", "A.sock", "--broadcast-interval", "off"])
        _ = try await harness.joinPeer("B", of: server, ["--control", "B.sock", "--broadcast-interval", "off"])
        try await peer.waitForLine(matching: "^\\+ B ")
        for socket in ["s.sock", "A.sock", "B.sock"] { try await harness.waitForAnswer(at: socket) }

        let receive = ["recv", "-n", "1", "--control", "B.sock"]
        let piped = try [[], ["--json"]].map { try harness.start(receive + $0) }
        let typed = try [[], ["--json"]].map { try onTerminal(receive + $0) }
        try await harness.waitForReaders(4, of: "B.sock", within: .seconds(20))
        _ = try await harness.run(["send", "B", "one\ttwo", "--control", "A.sock"])
        for process in piped { #expect(try await process.waitForExit() == 0) }
        for process in typed {
            try await process.waitForText(matching: "\\s$")
            #expect(try await process.waitForExit() == 0)
        }
        let texts = [piped[0].lines(of: .output), Self.lines(typed[0].text)]
        #expect(texts == [["A (to you only): one\\ttwo"], ["A (to you only): one\\ttwo"]])
        for line in piped[1].lines(of: .output) + Self.lines(typed[1].text) {
            try Self.checkObject(line, receive)
            #expect(ControlJSON.decode(ControlEvent.self, from: Array(line.utf8))?.text == "one\ttwo")
        }

        let watch = ["watch", "--event", "memberJoined", "--control", "s.sock"]
        let watching = try [[], ["--json"]].map { try onTerminal(watch + $0) }
        let lines = try harness.start(watch + ["--json"])
        try await harness.waitForReaders(3, of: "s.sock", within: .seconds(20))
        _ = try await harness.joinPeer("C", of: server)
        try await watching[0].waitForText(matching: "^\\d{4}-\\S+Z memberJoined C 127\\S+:\\d+\\s")
        try await watching[1].waitForText(matching: "^\\{.*\"event\":\"memberJoined\".*\\}\\s")
        try await lines.waitForLine(matching: "^\\{.*\"event\":\"memberJoined\".*\\}$")
        for process in watching {
            process.type("\u{3}")
            #expect(try await process.waitForExit() == 130)
            #expect(process.isSane)
        }
    }
}
