internal import Foundation
internal import Testing

/// Faults that an operator can meet. Each test is named after what the operator saw.
@Suite("traps", .processes, .serialized)
struct TrapTests {
    private static let shell = ["/bin/sh", "-c"]

    @Test(
        "authorize and revoke put a file in the place of a device, or waited for a pipe without an end",
        arguments: ["mknod list c 1 3", "mkfifo list", "mkdir list"])
    func listIsNoFile(make: String) async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        let key = try await harness.run(["keygen", "A"]).output[0].dropFirst(2)
        // A user who may not make devices has no such test.
        guard try Self.run(make, in: harness) == 0 else { return }
        for command in [["authorize", "A", String(key)], ["revoke", "A"]] {
            try await harness.run(command + ["--authorized-peers", "list"])
                .expectFailure(65, "list: not a file, but a folder, a pipe or a device")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: harness.path("list"))
        #expect(attributes[.type] as? FileAttributeType != .typeRegular)
    }

    @Test("a server whose list is a pipe without a writer answered nobody, and did not stop")
    func silentPipe() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A"])
        let server = try await harness.startServer()
        try #require(try Self.run("cd keys && mv authorized_peers saved && mkfifo authorized_peers", in: harness) == 0)
        server.process.send(SIGHUP)
        try await server.process.waitForLine(
            matching: "nothing has come from this pipe for 10 s", on: .errors, within: .seconds(30))
        try await server.process.waitForLine(matching: "the previous list stays in force", on: .errors)
        #expect(try await harness.run(["status"]).status == 0)
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit() == 0)
        // A pipe with a writer is read to its end.
        let result = try await harness.run(
            ["check", "server", "--authorized-peers", "keys/authorized_peers"],
            launcher: Self.shell + [#"(cat keys/saved; sleep 0.2) > keys/authorized_peers & exec "$0" "$@""#])
        #expect(result.output.contains("ok  list of peers keys/authorized_peers: 1 key"), "\(result.text)")
    }

    @Test("authorize --until 9999-12-31 wrote a list that no command could read")
    func lastDay() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        let key = try await harness.makeKeys(peers: ["A"])[1].dropFirst(2)
        let result = try await harness.run(["authorize", "A", String(key), "--until", "9999-12-31"])
        #expect(result.status == 0, "\(result.text)")
        #expect(try harness.read("keys/authorized_peers").contains("until=9999-12-31T23:59:59Z"))
        #expect(try await harness.run(["key", "verify", "A"]).output == ["ok A"])
    }

    @Test("key new --replace replaced the key, and then found that the list could not be read")
    func replaceBesideBadList() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A"])
        let key = try harness.read("keys/A.key")
        try harness.write("A nonsense\n", to: "keys/authorized_peers")
        try await harness.run(["key", "new", "A", "--replace"]).expectFailure(65, "keys/authorized_peers:1")
        #expect(try harness.read("keys/A.key") == key)
    }

    @Test("doctor --report and simulate --report replaced a secret key")
    func reportOverKey() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        _ = try await harness.run(["keygen", "A"])
        let key = try harness.read("keys/A.key")
        for command in [["doctor"], ["simulate", "--peers", "2", "--minutes", "1"]] {
            try await harness.run(command + ["--report", "keys/A.key"])
                .expectFailure(73, "keys/A.key is the file of a secret key", hint: "another file")
        }
        #expect(try harness.read("keys/A.key") == key)
    }

    @Test("with a mask of 777, keygen and the control socket made folders that nobody could enter")
    func mask() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        let launcher = Self.shell + [#"umask 777; exec "$0" "$@""#]
        let made = try await harness.run(["keygen", "server", "A", "--authorize"], launcher: launcher)
        #expect(made.status == 0, "\(made.text)")
        #expect(try harness.mode(of: "keys") == 0o700)
        let server = try await harness.startServer(launcher: launcher)
        #expect(try await harness.run(["status", "--check"]).status == 0)
        withExtendedLifetime(server) {}
        let folder = try FileManager.default.attributesOfItem(
            atPath: harness.runtimeFolder.appending(path: "p2p").path)
        #expect(folder[.posixPermissions] as? Int == 0o700)
    }

    @Test("an empty path after --keys meant the root folder", arguments: ["keygen", "server", "key show A"])
    func emptyFolder(command: String) async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.run(command.split(separator: " ").map(String.init) + ["--keys", ""])
            .expectFailure(64, "the path after --keys is empty")
    }

    @Test(
        "a link to itself and a long path were said to belong to another user",
        arguments: [
            ("loop", "Too many levels of symbolic links"), (String(repeating: "x", count: 300), "name too long"),
        ])
    func wrongReason(path: String, reason: String) async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try FileManager.default.createSymbolicLink(atPath: harness.path("loop"), withDestinationPath: "loop")
        try await harness.run(["server", "--key", path])
            .expectFailure(77, "cannot be read: ", hint: "give the path of an ordinary file")
        let text = try await harness.run(["server", "--key", path]).text
        #expect(text.contains(reason), "\(text)")
    }

    @Test(
        "a folder of one's own without permission to enter was said to belong to another user",
        .enabled("needs a user other than root", BadInputTests.canBeNobody))
    func ownFolder() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        let nobody = geteuid() == 0 ? BadInputTests.nobody : []
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: harness.folder.path)
        _ = try await harness.run(["keygen", "--keys", "own"], launcher: nobody)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: harness.path("own"))
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: harness.path("own")) }
        try await harness.run(["server", "--keys", "own"], launcher: nobody)
            .expectFailure(77, "own/server.key cannot be read", hint: "chmod u+x own")
    }

    @Test("check printed the line breaks in a path, so a name of a folder looked like results")
    func lineBreaks() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        let folder = "a\nok  key b\u{1B}[31m"
        _ = try await harness.run(["keygen", "--keys", folder])
        for arguments in [["check", "server"], ["check", "server", "--show-origin"]] {
            let result = try await harness.run(arguments + ["--keys", folder])
            #expect(!result.text.contains("\u{1B}"))
            #expect(!result.output.contains { $0.hasPrefix("ok  key b") }, "\(result.text)")
        }
    }

    @Test("a P2P_ variable that is not UTF-8 was taken for another value", arguments: ["P2P_CONFIG", "P2P_HEARTBEAT"])
    func variableIsNoText(name: String) async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.run(
            ["check", "server"], launcher: Self.shell + [#"export \#(name)="$(printf 'a\377')"; exec "$0" "$@""#]
        ).expectFailure(78, "the environment variable \(name) is not UTF-8")
    }

    @Test(
        "a server listened on an address that no host has, and joined nobody",
        arguments: ["224.0.0.1:3000", "255.255.255.255:3000", "[ff02::1]:3000"])
    func multicast(address: String) async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["server", "--listen", address])
            .expectFailure(64, "is a multicast or broadcast address, which no host has")
    }

    @Test("a server that was given an address twice said that another process uses the port")
    func twice() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A"])
        let address = "127.0.0.1:\(try UDP.freePort())"
        try await harness.run(["server", "--listen", address, "--listen", address])
            .expectFailure(64, "--listen \(address) is given twice")
    }

    @Test("a control socket in a folder that is not there: the reason contained the name of a function")
    func controlPath() async throws {
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await harness.makeKeys(peers: ["A"])
        let result = try await harness.run(["server", "--listen", "127.0.0.1:0", "--control", "none/x.sock"])
        result.expectFailure(73, "cannot make the control socket none/x.sock: No such file or directory")
        #expect(!result.text.contains("descriptor:"))
    }

    /// Runs a line of a shell in the folder and returns its status.
    private static func run(_ line: String, in harness: ProcessHarness) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: shell[0])
        process.arguments = [shell[1], line]
        process.currentDirectoryURL = harness.folder
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
