internal import Foundation
internal import Testing

/// Runs scripts/install on programs that report any version.
@Suite("scripts/install", .processes)
struct InstallTests {
    private let installation = Installation()

    @Test("installs a program that runs, its units, manual pages and completions, and says so")
    func install() async throws {
        let result = try await installation.run(version: "0.1.0")
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.contains("install: installed 0.1.0 below \(installation.prefix)"))
        let paths = try installation.files()
        for path in [
            "bin/p2p", "lib/systemd/system/p2p-server.service", "lib/systemd/system/p2p-peer@.service",
            "share/man/man1/p2p.1", "share/man/man1/p2p-server.1", "share/bash-completion/completions/p2p",
            "share/zsh/site-functions/_p2p", "share/fish/vendor_completions.d/p2p.fish",
        ] {
            #expect(paths.contains(path), "\(path)")
        }
        let unit = try installation.harness.read("prefix/lib/systemd/system/p2p-server.service")
        #expect(unit.contains("\nExecStart=\(installation.prefix)/bin/p2p server "))
        let program = try await installation.harness.run(
            [], launcher: ["/bin/sh", "-c", "exec \(installation.prefix)/bin/p2p --help"])
        #expect(program.status == 0)
    }

    @Test("tells an upgrade and a downgrade by both versions")
    func upgrade() async throws {
        for (version, message) in [
            ("0.1.0", "installed 0.1.0 below"), ("0.1.0", "installed 0.1.0 again below"),
            ("0.10.0", "upgraded 0.1.0 to 0.10.0 below"), ("0.2.0", "downgraded 0.10.0 to 0.2.0 below"),
        ] {
            let result = try await installation.run(version: version)
            #expect(result.output.contains("install: \(message) \(installation.prefix)"), "\(result.text)")
        }
    }

    @Test("--uninstall leaves nothing behind, and nothing of others is removed")
    func uninstall() async throws {
        try await installation.run(version: "0.1.0")
        try installation.write("keys", to: "share/p2p/own")
        let result = try await installation.run(["--uninstall"], version: "0.1.0")
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.contains("install: removed 0.1.0"))
        #expect(try installation.files() == ["share/p2p/own"])
        #expect(!installation.harness.exists("prefix/bin"))
        let again = try await installation.run(["--uninstall"], version: "0.1.0")
        #expect(again.status == 1)
        #expect(again.errors.contains("install: error: nothing of p2p is installed below \(installation.prefix)"))
    }

    @Test("keeps a file that was changed after its installation, and puts the new one beside it")
    func changedFile() async throws {
        let unit = "lib/systemd/system/p2p-server.service"
        try await installation.run(version: "0.1.0")
        let text = try installation.harness.read("prefix/\(unit)")
        try installation.write(text + "# mine\n", to: unit)
        let result = try await installation.run(version: "0.2.0")
        #expect(result.output.contains { $0.hasPrefix("install: kept \(installation.prefix)/\(unit)") })
        #expect(result.output.contains("install: upgraded 0.1.0 to 0.2.0 below \(installation.prefix)"))
        #expect(try installation.harness.read("prefix/\(unit)") == text + "# mine\n")
        #expect(try installation.harness.read("prefix/\(unit).new") == text)
        try await installation.run(["--uninstall"], version: "0.2.0")
        #expect(try installation.files() == [unit])
    }

    @Test("refuses to overwrite a file that it has not installed, and installs nothing")
    func foreignFile() async throws {
        try installation.write("another program\n", to: "bin/p2p")
        let result = try await installation.run(version: "0.1.0")
        #expect(result.status == 1)
        let message = "install: error: \(installation.prefix)/bin/p2p exists, and this script has not installed it"
        #expect(result.errors.contains(message))
        #expect(try installation.files() == ["bin/p2p"])
        #expect(try installation.harness.read("prefix/bin/p2p") == "another program\n")
    }

    @Test("a program that does not run is refused, with the reason")
    func brokenProgram() async throws {
        let result = try await installation.run(version: nil)
        #expect(result.status == 1)
        #expect(result.errors.contains { $0.hasPrefix("install: error: ") && $0.contains("does not run: no library") })
        #expect(try installation.files() == [])
    }

    @Test("shells complete `p2p pe` to peer with the installed files, and bash a path after --key")
    func completions() async throws {
        try await installation.run(version: "0.1.0")
        let share = "\(installation.prefix)/share"
        let bash = """
            source '\(share)/bash-completion/completions/p2p'
            COMP_WORDS=(p2p pe) COMP_CWORD=1 COMP_LINE='p2p pe' COMP_POINT=6
            complete -p p2p && _p2p p2p pe p2p && printf '%s\\n' "${COMPREPLY[@]}"
            """
        let answer = try await installation.harness.run([], launcher: ["/bin/bash", "-c", bash])
        #expect(answer.output == ["complete -o filenames -F _p2p p2p", "peer"], "\(answer.text)")

        let file = """
            source '\(share)/bash-completion/completions/p2p'
            COMP_WORDS=(p2p server --key share/man) COMP_CWORD=3 COMP_LINE="${COMP_WORDS[*]}" COMP_POINT=${#COMP_LINE}
            cd '\(installation.prefix)' && _p2p p2p share/man --key && printf '%s\\n' "${COMPREPLY[@]}"
            """
        let files = try await installation.harness.run([], launcher: ["/bin/bash", "-c", file])
        #expect(files.output == ["share/man"], "\(files.text)")

        if ProcessHarness.isInstalled("fish") {
            let fish = "source '\(share)/fish/vendor_completions.d/p2p.fish'; complete -C 'p2p pe'"
            let answer = try await installation.harness.run([], launcher: ["/usr/bin/env", "fish", "-c", fish])
            #expect(answer.output.map { $0.split(separator: "\t")[0] } == ["peer"], "\(answer.text)")
        }
        if ProcessHarness.isInstalled("zsh") {
            let zsh =
                "fpath=('\(share)/zsh/site-functions' $fpath); autoload -U compinit; compinit -D -u; print $_comps[p2p]"
            let answer = try await installation.harness.run([], launcher: ["/usr/bin/env", "zsh", "-fc", zsh])
            #expect(answer.output == ["_p2p"], "\(answer.text)")
            let check = try await installation.harness.run(
                [], launcher: ["/usr/bin/env", "zsh", "-n", "\(share)/zsh/site-functions/_p2p"])
            #expect(check.text.isEmpty)
        }
    }

    @Test("every command has a manual page with each of its options, and p2p(1) has the exit codes of docs/command.md")
    func manual() async throws {
        let installed = try await installation.run(version: "0.1.0")
        try #require(installed.status == 0, "\(installed.text)")
        let page = try Page("docs/command.md")
        for heading in page.headings where heading.hasPrefix("p2p ") {
            let name = heading.replacing(" ", with: "-")
            let manual = try installation.harness.read("prefix/share/man/man1/\(name).1").replacing("\\-", with: "-")
            for row in page.rows(under: "## \(heading)") {
                let option = try #require(row[0].split(separator: " ").first)
                let word = option.hasPrefix("-") ? "\\fB\(option)\\fR" : "\\fI\(option.dropFirst().dropLast())\\fR"
                // The option is the first word of its paragraph, or the second name in the paragraph of the same
                // option.
                #expect(manual.contains(".TP\n\(word)") || manual.contains(", \(word)"), "\(name): \(option)")
            }
        }
        let overview = try installation.harness.read("prefix/share/man/man1/p2p.1")
        for (section, word) in [
            ("ENVIRONMENT", "NOTIFY_SOCKET"), ("FILES", "keys/authorized_peers"), ("SIGNALS", "HUP"),
        ] {
            let text = try #require(overview.split(separator: "\n.SH ").first { $0.hasPrefix("\(section)\n") })
            #expect(text.contains("\n.TP\n\\fB\(word)\\fR\n"), "\(section)")
        }
        let status = try #require(overview.firstMatch(of: #/\n\.SH EXIT STATUS\n((?:.|\n)*?)\n\.SH /#)).output.1
        #expect(
            status.matches(of: #/\.TP\n\\fB(\d+)\\fR/#).map { String($0.output.1) }
                == page.rows(under: "## Exit codes").map(\.[0]))
    }

    @Test(
        "groff renders every manual page without a warning",
        .enabled(if: ProcessHarness.isInstalled("groff"), "groff is missing"))
    func rendering() async throws {
        try await installation.run(version: "0.1.0")
        let pages = try installation.files().filter { $0.hasSuffix(".1") }
        #expect(pages.count > 6)
        for page in pages {
            let result = try await installation.harness.run(
                [], launcher: ["/bin/sh", "-c", "groff -man -ww -Tutf8 '\(installation.prefix)/\(page)'"])
            #expect(result.status == 0 && result.errors.isEmpty, "\(page): \(result.errors)")
        }
    }
}

/// A folder into which scripts/install installs.
private struct Installation {
    let harness = ProcessHarness.current
    let prefix = ProcessHarness.current.path("prefix")

    /// Runs scripts/install on a program that reports `version`.
    ///
    /// - Parameter version: The version; nil for a program that fails at its start.
    @discardableResult
    func run(_ arguments: [String] = [], version: String?) async throws -> FinishedProcess {
        let binary = try RunningProcess.binary().path
        let start = version.map { "[ \"$1\" != --version ] || exec echo \($0)" } ?? "echo no library >&2; exit 127"
        let script = Page.root.appending(path: "scripts/install").path
        // The shell writes the program. If this process wrote it, a process that another test starts meanwhile could
        // inherit the open file, and the system runs no file that a process has open for writing. The harness appends
        // the path of p2p to the arguments, and the shell drops it.
        return try await harness.run(
            [],
            launcher: [
                "/bin/bash", "-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\" && exec \"${@:3:$#-3}\"", "bash",
                "#!/bin/sh\n\(start)\nexec '\(binary)' \"$@\"\n", harness.path("program"), script, "--prefix", prefix,
                "--program", harness.path("program"),
            ] + arguments)
    }

    func write(_ text: String, to path: String) throws {
        let file = URL(fileURLWithPath: prefix).appending(path: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    /// The paths of all files below the prefix.
    func files() throws -> Set<String> {
        guard let paths = FileManager.default.enumerator(atPath: prefix) else { return [] }
        return Set(
            paths.compactMap { $0 as? String }.filter { path in
                var isFolder: ObjCBool = false
                return unsafe FileManager.default.fileExists(atPath: "\(prefix)/\(path)", isDirectory: &isFolder)
                    && !isFolder.boolValue
            })
    }
}
