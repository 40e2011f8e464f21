internal import Foundation
internal import Testing

@Suite("the help", .processes)
struct HelpTests {
    private let harness = ProcessHarness.current

    /// The topics of `p2p help` that are not commands.
    private static let topics = ["exit-codes", "environment", "files", "signals"]

    private func commands() async throws -> [[String]] {
        var all: [[String]] = [[]]
        func add(_ command: HelpDump.Command, _ words: [String]) {
            for next in command.subcommands ?? [] where next.commandName != "help" {
                all.append(words + [next.commandName])
                add(next, words + [next.commandName])
            }
        }
        try await add(harness.helpDump(), [])
        return all
    }

    @Test("every help text fits 80 columns, and says each default once")
    func width() async throws {
        for words in try await commands() + Self.topics.map({ [$0] }) {
            let help = try await harness.run(["help"] + words)
            #expect(help.status == 0 && help.errors.isEmpty, "\(words): \(help.text)")
            let wide = help.output.filter { $0.count > 80 }
            #expect(wide.isEmpty, "\(words): \(wide)")
            // The text of an option is indented. The next option begins at a line with at most four blanks.
            let entries = help.output.joined(separator: "\n").split(separator: #/\n(?=\s{0,4}\S)/#)
            for entry in entries {
                let text = entry.replacing(#/\s+/#, with: " ").lowercased()
                #expect(text.ranges(of: "default").count <= 1, "\(words): \(text)")
            }
        }
    }

    @Test("the help of every command begins with examples, which are valid")
    func examples() async throws {
        // Subcommands have no examples of their own: the help of their command has them.
        for words in try await commands() where words.count < 2 {
            let help = try await harness.run(["help"] + words).output
            let body = help.dropFirst().drop { !$0.isEmpty }.dropFirst()
            #expect(body.first?.hasPrefix("  p2p ") == true, "\(words): \(help.joined(separator: "\n"))")
            let lines = body.prefix { !$0.isEmpty }.joined(separator: "\n").replacing(#/ \\\n\s+/#, with: " ")
            for line in lines.split(separator: "\n") {
                let example = line.trimmingCharacters(in: .whitespaces).split(separator: " && ")[0]
                // Each example is run with an unknown option. The parser reports that option only if all other
                // arguments are valid.
                let result = try await harness.run(
                    [], launcher: ["/bin/sh", "-c", "p2p() { \"$0\" \"$@\"; }; \(example) --no-such-option"])
                result.expectFailure(64, "--no-such-option")
            }
        }
    }

    @Test("p2p alone prints its help on stderr and exits with 64, as does 'p2p check'", arguments: [[], ["check"]])
    func alone(words: [String]) async throws {
        let result = try await harness.run(words)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errors == (try await harness.run(["help"] + words)).output)
    }

    @Test("commands are in groups")
    func groups() async throws {
        let help = try await harness.run(["--help"]).output
        let groups = help.filter { $0.hasSuffix(" SUBCOMMANDS:") }
        #expect(groups == ["RUN SUBCOMMANDS:", "USE SUBCOMMANDS:", "MANAGE SUBCOMMANDS:", "VERIFY SUBCOMMANDS:"])
    }

    @Test(
        "a word that is almost a command: the hint has the command",
        arguments: [
            (["sever"], "did you mean 'p2p server'?"), (["per", "A", "3001"], "did you mean 'p2p peer'?"),
            (["kegyen"], "did you mean 'p2p keygen'?"), (["help", "simulat"], "did you mean 'p2p help simulate'?"),
            (["help", "exitcodes"], "did you mean 'p2p help exit-codes'?"),
            (["check", "servr"], "did you mean 'p2p check server'?"), (["hlep"], "did you mean 'p2p help'?"),
            (["frobnicate"], "'p2p help' lists them"), (["check", "nothing"], "'p2p help check' lists them"),
        ])
    func nearMiss(words: [String], hint: String) async throws {
        try await harness.run(words).expectFailure(64, "is no command", hint: hint)
    }

    @Test("a misspelled option has a hint with the right one")
    func option() async throws {
        try await harness.run(["server", "--lisen", "x"]).expectFailure(64, "Did you mean '--listen'?")
        try await harness.run(["check", "server", "--lisen", "x"]).expectFailure(64, hint: "p2p help check server")
    }

    @Test("the topics have every exit code, variable and signal of docs/command.md and of the code")
    func topics() async throws {
        let page = try Page("docs/command.md").text
        func entries(_ topic: String) async throws -> [String] {
            try await harness.run(["help", topic]).output.compactMap {
                $0.firstMatch(of: #/^ {2}(\S.*?)(?: {2}.*| .*)?$/#).map { String($0.output.1) }
            }
        }
        let codes = page.split(separator: "## Exit codes")[1].matches(of: #/\n\| (\d+) \|/#).map { String($0.output.1) }
        #expect(codes.count > 10)
        #expect(try await entries("exit-codes") == codes)

        let signals = try await harness.run(["help", "signals"]).output.joined(separator: " ")
        let section = page.split(separator: "## Signals")[1].split(separator: "\n## ")[0]
        for match in section.matches(of: #/\n\| ([A-Z0-9, ]+) \|/#) where !match.output.1.contains(/TSTP|WINCH/) {
            for signal in match.output.1.split(separator: ", ") { #expect(signals.contains(signal.dropFirst(3))) }
        }

        let variables = try await entries("environment")
        let sources = try #require(FileManager.default.enumerator(atPath: Page.root.appending(path: "Sources").path))
        for case let name as String in sources where name.hasSuffix(".swift") {
            for match in try Page("Sources/\(name)").text.matches(of: #/environment\("([A-Z_0-9]+)"/#) {
                #expect(variables.contains(String(match.output.1)), "\(name)")
            }
        }
        for file in page.split(separator: "## Files")[1].split(separator: "\n## ")[0].matches(of: #/\n\| `([^`]+)`/#) {
            #expect(try await harness.run(["help", "files"]).text.contains("keys/\(file.output.1)"))
        }
    }
}
