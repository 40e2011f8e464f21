internal import Foundation
internal import Testing

@testable internal import p2p

/// Tests the lines on stderr, and the options that determine their number and form.
@Suite("the log", .processes, .serialized)
struct LogTests {
    private let harness = ProcessHarness.current

    private static func page() throws -> [String: (levels: Set<String>, fields: Set<String>)] {
        let text = try Page("docs/log.md").text
        var events: [String: (levels: Set<String>, fields: Set<String>)] = [:]
        for line in text.split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.replacing("`", with: "").trimmingCharacters(in: .whitespaces) }
            guard cells.count == 6, cells[1] != "event", !cells[1].hasPrefix("--") else { continue }
            func words(_ cell: String) -> Set<String> {
                Set(cell.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
            }
            events[cells[1]] = (words(cells[2]), words(cells[3]))
        }
        return events
    }

    @Test("docs/log.md lists every event, and no other")
    func events() throws {
        var names = Set(ConsoleEvent.allCases.map(\.rawValue))
        for folder in ["SecureMesh", "p2p", "p2p/Process"] {
            let path = Page.root.appending(path: "Sources/\(folder)").path
            for file in try FileManager.default.contentsOfDirectory(atPath: path) where file.hasSuffix(".swift") {
                let source = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
                for match in source.matches(of: #/logger\.(?:\w+)\(\s*(?:level: \w+,\s*)?"([^"]+)"/#) {
                    names.insert(ConsoleLogHandler.name(of: String(match.output.1)))
                }
            }
        }
        #expect(names.count > ConsoleEvent.allCases.count + 8)
        #expect(Set(try Self.page().keys) == names)
    }

    @Test("--log-format json: every line is an object with a documented event, level and fields")
    func json() async throws {
        let server = try await harness.makeServer(peers: ["A"], ["--log-format", "json"])
        let a = try await harness.joinPeer("A", of: server, ["--log-format=json"])
        let stranger = try UDP.Socket(.loopback4)
        stranger.send([1, 2, 3], to: .loopback4, port: try #require(server.port))
        try await server.process.waitForLine(matching: "lost-datagrams", on: .errors)
        for process in [server.process, a] {
            process.send(SIGUSR1)
            try await process.waitForLine(matching: "\"summary\"", on: .errors)
        }
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "list-reloaded", on: .errors)
        try harness.write("no key\n", to: "keys/authorized_peers")
        server.process.send(SIGHUP)
        try await server.process.waitForLine(matching: "list-kept", on: .errors)
        a.send(SIGTERM)
        try await a.waitForExit()
        let page = try Self.page()
        var seen: Set<String> = []
        for line in server.process.lines(of: .errors) + a.lines(of: .errors) {
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
            let (event, level) = (object["event"] as? String ?? "", object["level"] as? String ?? "")
            let documented = try #require(page[event], "\(line)")
            #expect(documented.levels.contains(level), "\(line)")
            #expect((object["time"] as? String)?.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/#) != nil, "\(line)")
            #expect((object["message"] as? String)?.isEmpty == false, "\(line)")
            let fields = Set(object.keys).subtracting(["time", "level", "event", "message", "hint"])
                .map { $0.replacing(#/^(refused|lost)\..*/#) { "\($0.output.1).REASON" } }
            #expect(documented.fields.isSuperset(of: fields), "\(line)")
            seen.insert(event)
        }
        #expect(seen.isSuperset(of: ["listening", "lost-datagrams", "summary", "list-reloaded", "error", "left"]))
        #expect(
            try !server.process.lines(matching: #""lost":1,"lost.strangersDropped":1,"members":1"#, on: .errors).isEmpty
        )
    }

    @Test("stderr that is systemd's journal gets priorities, another one does not")
    func journal() async throws {
        let identity = "$(stat -Lc %d:%i /proc/self/fd/2)"
        for (stream, prefix) in [(identity, "<3>error: "), ("1:2", "p2p: error: ")] {
            let result = try await harness.run(
                ["server", "--key", "none"],
                launcher: ["/bin/sh", "-c", "JOURNAL_STREAM=\(stream) exec \"$0\" \"$@\""])
            #expect(result.errors.first?.hasPrefix("\(prefix)no key at none") == true, "\(result.text)")
        }
        let chosen = try await harness.run(["server", "--key", "none", "--log-format", "journal"])
        #expect(chosen.errors.allSatisfy { $0.hasPrefix("<3>") }, "\(chosen.text)")
    }

    @Test(
        "send, recv, watch, ping, reload, doctor and key obey their output options",
        arguments: [
            ["send", "B", "x"], ["recv"], ["watch"], ["ping", "B"], ["reload"], ["status"], ["doctor"],
            ["key", "show", "B"], ["key", "new", "A"], ["key", "passphrase", "B"],
        ])
    func everyCommand(command: [String]) async throws {
        _ = try await harness.run(["keygen", "A"])
        let json = try await harness.run(command + ["--log-format", "json"])
        #expect(json.status != 0 && json.errors.count == 1, "\(json.text)")
        #expect(json.errors.first?.hasPrefix("{\"time\":") == true, "\(json.text)")
        let colored = try await harness.run(command + ["--color", "always"])
        #expect(colored.errors.first?.contains("\u{1B}[31merror:\u{1B}[0m") == true, "\(colored.text)")
    }

    @Test("--timestamps: results, notes and log lines begin with the time")
    func timestamps() async throws {
        let keys = try await harness.run(["keygen", "--timestamps"])
        #expect(keys.output.count == 1 && keys.errors.count == 2)
        try harness.write("", to: "keys/authorized_peers")
        let process = try harness.start(["server", "--listen", "127.0.0.1:0", "--timestamps"])
        try await process.waitForLine(matching: "public key ")
        process.send(SIGTERM)
        let server = try await process.finish()
        for line in keys.output + keys.errors + server.output + server.errors {
            #expect(line.firstMatch(of: #/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /#) != nil, "\(line)")
        }
    }

    @Test("--quiet prints results and errors only, --log-level warning warnings too")
    func levels() async throws {
        let quiet = try await harness.run(["keygen", "A", "--quiet"])
        #expect(quiet.output.count == 1 && quiet.errors.isEmpty, "\(quiet.text)")
        try await harness.run(["keygen", "A", "--quiet"]).expectFailure(73, "exists already", hint: "move it away")
        _ = try await harness.run(["keygen", "--quiet"])
        for (arguments, count) in [(["--quiet"], 0), (["--log-level", "warning"], 1), (["--log-level", "info"], 2)] {
            let process = try harness.start(["server", "--open", "--listen", "127.0.0.1:0"] + arguments)
            try await process.waitForLine(matching: "^public key ")
            process.send(SIGTERM)
            let end = try await process.finish()
            #expect(end.errors.count == count, "\(end.text)")
        }
        try await harness.run(["server", "--quiet", "--log-level", "debug"]).expectFailure(64, "exclude each other")
    }

    @Test("on a terminal, a warning or an error has a color, unless NO_COLOR, TERM or --color say otherwise")
    func color() async throws {
        let binary = try RunningProcess.binary().path
        for (arguments, environment, isColored) in [
            ([], [:], true), ([], ["NO_COLOR": "1"], false), ([], ["NO_COLOR": ""], true),
            ([], ["TERM": "dumb"], false), (["--color", "never"], [:], false),
            (["--color", "always"], ["NO_COLOR": "1"], true),
        ] as [([String], [String: String], Bool)] {
            let process = try harness.startOnTerminal(
                [binary, "server", "--key", "none"] + arguments, environment: environment)
            #expect(try await process.waitForExit() == 77)
            let text = try await process.waitForText(matching: "hint: ")
            #expect(text.contains("\u{1B}[31merror:\u{1B}[0m no key at none") == isColored, "\(text)")
            #expect(text.contains("\u{1B}") == isColored, "\(text)")
        }
        let piped = try await harness.run(["server", "--key", "none", "--color", "always"])
        #expect(piped.text.contains("\u{1B}[31m"))
    }
}
