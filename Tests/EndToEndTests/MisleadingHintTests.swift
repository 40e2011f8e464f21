internal import Foundation
internal import Testing

/// Tests situations in which an obvious hint would harm the host, or would not help.
@Suite("hints that mislead", .processes)
struct MisleadingHintTests {
    private let harness = ProcessHarness.current

    @Test("a file without a key in place of a secret key: no hint to change its mode", arguments: [0o644, 0o666])
    func otherFile(mode: Int) async throws {
        try await harness.makeKeys(peers: ["A"])
        // A user may give --key /etc/passwd by mistake, and must not be advised to chmod it to 600.
        try harness.write("root:x:0:0:root:/root:/bin/sh\n", to: "passwd")
        try harness.setMode(mode, of: "passwd")
        let result = try await harness.run(["server", "--key", "passwd"])
        result.expectFailure(65, "passwd:1: not a key")
        #expect(!result.text.contains("chmod"), "\(result.text)")
    }

    @Test("a damaged secret key that others may read is refused for that", arguments: ["", "A "])
    func damagedKey(prefix: String) async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.write("\u{FEFF}\(prefix)P2PSECRET1_cut short\n", to: "keys/A.key")
        try harness.setMode(0o644, of: "keys/A.key")
        try await harness.run(["peer", "A", "3001"]).expectFailure(77, "can be read by others", hint: "chmod 600")
    }

    @Test("a device in place of the folder of keys: no hint to change its mode")
    func device() async throws {
        let result = try await harness.run(["keygen", "A", "--keys", "/dev/null"])
        result.expectFailure(73, "/dev/null is not a folder", hint: "--keys")
    }

    @Test("a settings file that others can change: the hint changes its mode")
    func settingsFile() async throws {
        try harness.write("[server]\n", to: "p2p.toml")
        try harness.setMode(0o666, of: "p2p.toml")
        try await harness.run(["server"])
            .expectFailure(78, "can be changed by other users", hint: "chmod go-w p2p.toml")
    }

    static let faults: [(text: String, message: String, hint: String)] = [
        ("[server]\nheartbeat = \"1\"\n", "p2p.toml:2:13: the value '1'", "p2p help server"),
        ("[server]\nopen = 1\n", "p2p.toml:2:8: open is true or false", "p2p help server"),
        ("[server]\nkeys = \"\"\n", "p2p.toml:2:8: keys is an empty path", "p2p help server"),
        ("[server]\nheartbeat: 1s\n", "p2p.toml:2:10: a line is KEY = VALUE", "TOML"),
        ("[server]\nlog-level = \"loud\"\n", "following: trace, debug, info, notice, warning, error", "p2p help"),
    ]

    @Test("each fault of a settings file has a hint, in one line", arguments: faults)
    func settings(text: String, message: String, hint: String) async throws {
        try harness.write(text, to: "p2p.toml")
        let result = try await harness.run(["server"])
        result.expectFailure(78, message, hint: hint)
        #expect(!result.text.contains("\\n"), "\(result.text)")
    }

    @Test("a settings file with a byte order mark, as some editors write it, is read")
    func byteOrderMark() async throws {
        try harness.write("\u{FEFF}[server]\nheartbeat = \"250ms\"\n", to: "p2p.toml")
        let result = try await harness.run(["check", "server", "--show-origin"])
        #expect(result.output.contains("heartbeat\t250ms\tp2p.toml:2"), "\(result.text)")
    }

    @Test(
        "an empty path, as of an unset variable in a script, is named",
        arguments: [["server", "--config", ""], ["server", "--config="], ["status", "--control", ""]])
    func emptyPath(arguments: [String]) async throws {
        let option = arguments[1].hasPrefix("--config") ? "--config" : "--control"
        try await harness.run(arguments).expectFailure(64, "the path after \(option) is empty", hint: "p2p help")
    }

    @Test("if nothing runs, the hint says where a command looked for sockets")
    func places() async throws {
        let folder = harness.runtimeFolder.appending(path: "p2p").path
        try await harness.run(["status"]).expectFailure(69, "no server or peer", hint: folder)
    }

    @Test("'p2p check server' advises if the list lets nobody join")
    func emptyList() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.write("# nobody\n", to: "keys/authorized_peers")
        let result = try await harness.run(["check", "server", "--listen", "127.0.0.1:0"])
        #expect(result.status == 0)
        #expect(result.output.contains { $0.hasPrefix("--  keys/authorized_peers lists no key that may join") })
    }
}
