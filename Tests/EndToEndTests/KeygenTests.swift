internal import Foundation
internal import Testing

@Suite("p2p keygen", .processes, .serialized)
struct KeygenTests {
    private let harness = ProcessHarness.current

    @Test("creates a secret file that only its owner may read and a public one for all")
    func files() async throws {
        let result = try await harness.run(["keygen", "A"])
        #expect(result.status == 0)
        #expect(try harness.mode(of: "keys/A.key") == 0o600)
        #expect(try harness.mode(of: "keys/A.pub") == 0o644)

        let line = try #require(result.output.first)
        #expect(try harness.read("keys/A.pub") == line + "\n")
        let secret = try harness.read("keys/A.key").split(separator: "\n", omittingEmptySubsequences: false)
        try #require(secret.count == 4)
        #expect(secret[0].hasPrefix("# created "))
        #expect(secret[1] == "# public key \(line.dropFirst("A ".count))")
        #expect(secret[2].wholeMatch(of: /P2PSECRET1_[A-Za-z0-9_-]{48}/) != nil)
        #expect(secret[3].isEmpty)
    }

    @Test("prints only the public lines on stdout")
    func output() async throws {
        let result = try await harness.run(["keygen", "A", "B"])
        try #require(result.output.count == 2)
        #expect(result.output[0].wholeMatch(of: /A p2ppub1_[A-Za-z0-9_-]{48}/) != nil)
        #expect(result.output[1].wholeMatch(of: /B p2ppub1_[A-Za-z0-9_-]{48}/) != nil)
        #expect(!result.errors.isEmpty)
        #expect(result.errors.allSatisfy { $0.hasPrefix("p2p: ") })
        #expect(!result.text.contains("P2PSECRET1_"), "a secret in the output")
    }

    @Test("creates the server's key if no name is given")
    func defaultName() async throws {
        let result = try await harness.run(["keygen"])
        #expect(result.output.first?.hasPrefix("server p2ppub1_") == true)
        #expect(harness.exists("keys/server.key") && harness.exists("keys/server.pub"))
    }

    @Test("overwrites neither file of a key, and then creates none", arguments: ["A.key", "A.pub"])
    func refusesToOverwrite(file: String) async throws {
        try FileManager.default.createDirectory(
            at: harness.folder.appending(path: "keys"), withIntermediateDirectories: true)
        try harness.write("mine", to: "keys/\(file)")
        let result = try await harness.run(["keygen", "B", "A"])
        result.expectFailure(73, "keys/\(file) exists already")
        #expect(result.output.isEmpty)
        #expect(try harness.read("keys/\(file)") == "mine")
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.path("keys")) == [file])
    }

    @Test("does not follow a dangling link")
    func refusesLinks() async throws {
        try FileManager.default.createDirectory(
            at: harness.folder.appending(path: "keys"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: harness.path("keys/A.key"), withDestinationPath: harness.path("elsewhere"))
        try await harness.run(["keygen", "A"]).expectFailure(73, "keys/A.key")
        #expect(!harness.exists("elsewhere"))
        #expect(!harness.exists("keys/A.pub"))
    }

    @Test(
        "accepts only valid names",
        arguments: [
            "", "a b", "a/b", "../a", "é", "a\n", "a\u{1B}[31m", String(repeating: "a", count: 33), "-a",
            ".", "..", ".hidden",
        ])
    func refusesNames(name: String) async throws {
        let result = try await harness.run(["keygen", name])
        result.expectFailure(64)
        #expect(result.output.isEmpty)
        #expect(!harness.exists("keys"))
    }

    @Test("--authorize appends the peers, but not the server, to the list")
    func authorize() async throws {
        let first = try await harness.run(["keygen", "server", "A", "B", "--authorize"])
        #expect(try harness.read("keys/authorized_peers") == first.output.dropFirst().map { $0 + "\n" }.joined())
        let second = try await harness.run(["keygen", "C", "--authorize"])
        let all = first.output.dropFirst() + second.output
        #expect(try harness.read("keys/authorized_peers") == all.map { $0 + "\n" }.joined())
    }

    @Test("stores keys in --keys, or else $P2P_KEYS, or else ./keys")
    func folders() async throws {
        let environment = ["P2P_KEYS": harness.path("by-environment")]
        _ = try await harness.run(["keygen", "A", "--keys", harness.path("by-option")], environment: environment)
        #expect(harness.exists("by-option/A.key"))
        #expect(!harness.exists("by-environment"))
        _ = try await harness.run(["keygen", "A"], environment: environment)
        #expect(harness.exists("by-environment/A.key"))
        #expect(!harness.exists("keys"))
        _ = try await harness.run(["keygen", "A"])
        #expect(harness.exists("keys/A.key"))
    }

    @Test("reports a folder that cannot be created")
    func noFolder() async throws {
        try harness.write("", to: "file")
        try await harness.run(["keygen", "A", "--keys", harness.path("file/keys")]).expectFailure(73, "file/keys")
    }

    @Test(
        "reports output that cannot be written, and keeps the keys",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "this system has no full device"))
    func fullDisk() async throws {
        let result = try await harness.run(
            ["keygen", "A"], launcher: ["/bin/sh", "-c", #"exec "$0" "$@" > /dev/full"#])
        result.expectFailure(74, "cannot write to standard output: No space left on device")
        #expect(harness.exists("keys/A.key"))
        #expect(harness.exists("keys/A.pub"))
    }

    @Test("ignores a closed pipe")
    func closedPipe() async throws {
        // Opening a FIFO for writing needs a reader, which is closed afterwards.
        let launcher = ["/bin/sh", "-c", #"mkfifo f; exec 3<>f 4>f 3<&-; exec "$0" "$@" >&4"#]
        let result = try await harness.run(["keygen", "A", "B"], launcher: launcher)
        #expect(result.status == 0, "\(result.text)")
        #expect(harness.exists("keys/B.key"))
    }
}
