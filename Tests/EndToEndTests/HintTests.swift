internal import Foundation
internal import Testing

/// Tests that a user who follows a hint gets rid of the error.
@Suite("hints", .processes)
struct HintTests {
    private let harness = ProcessHarness.current

    @Test("a missing key: the hint creates it in the given folder")
    func folder() async throws {
        try await harness.run(["server", "--keys", "mine"])
            .expectFailure(77, "no key at mine/server.key", hint: "make one with 'p2p keygen --keys mine'")
        try await harness.run(["peer", "A", "3001", "--keys", "mine"])
            .expectFailure(77, "no key at mine/A.key", hint: "make one with 'p2p keygen A --keys mine'")
    }

    @Test("a public key in place of a secret one is reported before its mode")
    func publicKey() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["peer", "A", "3001", "--key", "keys/A.pub"])
            .expectFailure(65, "keys/A.pub:1: a public key where the secret one belongs")
    }

    @Test("a secret key with a public one in a comment counts as secret")
    func secretKey() async throws {
        try await harness.makeKeys(peers: ["A"])
        #expect(try harness.read("keys/A.key").contains("# public key p2ppub1_"))
        try harness.setMode(0o644, of: "keys/A.key")
        try await harness.run(["peer", "A", "3001"]).expectFailure(77, "can be read by others", hint: "chmod 600")
    }

    @Test("an existing key: the hint authorizes it")
    func authorize() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["keygen", "A", "--authorize"])
            .expectFailure(73, "keys/A.key exists already", hint: "p2p authorize A keys/A.pub")
        try await harness.run(["keygen", "A"]).expectFailure(
            73, "keys/A.key exists already", hint: "choose another name")
        let server = try await harness.run(["keygen", "server", "--authorize", "--keys", "other"])
        #expect(server.status == 0)
        #expect(server.errors.contains { $0.contains("no peer of its own mesh") })
    }

    @Test(
        "options that can never work are refused at once",
        arguments: [
            ["peer", "A", "3001", "--message", ""],
            ["peer", "A", "3001", "--message", String(repeating: "x", count: 1_085)],
            ["peer", "A", "3001", "--bind", "::1", "--server", "127.0.0.1:3000"],
            ["peer", "A", "3001", "--bind", "127.0.0.1", "--server", "[::1]:3000"],
            ["peer", "A", "3001", "--timeout", "8761h"],
        ])
    func impossible(arguments: [String]) async throws {
        try await harness.makeKeys(peers: ["A"])
        let result = try await harness.run(arguments)
        result.expectFailure(64)
        #expect(result.output.isEmpty)
    }

    @Test(
        "wrong usage of a command: the hint names its help", arguments: ["selftest", "simulate", "peer"])
    func help(command: String) async throws {
        try await harness.run([command, "--unknown"]).expectFailure(64, hint: "see 'p2p help \(command)'")
    }
}
