internal import Foundation
internal import Testing

/// Tests settings that a user gives on the command line, in the environment and in p2p.toml.
@Suite("settings", .processes, .serialized)
struct SettingsTests {
    private let harness = ProcessHarness.current

    private static let file = """
        keys = "keys"
        [server]
        heartbeat = "250ms"
        max-peers = 7
        [peer]
        name = "A"
        port = 3001
        """

    @Test("a flag comes before the environment, the environment before the file, and the file before the default")
    func precedence() async throws {
        try harness.write(Self.file, to: "p2p.toml")
        let environment = ["P2P_MAX_PEERS": "8", "P2P_HEARTBEAT": "300ms"]
        let result = try await harness.run(
            ["check", "server", "--show-origin", "--max-peers", "9"], environment: environment)
        #expect(result.status == 0)
        #expect(result.output.contains("max-peers\t9\tcommand line"))
        #expect(result.output.contains("heartbeat\t300ms\t$P2P_HEARTBEAT"))
        #expect(result.output.contains("lifetime\t1500ms\tdefault"))
        #expect(result.output.contains("keys\tkeys\tp2p.toml:1"))
    }

    @Test("a peer gets its name and port from the file, and joins")
    func peer() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        try harness.write(
            "[peer]\nname = \"A\"\nport = \(try UDP.freePort())\nserver = \"\(server.address)\"\n", to: "p2p.toml")
        let peer = try harness.start(["peer"])
        try await peer.waitForLine(matching: "^joined as A at ")
        peer.send(SIGTERM)
        #expect(try await peer.waitForExit() == 0)
    }

    @Test("relative paths in the file begin at the file's folder")
    func paths() async throws {
        try await harness.makeKeys(peers: ["A"])
        try FileManager.default.createDirectory(atPath: harness.path("etc"), withIntermediateDirectories: false)
        try harness.write("[server]\nkeys = \"../keys\"\nlisten = \"127.0.0.1:0\"\n", to: "etc/p2p.toml")
        let result = try await harness.run(["check", "server", "--config", "etc/p2p.toml"])
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.contains("ok  settings file etc/p2p.toml"))
        #expect(result.output.contains { $0.hasPrefix("ok  key etc/../keys/server.key: p2ppub1_") })
    }

    static let mistakes: [(line: String, error: String, hint: String?)] = [
        ("heartbeet = \"1s\"", "bad.toml:2:1: heartbeet is no setting of p2p server", "did you mean heartbeat?"),
        ("heartbeat = 500", "bad.toml:2:13: the value '500' is invalid for '--heartbeat <interval>'", nil),
        ("open = \"yes\"", "bad.toml:2:8: open is true or false", nil),
        ("heartbeat = [\"1s\"]", "bad.toml:2:13: heartbeat has one value", nil),
        ("[sever]", "bad.toml:2:1: there is no table [sever]", "did you mean server?"),
        ("message = \"hi\"", "bad.toml:2:1: message is no setting of p2p server", nil),
    ]

    @Test("a mistake in the file is refused with file, line, column and a suggestion", arguments: mistakes)
    func mistake(_ line: String, error: String, hint: String?) async throws {
        try harness.write("[server]\n\(line)\n", to: "bad.toml")
        try await harness.run(["server", "--config", "bad.toml"]).expectFailure(78, error, hint: hint)
    }

    static let contradictions: [(settings: [String], arguments: [String], errors: [String])] = [
        (
            ["open = true", "authorized-peers = 'list'"], [],
            [
                "bad.toml:2:1: --open and --authorized-peers exclude each other",
                "authorized-peers is list (bad.toml:3), open is true (bad.toml:2)",
            ]
        ),
        (
            ["open = true"], ["--authorized-peers", "list"],
            [
                "bad.toml:2:1: --open and --authorized-peers exclude each other",
                "authorized-peers is list (command line), open is true (bad.toml:2)",
            ]
        ),
        (
            ["heartbeat = '5s'"], [],
            [
                "bad.toml:2:1: the lifetime is at least two heartbeat intervals and at most 65 s",
                "heartbeat is 5s (bad.toml:2), lifetime is 1500ms (default)",
            ]
        ),
        (
            ["lifetime = '3s'"], ["--heartbeat", "2s"],
            ["bad.toml:2:1: the lifetime is", "heartbeat is 2s (command line), lifetime is 3s (bad.toml:2)"]
        ),
        (["heartbeat = '5ms'"], [], ["bad.toml:2:1: the heartbeat interval is 20 ms to 20 s"]),
        (["max-peers = 0"], [], ["bad.toml:2:1: the number of peers is 1 to 65536"]),
        (
            ["listen = ['127.0.0.1:3000', '127.0.0.1:3000']"], [],
            ["bad.toml:2:1: --listen 127.0.0.1:3000 is given twice"]
        ),
        (["listen = '224.0.0.1:3000'"], [], ["bad.toml:2:1: 224.0.0.1:3000 is a multicast or broadcast address"]),
        (
            ["quiet = true", "log-level = 'debug'"], [],
            ["bad.toml:2:1: --quiet and --log-level exclude each other", "quiet is true (bad.toml:2)"]
        ),
    ]

    @Test("settings of a file that contradict each other exit with 78, not with 64", arguments: contradictions)
    func contradiction(_ settings: [String], arguments: [String], errors: [String]) async throws {
        try harness.write((["[server]"] + settings).joined(separator: "\n") + "\n", to: "bad.toml")
        let result = try await harness.run(["server", "--config", "bad.toml"] + arguments)
        for error in errors { result.expectFailure(78, error, hint: "see 'p2p help server'") }

        let check = try await harness.run(["check", "server", "--config", "bad.toml"] + arguments)
        #expect(check.status == 1)
        for error in errors {
            #expect(check.output.contains { $0.hasPrefix("!   bad.toml:") && $0.contains(error) }, "\(check.text)")
        }
    }

    @Test("addresses of a peer's settings file that exclude each other exit with 78, not with 64")
    func peerContradiction() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.write("[peer]\nserver = \"192.0.2.1:3000\"\n", to: "p2p.toml")
        let families = "p2p.toml:2:1: the address to bind and the server's 192.0.2.1:3000 are not both IPv4 or both"
        let result = try await harness.run(["peer", "A", "3001", "--bind", "::1"])
        result.expectFailure(78, families)
        result.expectFailure(78, "server is 192.0.2.1:3000 (p2p.toml:2), bind is ::1 (command line)")
        let check = try await harness.run(["check", "peer", "A", "3001", "--bind", "::1"])
        #expect(check.status == 1)
        #expect(check.output.contains { $0.hasPrefix("!   \(families)") }, "\(check.text)")

        try harness.write("[peer]\nname = \"server\"\nport = 3001\n", to: "p2p.toml")
        let own = "p2p.toml:2:1: the peer's key is the server's own"
        try await harness.run(["peer"]).expectFailure(78, own)
        let checkOwn = try await harness.run(["check", "peer"])
        #expect(checkOwn.output.contains { $0.hasPrefix("!   \(own)") }, "\(checkOwn.text)")
    }

    @Test("options and variables that contradict each other are 64 on the command line, and 78 with a variable")
    func contradictingVariable() async throws {
        try await harness.run(["server", "--open", "--authorized-peers", "list"])
            .expectFailure(64, "--open and --authorized-peers exclude each other")
        try await harness.run(["server", "--heartbeat", "5s"])
            .expectFailure(64, "heartbeat is 5s (command line), lifetime is 1500ms (default)")
        try await harness.run(["server", "--authorized-peers", "list"], environment: ["P2P_OPEN": "true"])
            .expectFailure(78, "$P2P_OPEN: --open and --authorized-peers exclude each other")
        try await harness.run(["server"], environment: ["P2P_MAX_PEERS": "70000"])
            .expectFailure(78, "$P2P_MAX_PEERS: the number of peers is 1 to 65536")
    }

    @Test("a reload refuses settings with which the server could not start again")
    func contradictionInReload() async throws {
        try await harness.makeKeys(peers: ["A", "B"])
        try harness.write("[server]\nlisten = \"127.0.0.1:0\"\n", to: "p2p.toml")
        let server = try harness.start(["server", "--control", "c.sock"])
        try await server.waitForLine(matching: "^public key ")
        let one = try #require(try harness.read("keys/authorized_peers").split(separator: "\n").first)
        try harness.write(one + "\n", to: "keys/authorized_peers")

        try harness.write("[server]\nlisten = \"127.0.0.1:0\"\nheartbeat = \"5s\"\n", to: "p2p.toml")
        try await harness.run(["reload", "--control", "c.sock"])
            .expectFailure(78, "p2p.toml:3:1: the lifetime is at least two heartbeat intervals")
        server.send(SIGHUP)
        try await server.waitForLine(matching: "^p2p: error: p2p.toml:3:1: the lifetime is at least", on: .errors)
        try await server.waitForLine(matching: "^p2p: the previous list stays in force$", on: .errors)
        #expect(try server.lines(matching: "again: 1 key$", on: .errors).isEmpty)
    }

    @Test("check names every setting that is out of range")
    func checkOfSettings() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.write("[server]\nmax-peers = 0\nheartbeat = '5s'\nlisten = '224.0.0.1:3000'\n", to: "p2p.toml")
        let result = try await harness.run(["check", "server"])
        for line in [2, 3, 4] {
            #expect(result.output.contains { $0.hasPrefix("!   p2p.toml:\(line):1: ") }, "\(result.text)")
        }
    }

    @Test("a wrong variable is refused by its name")
    func variable() async throws {
        try await harness.run(["server"], environment: ["P2P_HEARTBEAT": "3"])
            .expectFailure(78, "$P2P_HEARTBEAT: the value '3' is invalid")
        try await harness.run(["server"], environment: ["P2P_OPEN": "maybe"])
            .expectFailure(78, "$P2P_OPEN: it is true or false, and not maybe")
        try await harness.run(["server"], environment: ["P2P_CONFIG": "nowhere.toml"])
            .expectFailure(78, "cannot read the settings file: nowhere.toml", hint: "--config or P2P_CONFIG")
    }

    @Test("check names everything that is wrong, not only the first, and exits with 1")
    func check() async throws {
        let taken = try UDP.Socket(.loopback4)
        let result = try await harness.run(
            ["check", "server", "--listen", "127.0.0.1:\(taken.port)"], environment: ["P2P_HEARBEAT": "1s"])
        #expect(result.status == 1)
        let problems = result.output.filter { $0.hasPrefix("!   ") }
        #expect(problems.count == 4, "\(result.text)")
        #expect(problems.contains("!   $P2P_HEARBEAT is no setting; did you mean P2P_HEARTBEAT?"))
        #expect(problems.contains { $0.contains("no key at keys/server.key") })
        #expect(problems.contains { $0.contains("no list of peers at keys/authorized_peers") })
        #expect(problems.contains { $0.contains("the port of 127.0.0.1:\(taken.port) is in use") })
    }

    @Test("check says ok of a peer that can start, and starts nothing")
    func checkPeer() async throws {
        try await harness.makeKeys(peers: ["A"])
        let result = try await harness.run(["check", "peer", "A", "\(try UDP.freePort())", "--bind", "127.0.0.1"])
        #expect(result.status == 0, "\(result.text)")
        #expect(!result.output.contains { $0.hasPrefix("!") })
        #expect(result.output.contains("ok  server 127.0.0.1:3000, which is not asked"))
    }

    @Test("SIGHUP names the settings that have changed and need a restart, and a broken file changes nothing")
    func reload() async throws {
        try await harness.makeKeys(peers: ["A", "B", "C"])
        let all = try harness.read("keys/authorized_peers")
        try harness.write("[server]\nlisten = \"127.0.0.1:0\"\nheartbeat = \"300ms\"\n", to: "p2p.toml")
        let server = try harness.start(["server"])
        try await server.waitForLine(matching: "^public key ")

        let shorter = all.split(separator: "\n").dropLast().joined(separator: "\n")
        try harness.write(shorter + "\n", to: "keys/authorized_peers")
        try harness.write("[server]\nlisten = \"127.0.0.1:0\"\nheartbeat = 4\n", to: "p2p.toml")
        server.send(SIGHUP)
        try await server.waitForLine(matching: "^p2p: error: p2p.toml:3:13: the value '4' is invalid", on: .errors)
        try await server.waitForLine(matching: "^p2p: the previous list stays in force$", on: .errors)

        try harness.write("[server]\nlisten = \"127.0.0.1:0\"\nheartbeat = \"400ms\"\n", to: "p2p.toml")
        server.send(SIGHUP)
        try await server.waitForLine(
            matching: "^p2p: warning: heartbeat was 300ms at the start and is 400ms now; it takes effect at a restart$",
            on: .errors)
        try await server.waitForLine(matching: "^p2p: read .* again: 2 keys", on: .errors)
        #expect(try server.lines(matching: "again: 3 keys", on: .errors).isEmpty)
    }
}
