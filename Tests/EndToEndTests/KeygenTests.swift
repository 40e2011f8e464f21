internal import Foundation
internal import Testing

@Suite("p2p keygen", .serialized)
struct KeygenTests {
    @Test("makes a secret file for its owner alone and a public one for all")
    func files() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["keygen", "A"])
        #expect(result.status == 0)
        #expect(try stage.mode(of: "keys/A.key") == 0o600)
        #expect(try stage.mode(of: "keys/A.pub") == 0o644)

        let line = try #require(result.output.first)
        #expect(try stage.read("keys/A.pub") == line + "\n")
        let secret = try stage.read("keys/A.key").split(separator: "\n", omittingEmptySubsequences: false)
        try #require(secret.count == 4)
        #expect(secret[0].hasPrefix("# created "))
        #expect(secret[1] == "# public key \(line.dropFirst("A ".count))")
        #expect(secret[2].wholeMatch(of: /P2PSECRET1_[A-Za-z0-9_-]{48}/) != nil)
        #expect(secret[3].isEmpty)
    }

    @Test("prints the public lines on stdout and nothing else there")
    func output() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["keygen", "A", "B"])
        try #require(result.output.count == 2)
        #expect(result.output[0].wholeMatch(of: /A p2ppub1_[A-Za-z0-9_-]{48}/) != nil)
        #expect(result.output[1].wholeMatch(of: /B p2ppub1_[A-Za-z0-9_-]{48}/) != nil)
        #expect(!result.errors.isEmpty)
        #expect(result.errors.allSatisfy { $0.hasPrefix("p2p: ") })
        #expect(!result.text.contains("P2PSECRET1_"), "a secret in what was said")
    }

    @Test("makes the server's key without a name")
    func defaultName() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["keygen"])
        #expect(result.output.first?.hasPrefix("server p2ppub1_") == true)
        #expect(stage.exists("keys/server.key") && stage.exists("keys/server.pub"))
    }

    @Test("overwrites neither file of a key, and then makes none", arguments: ["A.key", "A.pub"])
    func refusesToOverwrite(file: String) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try FileManager.default.createDirectory(
            at: stage.folder.appending(path: "keys"), withIntermediateDirectories: true)
        try stage.write("mine", to: "keys/\(file)")
        let result = try await stage.run(["keygen", "B", "A"])
        result.expectFailure(73, "keys/\(file) exists already")
        #expect(result.output.isEmpty)
        #expect(try stage.read("keys/\(file)") == "mine")
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.path("keys")) == [file])
    }

    @Test("does not follow a link that leads nowhere")
    func refusesLinks() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try FileManager.default.createDirectory(
            at: stage.folder.appending(path: "keys"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: stage.path("keys/A.key"), withDestinationPath: stage.path("elsewhere"))
        let result = try await stage.run(["keygen", "A"])
        result.expectFailure(73, "keys/A.key")
        #expect(!stage.exists("elsewhere"))
        #expect(!stage.exists("keys/A.pub"))
    }

    @Test(
        "takes only names",
        arguments: ["", "a b", "a/b", "../a", "é", "a\n", "a\u{1B}[31m", String(repeating: "a", count: 33), "-a"])
    func refusesNames(name: String) async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["keygen", name])
        result.expectFailure(64)
        #expect(result.output.isEmpty)
        #expect(!stage.exists("keys"))
    }

    @Test("--authorize lists the peers, not the server, and keeps what is listed")
    func authorize() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let first = try await stage.run(["keygen", "server", "A", "B", "--authorize"])
        #expect(try stage.read("keys/authorized_peers") == first.output.dropFirst().map { $0 + "\n" }.joined())
        let second = try await stage.run(["keygen", "C", "--authorize"])
        let all = first.output.dropFirst() + second.output
        #expect(try stage.read("keys/authorized_peers") == all.map { $0 + "\n" }.joined())
    }

    @Test("keeps keys in --keys, or else $P2P_KEYS, or else ./keys")
    func folders() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let environment = ["P2P_KEYS": stage.path("by-environment")]
        _ = try await stage.run(["keygen", "A", "--keys", stage.path("by-option")], environment: environment)
        #expect(stage.exists("by-option/A.key"))
        #expect(!stage.exists("by-environment"))
        _ = try await stage.run(["keygen", "A"], environment: environment)
        #expect(stage.exists("by-environment/A.key"))
        #expect(!stage.exists("keys"))
        _ = try await stage.run(["keygen", "A"])
        #expect(stage.exists("keys/A.key"))
    }

    @Test("says so when the folder cannot be made")
    func noFolder() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try stage.write("", to: "file")
        let result = try await stage.run(["keygen", "A", "--keys", stage.path("file/keys")])
        result.expectFailure(73, "file/keys")
    }

    @Test(
        "says so when its output cannot be written, and keeps what it made",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "this system has no full device"))
    func fullDisk() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(
            ["keygen", "A"], launcher: ["/bin/sh", "-c", #"exec "$0" "$@" > /dev/full"#])
        result.expectFailure(74, "cannot write to standard output: No space left on device")
        #expect(stage.exists("keys/A.key"))
        #expect(stage.exists("keys/A.pub"))
    }

    @Test("does not mind a reader that has gone away")
    func closedPipe() async throws {
        let stage = try Stage()
        defer { stage.end() }
        // A pipe that was open for reading once, so that it can be opened for writing, and is not any more.
        let launcher = ["/bin/sh", "-c", #"mkfifo f; exec 3<>f 4>f 3<&-; exec "$0" "$@" >&4"#]
        let result = try await stage.run(["keygen", "A", "B"], launcher: launcher)
        #expect(result.status == 0, "\(result.text)")
        #expect(stage.exists("keys/B.key"))
    }
}
