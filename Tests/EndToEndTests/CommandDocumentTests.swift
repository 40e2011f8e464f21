internal import Foundation
internal import Testing

/// Checks that docs/command.md lists the options, the defaults and the exit codes that the command has.
@Suite("docs/command.md", .processes)
struct CommandDocumentTests {
    private let harness = ProcessHarness.current

    @Test("lists every argument with its default, and no other")
    func arguments() async throws {
        let page = try Page("docs/command.md")
        var documented: Set<String> = []
        let commands = try await (harness.helpDump().subcommands ?? []).filter { $0.commandName != "help" }
        let leaves =
            commands.map { ("## p2p", $0) }
            + commands.filter { $0.commandName == "key" }.flatMap { ($0.subcommands ?? []).map { ("### p2p key", $0) } }
        for (heading, command) in leaves {
            let all = (command.arguments ?? []).filter { !["help", "version"].contains($0.valueName) }
            let arguments = all.filter { $0.sectionTitle != "Output" }
            if !all.isEmpty {
                let output = all.filter { $0.sectionTitle == "Output" }.map { [$0.synopsis, $0.defaultText] }
                #expect(page.rows(under: "## Output options").map { Array($0.prefix(2)) } == output)
            }
            let rows = page.rows(under: "\(heading) \(command.commandName)")
            #expect(rows.map { Array($0.prefix(2)) } == arguments.map { [$0.synopsis, $0.defaultText] })
            if heading == "## p2p" { documented.insert("p2p \(command.commandName)") }
        }
        #expect(documented.count > 8)
        #expect(Set(page.headings.filter { $0.hasPrefix("p2p ") }) == documented)
    }

    @Test("lists the exit codes of the code")
    func exitCodes() throws {
        let source = try Page("Sources/p2p/Failure.swift").text
        let codes = source.matches(of: #/case \w+ = (\d+)/#).map { String($0.output.1) }
        #expect(codes.count == 11)
        let rows = try Page("docs/command.md").rows(under: "## Exit codes")
        #expect(rows.map(\.[0]) == ["0", "1"] + codes)
    }

    @Test("lists the signals that SignalTests, TerminalTests and RecoveryTests send")
    func signals() throws {
        let rows = try Page("docs/command.md").rows(under: "## Signals")
        #expect(
            rows.map(\.[0]) == [
                "SIGINT, SIGTERM", "a second SIGINT or SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGTSTP, SIGSTOP",
                "SIGWINCH", "SIGPIPE, SIGUSR2, SIGXFSZ",
            ])
        #expect(rows.allSatisfy { $0.count == 5 })
    }

    @Test("the help of simulate lists every attack, and no other")
    func attacks() async throws {
        let refusal = try await harness.run(["simulate", "--attack", "none"])
        let names = try #require(refusal.text.firstMatch(of: #/an attack is one of (.*)/#)).output.1
            .split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let help = try await harness.run(["simulate", "--help"]).output
        let listed = help.drop { !$0.hasPrefix("Attacks") }.dropFirst().prefix { $0.hasPrefix("  ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(listed == names)
        #expect(help.allSatisfy { $0.count <= 80 })
    }
}
