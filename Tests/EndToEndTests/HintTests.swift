internal import Foundation
internal import Testing

/// Whoever does what a hint says must be better off.
@Suite("hints")
struct HintTests {
    @Test("a missing key: made in the folder that was asked for")
    func folder() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.run(["server", "--keys", "mine"])
            .expectFailure(77, "no key at mine/server.key", hint: "make one with 'p2p keygen --keys mine'")
        try await stage.run(["peer", "A", "3001", "--keys", "mine"])
            .expectFailure(77, "no key at mine/A.key", hint: "make one with 'p2p keygen A --keys mine'")
    }

    @Test("a public key for a secret one: said before its mode is")
    func publicKey() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try await stage.run(["peer", "A", "3001", "--key", "keys/A.pub"])
            .expectFailure(65, "keys/A.pub:1: a public key where the secret one belongs")
    }

    @Test("a secret key with a public one in a comment is still a secret, and not for others to read")
    func secretKey() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        #expect(try stage.read("keys/A.key").contains("# public key p2ppub1_"))
        try stage.setMode(0o644, of: "keys/A.key")
        try await stage.run(["peer", "A", "3001"]).expectFailure(77, "can be read by others", hint: "chmod 600")
    }

    @Test("a key that exists and is to be authorised: the line that does it")
    func authorise() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try await stage.run(["keygen", "A", "--authorize"])
            .expectFailure(73, "keys/A.key exists already", hint: "cat keys/A.pub >> keys/authorized_peers")
        try await stage.run(["keygen", "A"]).expectFailure(73, "keys/A.key exists already", hint: "choose another name")
        let server = try await stage.run(["keygen", "server", "--authorize", "--keys", "other"])
        #expect(server.status == 0)
        #expect(server.errors.contains { $0.contains("no peer of its own mesh") })
    }

    @Test(
        "what could never work is refused at once",
        arguments: [
            ["peer", "A", "3001", "--message", ""],
            ["peer", "A", "3001", "--message", String(repeating: "x", count: 1_085)],
            ["peer", "A", "3001", "--bind", "::1", "--server", "127.0.0.1:3000"],
            ["peer", "A", "3001", "--bind", "127.0.0.1", "--server", "[::1]:3000"],
            ["peer", "A", "3001", "--timeout", "8761h"],
        ])
    func impossible(arguments: [String]) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        let result = try await stage.run(arguments)
        result.expectFailure(64)
        #expect(result.output.isEmpty)
    }

    @Test(
        "wrong usage of any command: the help that explains its options", arguments: ["selftest", "simulate", "peer"])
    func help(command: String) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.run([command, "--colour"]).expectFailure(64, hint: "see 'p2p help \(command)'")
    }
}
