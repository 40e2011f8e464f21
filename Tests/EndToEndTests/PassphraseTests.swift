internal import Foundation
internal import Testing

/// Tests secret keys with a passphrase. The passphrase comes from a file or from a terminal.
@Suite("passphrases of keys", .processes, .serialized)
struct PassphraseTests {
    private let harness = ProcessHarness.current

    /// Writes the files with a right and a wrong passphrase.
    init() throws {
        for (file, text) in [("right", "correct horse\n"), ("wrong", "another horse\n")] {
            try harness.write(text, to: file)
            try harness.setMode(0o600, of: file)
        }
    }

    @Test("server, peer, check, send --as and key read a key with a passphrase from a file")
    func fromFile() async throws {
        let made = try await harness.run(["keygen", "server", "A", "B", "--authorize", "--passphrase-file", "right"])
        #expect(made.status == 0, "\(made.text)")
        for name in ["server", "A"] {
            let content = try harness.read("keys/\(name).key")
            #expect(content.contains(/\nP2PSEALED1_[A-Za-z0-9_-]{96}\n$/) && !content.contains("P2PSECRET1_"))
            #expect(try harness.mode(of: "keys/\(name).key") == 0o600)
        }
        let server = try await harness.startServer(["--passphrase-file", "right"])
        let environment = ["P2P_PASSPHRASE_FILE": harness.path("right")]
        let peer = try harness.start(
            ["peer", "A", "\(try UDP.freePort())", "--server", server.address], environment: environment)
        try await peer.waitForLine(matching: "^joined as A ")
        let sent = try await harness.run(
            ["send", "A", "hello", "--as", "B", "--server", server.address, "--passphrase-file", "right"])
        #expect(sent.output == ["delivered to 1 of 1: A"], "\(sent.text)")
        let checked = try await harness.run(["check", "peer", "A", "\(try UDP.freePort())"], environment: environment)
        #expect(checked.output.contains { $0.hasPrefix("ok  key keys/A.key: p2ppub1_") }, "\(checked.text)")
        let verified = try await harness.run(["key", "verify", "server", "A", "--passphrase-file", "right"])
        #expect(verified.output == ["ok server", "ok A"])
    }

    @Test(
        "without a terminal and a file, the command ends at once and says what to give",
        arguments: [
            ["server"], ["peer", "A", "3001"], ["send", "B", "x", "--as", "A"], ["key", "show", "keys/A.key"],
            ["key", "passphrase", "A"], ["keygen", "C", "--passphrase"], ["key", "new", "A", "--replace"],
        ])
    func noTerminal(command: [String]) async throws {
        _ = try await harness.run(["keygen", "server", "A", "--authorize", "--passphrase-file", "right"])
        let result = try await harness.run(command, launcher: ["/usr/bin/setsid", "--wait"])
        result.expectFailure(77, "needs a passphrase, and there is no terminal", hint: "--passphrase-file")
        #expect(!harness.exists("keys/C.key"))
    }

    @Test("a wrong passphrase, and a file of it that others may read, are refused in clear words")
    func refused() async throws {
        _ = try await harness.run(["keygen", "server", "--passphrase-file", "right"])
        try await harness.run(["server", "--passphrase-file", "wrong"])
            .expectFailure(77, "keys/server.key: wrong passphrase", hint: "nobody can read the key without it")
        try await harness.run(["server", "--passphrase-file", "none"]).expectFailure(77, "no passphrase at none")
        try harness.setMode(0o644, of: "right")
        try await harness.run(["server", "--passphrase-file", "right"])
            .expectFailure(77, "right: can be read by others", hint: "chmod 600 right")
        try harness.write("passphrase-file = \"wrong\"\n", to: "p2p.toml")
        try await harness.run(["server"]).expectFailure(77, "keys/server.key: wrong passphrase")
    }

    @Test("key passphrase adds, changes and removes one, and leaves the key and the rest of the file")
    func change() async throws {
        try await harness.makeKeys(peers: ["A"])
        let plain = try harness.read("keys/A.key")
        func run(_ arguments: [String]) async throws -> FinishedProcess {
            try await harness.run(["key", "passphrase", "A"] + arguments)
        }
        #expect(try await run(["--remove"]).errors == ["p2p: keys/A.key has no passphrase"])
        #expect(try await run(["--new-passphrase-file", "wrong"]).status == 0)
        let sealed = try harness.read("keys/A.key")
        #expect(sealed != plain && sealed.hasPrefix(plain.prefix { $0 != "\n" }) && sealed.contains("P2PSEALED1_"))
        let changed = try await run(["--passphrase-file", "wrong", "--new-passphrase-file", "right"])
        #expect(changed.errors == ["p2p: keys/A.key has another passphrase"])
        try await run(["--passphrase-file", "wrong", "--remove"]).expectFailure(77, "wrong passphrase")
        // If the replaced key has a passphrase, the new key must have one too.
        #expect(try await run(["--passphrase-file", "right", "--remove"]).status == 0)
        #expect(try harness.read("keys/A.key") == plain)
        #expect(try await run(["--new-passphrase-file", "right"]).status == 0)
        let new = try await harness.run(["key", "new", "A", "--replace", "--passphrase-file", "right"])
        #expect(new.status == 0, "\(new.text)")
        #expect(try harness.read("keys/A.key").contains("P2PSEALED1_"))
    }

    @Test("the terminal asks twice for a new passphrase, and shows no character of it")
    func asks() async throws {
        let terminal = try harness.startOnTerminal([try RunningProcess.binary().path, "keygen", "A", "--passphrase"])
        var skip = 0
        for (text, question) in [
            ("correct horse", "^new passphrase of keys/A.key: $"), ("correct house", "the same passphrase again: $"),
            ("correct horse", "differ, try again"), ("correct horse", "the same passphrase again: $"),
        ] {
            skip = try await Self.answer(text, question, terminal, after: skip)
        }
        #expect(try await terminal.waitForExit() == 0)
        #expect(terminal.isSane)
        #expect(!terminal.text.contains("horse") && terminal.text.contains("A p2ppub1_"))

        let show = try harness.startOnTerminal([try RunningProcess.binary().path, "key", "show", "keys/A.key"])
        skip = try await Self.answer("wrong", "^passphrase of keys/A.key: $", show)
        try await show.waitForText(matching: "wrong passphrase for keys/A.key, try again", after: skip)
        _ = try await Self.answer("correct horse", "passphrase of keys/A.key: $", show, after: skip)
        #expect(try await show.waitForExit() == 0)
        #expect(show.text.contains("# fingerprint ") && show.isSane)
    }

    @Test(
        "Ctrl-C, Ctrl-\\ and a closed pipe of input at the question leave a terminal that echoes",
        arguments: [("\u{3}", 130), ("\u{1C}", 131), ("\u{4}", 77)] as [(String, Int32)],
        [["key", "show", "keys/A.key"], ["peer", "A", "3001"], ["server", "--key", "keys/A.key"]])
    func interrupted(key: (text: String, status: Int32), command: [String]) async throws {
        _ = try await harness.run(["keygen", "server", "A", "--authorize", "--passphrase-file", "right"])
        let terminal = try harness.startOnTerminal([try RunningProcess.binary().path] + command)
        try await terminal.waitForText(matching: "passphrase of keys/A.key: $")
        try await Self.waitForSilence(terminal)
        terminal.type(key.text)
        #expect(try await terminal.waitForExit() == key.status, "\(terminal.text)")
        #expect(terminal.isSane)
    }

    @Test("a process that is stopped at the question restores the terminal, and asks again when it continues")
    func stopped() async throws {
        _ = try await harness.run(["keygen", "A", "--passphrase-file", "right"])
        let shell = #"set -m; "$0" key show keys/A.key & fg; echo "stopped"; read line; fg; echo "ended $?""#
        let terminal = try harness.startOnTerminal(["/bin/bash", "-c", shell, try RunningProcess.binary().path])
        try await terminal.waitForText(matching: "passphrase of keys/A.key: $")
        try await Self.waitForSilence(terminal)
        terminal.type("\u{1A}")
        try await terminal.waitForText(matching: "stopped")
        #expect(terminal.isSane)
        let skip = terminal.text.count
        terminal.type("\n")
        try await terminal.waitForText(matching: "passphrase of keys/A.key: $", after: skip)
        try await Self.waitForSilence(terminal)
        terminal.type("correct horse\n")
        try await terminal.waitForText(matching: "ended 0")
        #expect(!terminal.text.contains("horse"))
    }

    /// Waits until the terminal's text after the first `skip` characters matches `question`, and types `text` as the
    /// answer.
    ///
    /// - Returns: The number of characters that the terminal had received before the answer.
    private static func answer(
        _ text: String, _ question: String, _ terminal: TerminalProcess, after skip: Int = 0
    ) async throws -> Int {
        try await terminal.waitForText(matching: question, after: skip)
        try await waitForSilence(terminal)
        let count = terminal.text.count
        terminal.type(text + "\n")
        return count
    }

    /// Waits until the terminal's echo is off.
    private static func waitForSilence(_ terminal: TerminalProcess) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while terminal.isSane {
            guard ContinuousClock.now < deadline else {
                throw MissingOutcome(what: "a terminal without echo", from: terminal.text)
            }
            try await RunningProcess.pause()
        }
    }
}
