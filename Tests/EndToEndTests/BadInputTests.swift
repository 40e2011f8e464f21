internal import Foundation
internal import SecureMesh
internal import Testing

/// Tests what the program prints for bad files, arguments and servers: lines `p2p: error: …` and `p2p: hint: …`, and an
/// exit code of sysexits.h. No output may contain a secret.
@Suite("bad input", .processes, .serialized)
struct BadInputTests {
    private let harness = ProcessHarness.current

    // MARK: arguments

    static let badArguments: [[String]] = [
        ["peer", "A", "0"], ["peer", "A", "65536"], ["peer", "A", "-1"], ["peer", "A", "http"], ["peer", "A", ""],
        ["peer", "A", "3001 "], ["peer", "A"], ["peer"], ["peer", "a/b", "3001"], ["peer", "", "3001"],
        ["peer", "a\u{1B}[31m", "3001"], ["peer", String(repeating: "a", count: 33), "3001"],
        ["peer", "A", "3001", "--server", "nowhere"], ["peer", "A", "3001", "--server", "127.0.0.1"],
        ["peer", "A", "3001", "--server", "127.0.0.1:65536"], ["peer", "A", "3001", "--server", "127.0.0.1:0"],
        ["peer", "A", "3001", "--server", "::1:3000"], ["peer", "A", "3001", "--server", "0.0.0.0:3000"],
        ["peer", "A", "3001", "--server", "\u{1B}[31m"], ["peer", "A", "3001", "--bind", "here"],
        ["peer", "A", "3001", "--bind", "127.0.0.1:3001"], ["peer", "A", "3001", "--timeout", "soon"],
        ["peer", "A", "3001", "--timeout", "-1s"], ["peer", "A", "3001", "--broadcast-interval", "0s"],
        ["peer", "A", "3001", "--broadcast-interval", "9999999999h"], ["peer", "A", "3001", "--unknown"],
        ["server", "--listen", "localhost"], ["server", "--listen", "127.0.0.1"],
        ["server", "--listen", "127.0.0.1:65536"], ["server", "--listen", "[::1]"],
        ["server", "--listen", "256.0.0.1:3000"], ["server", "--heartbeat", "1ms"], ["server", "--heartbeat", "1h"],
        ["server", "--heartbeat", "500"], ["server", "--heartbeat", "1s", "--lifetime", "1s"],
        ["server", "--lifetime", "2m"], ["server", "--max-peers", "0"], ["server", "--max-peers", "65537"],
        ["server", "--max-peers", "many"], ["server", "--event-loops", "0"], ["server", "--event-loops", "65"],
        ["server", "--open", "--authorized-peers", "list"], ["server", "A"], ["serve"], ["keygen", "A", "A"],
    ]

    @Test("invalid arguments are wrong usage", arguments: badArguments)
    func arguments(_ arguments: [String]) async throws {
        try await harness.makeKeys()
        let result = try await harness.run(arguments)
        result.expectFailure(64)
        #expect(result.output.isEmpty)
    }

    // MARK: key files

    @Test("a missing key: prints how to create or copy it")
    func missingKey() async throws {
        try await harness.run(["peer", "A", "3001"])
            .expectFailure(77, "no key at keys/A.key", hint: "p2p keygen A")
        try await harness.run(["server"]).expectFailure(77, "no key at keys/server.key", hint: "p2p keygen")
        try await harness.run(["peer", "A", "3001", "--key", "other/A.key"])
            .expectFailure(77, "no key at other/A.key", hint: "check the path")
        try await harness.makeKeys(peers: ["A"])
        try FileManager.default.removeItem(atPath: harness.path("keys/server.pub"))
        try await harness.run(["peer", "A", "3001"])
            .expectFailure(77, "no key at keys/server.pub", hint: "server.pub")
    }

    @Test("a key that others may read is refused", arguments: [0o604, 0o640, 0o644, 0o620, 0o660])
    func tooOpen(mode: Int) async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.setMode(mode, of: "keys/A.key")
        try await harness.run(["peer", "A", "3001"]).expectFailure(77, "keys/A.key", hint: "chmod 600 keys/A.key")
        try harness.setMode(mode, of: "keys/server.key")
        try await harness.run(["server"]).expectFailure(77, "keys/server.key", hint: "chmod 600 keys/server.key")
    }

    /// A launcher that runs the program as an unprivileged user, because root may read every file.
    static let nobody = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

    static func canBeNobody() async throws -> Bool {
        guard geteuid() == 0 else { return true }
        return try await ProcessHarness.canRun(with: nobody)
    }

    @Test("an unreadable key: prints the path", .enabled("needs a user other than root", canBeNobody))
    func unreadable() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.setMode(0o755, of: "keys")
        try harness.setMode(0o000, of: "keys/A.key")
        try await harness.run(["peer", "A", "3001"], launcher: geteuid() == 0 ? Self.nobody : [])
            .expectFailure(77, "keys/A.key cannot be read", hint: "keys/A.key")
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: Int
        /// Damages a key file, and returns its new lines.
        ///
        /// - Parameters:
        ///   - lines: The lines of the file. The third one is the key.
        ///   - other: The lines of another key file.
        let apply: @Sendable (_ lines: [String], _ other: [String]) -> [String]
    }

    static let damages = [
        Damage(testDescription: "cut short", line: 3) { lines, _ in
            Array(lines[..<2]) + [String(lines[2].dropLast(9))]
        },
        Damage(testDescription: "cut to its prefix", line: 3) { lines, _ in Array(lines[..<2]) + ["P2PSECRET1_"] },
        Damage(testDescription: "longer by one", line: 3) { lines, _ in Array(lines[..<2]) + [lines[2] + "A"] },
        Damage(testDescription: "mistyped", line: 3) { lines, _ in
            let old = lines[2].dropFirst(20).first
            return Array(lines[..<2]) + [lines[2].prefix(20) + (old == "A" ? "B" : "A") + lines[2].dropFirst(21)]
        },
        Damage(testDescription: "in capitals", line: 3) { lines, _ in Array(lines[..<2]) + [lines[2].uppercased()] },
        Damage(testDescription: "without the first character", line: 3) { lines, _ in
            Array(lines[..<2]) + [String(lines[2].dropFirst())]
        },
        Damage(testDescription: "a name before it", line: 3) { lines, _ in Array(lines[..<2]) + ["A " + lines[2]] },
        Damage(testDescription: "two keys", line: 4) { lines, other in lines + [other[2]] },
        Damage(testDescription: "text after it", line: 4) { lines, _ in lines + ["the key of A"] },
        Damage(testDescription: "empty", line: 1) { _, _ in [] },
        Damage(testDescription: "only comments", line: 1) { lines, _ in Array(lines[..<2]) },
        Damage(testDescription: "a public key where the secret one belongs", line: 3) { lines, _ in
            Array(lines[..<2]) + [String(lines[1].dropFirst("# public key ".count))]
        },
    ]

    @Test("a damaged key file: prints file and line, and nothing of the content", arguments: damages)
    func damaged(damage: Damage) async throws {
        try await harness.makeKeys(peers: ["A", "B"])
        let lines = try harness.read("keys/A.key").split(separator: "\n").map(String.init)
        let other = try harness.read("keys/B.key").split(separator: "\n").map(String.init)
        try #require(lines.count == 3 && other.count == 3)
        let damaged = damage.apply(lines, other)
        try harness.write(damaged.map { $0 + "\n" }.joined(), to: "keys/A.key")
        for file in [[], ["--key", "keys/A.key"]] {
            let result = try await harness.run(["peer", "A", "3001"] + file)
            result.expectFailure(65, "keys/A.key:\(damage.line): ")
            for secret in [lines[2], other[2]] {
                // The output must not contain even eight consecutive characters of the key.
                let body = Array(secret.dropFirst("P2PSECRET1_".count))
                for start in 0...(body.count - 8) {
                    #expect(!result.text.contains(String(body[start..<start + 8])))
                }
            }
        }
    }

    @Test("a key file that is a folder, binary or too long is refused")
    func notAFile() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["peer", "A", "3001", "--key", "keys"]).expectFailure(65, "keys: not a file")
        try Data((0...255).map { UInt8($0) }).write(to: harness.folder.appending(path: "keys/A.key"))
        try await harness.run(["peer", "A", "3001"]).expectFailure(65, "keys/A.key:")
        try Data(repeating: 0x41, count: 100_000).write(to: harness.folder.appending(path: "keys/A.key"))
        try await harness.run(["peer", "A", "3001"]).expectFailure(65, "keys/A.key: too long")
    }

    @Test("an invalid server key is refused")
    func serverKey() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let text = try #require(keys.first?.split(separator: " ").last.map(String.init))
        let secret = try #require(try harness.read("keys/server.key").split(separator: "\n").last.map(String.init))
        func peer(_ key: String) async throws -> FinishedProcess {
            try await harness.run(["peer", "A", "3001", "--server-key", key])
        }
        try await peer(String(text.dropLast(3))).expectFailure(65, "cut short or mistyped")
        try await peer(text.dropLast(1) + (text.hasSuffix("A") ? "B" : "A")).expectFailure(65, "mistyped")
        try await peer("p2ppub1_").expectFailure(65)
        try await peer(secret).expectFailure(65, "a secret key where a public one belongs")
        try await peer("keys/server.key").expectFailure(
            65, "keys/server.key:3: a secret key where a public one belongs")
        try await peer("keys/authorized").expectFailure(77, "no key at keys/authorized", hint: "server.pub")
        try harness.write("server \(text.dropLast(3))\n", to: "keys/server.pub")
        try await harness.run(["peer", "A", "3001"]).expectFailure(65, "keys/server.pub:1: ")
        try harness.write("", to: "keys/server.pub")
        try await harness.run(["peer", "A", "3001"]).expectFailure(65, "keys/server.pub:1: ")
    }

    @Test("the server's own key is refused as a peer's")
    func serversOwnKey() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["peer", "A", "3001", "--key", "keys/server.key"])
            .expectFailure(64, "the peer's key is the server's own")
    }

    // MARK: the list of peers

    struct BadLine: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Returns a bad line for the list of peers.
        ///
        /// - Parameters:
        ///   - line: The public line of B.
        ///   - secret: The secret key of B.
        let make: @Sendable (_ line: String, _ secret: String) -> String
    }

    private static let otherKey = SigningKey().publicKey

    static let badLines = [
        BadLine(testDescription: "only a name") { _, _ in "B" },
        BadLine(testDescription: "only a key") { line, _ in String(line.dropFirst(2)) },
        BadLine(testDescription: "three fields") { line, _ in line + " B" },
        BadLine(testDescription: "an end that is no time") { line, _ in line + " until=soon" },
        BadLine(testDescription: "two keys of one name") { line, _ in line + "\nB \(otherKey)" },
        BadLine(testDescription: "an invalid name") { line, _ in "B/" + line.dropFirst(1) },
        BadLine(testDescription: "a control character") { line, _ in "\u{1B}[31m" + line },
        BadLine(testDescription: "a key cut short") { line, _ in String(line.dropLast(2)) },
        BadLine(testDescription: "a key mistyped") { line, _ in line.dropLast(9) + "AAAAAAAAA" },
        BadLine(testDescription: "a secret key") { _, secret in "B " + secret },
        BadLine(testDescription: "a key twice") { line, _ in line + "\nC" + line.dropFirst(1) },
    ]

    @Test("a bad line in authorized_peers: prints file and line", arguments: badLines)
    func badRoster(bad: BadLine) async throws {
        let keys = try await harness.makeKeys(peers: ["A", "B"])
        let secret = try #require(try harness.read("keys/B.key").split(separator: "\n").last.map(String.init))
        let text = "# who may join\n\(keys[1])\n\n\(bad.make(keys[2], secret))\n"
        try harness.write(text, to: "keys/authorized_peers")
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        let result = try await harness.run(["server", "--listen", "127.0.0.1:0"])
        result.expectFailure(65, "keys/authorized_peers:\(line): ", hint: "NAME p2ppub1_")
        try harness.write(text, to: "list")
        try await harness.run(["server", "--listen", "127.0.0.1:0", "--authorized-peers", "list"])
            .expectFailure(65, "list:\(line): ")
    }

    @Test("a missing list of peers: prints how to create it")
    func noRoster() async throws {
        _ = try await harness.run(["keygen"])
        try await harness.run(["server", "--listen", "127.0.0.1:0"])
            .expectFailure(66, "keys/authorized_peers", hint: "--authorize")
    }

    // MARK: ports

    @Test("a port in use: prints the address")
    func portInUse() async throws {
        try await harness.makeKeys(peers: ["A"])
        let taken = try UDP.Socket(.any)
        try await harness.run(["server", "--listen", "127.0.0.1:\(taken.port)"])
            .expectFailure(71, "127.0.0.1:\(taken.port)", hint: "another port")
        try await harness.run(["peer", "A", "\(taken.port)"]).expectFailure(71, "\(taken.port)", hint: "another port")
        try await harness.run(["peer", "A", "\(taken.port)", "--bind", "127.0.0.1"])
            .expectFailure(71, "127.0.0.1:\(taken.port)", hint: "another port")
        // A server with several addresses does not start if one of them is taken.
        let free = try UDP.freePort()
        try await harness.run(["server", "--listen", "127.0.0.1:\(free)", "--listen", "127.0.0.1:\(taken.port)"])
            .expectFailure(71, "127.0.0.1:\(taken.port)")
    }

    @Test("an address of another host cannot be bound")
    func foreignAddress() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["server", "--listen", "192.0.2.1:3000"]).expectFailure(71, "192.0.2.1:3000")
        try await harness.run(["peer", "A", "3001", "--bind", "192.0.2.1"]).expectFailure(71, "192.0.2.1:3001")
    }

    // MARK: servers that do not admit a peer

    @Test("an absent server: the peer keeps trying, names both causes and the pinned key, and gives up at --timeout")
    func absentServer() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let pinned = try #require(keys.first?.split(separator: " ").last.map(String.init))
        let port = try UDP.freePort()
        let result = try await harness.run(
            ["peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(port)", "--timeout", "3s"])
        result.expectFailure(69, "no answer from 127.0.0.1:\(port)")
        let hints = result.errors.filter { $0.hasPrefix("p2p: hint: ") }
        // The hint is printed after the warning, and not again after the error at the end.
        #expect(hints.count == 1)
        for hint in hints {
            #expect(hint.contains("no server runs there"))
            #expect(hint.contains("does not hold the pinned key \(pinned)"))
        }
        #expect(result.errors.contains { $0.hasPrefix("p2p: warning: no answer from ") })
    }

    @Test("a server with another key than the pinned one looks like an absent one")
    func wrongPinnedKey() async throws {
        try await harness.makeKeys(peers: ["A"])
        let other = try await harness.run(["keygen", "other"])
        let pinned = try #require(other.output.first?.split(separator: " ").last.map(String.init))
        let server = try await harness.startServer()
        let peer = try harness.startPeer("A", of: server, ["--server-key", "keys/other.pub", "--timeout", "1s"])
        let result = try await peer.finish()
        result.expectFailure(69, "no answer from \(server.address)", hint: "no server runs there")
        result.expectFailure(69, hint: "does not hold the pinned key \(pinned)")
    }

    @Test("an unauthorized key: prints the line for the server's list")
    func unauthorized() async throws {
        try await harness.makeKeys(peers: ["A"])
        let line = try #require(try await harness.run(["keygen", "B"]).output.first)
        let server = try await harness.startServer()
        // The test is repeated, because the order of the event and the exit depends on timing.
        for _ in 0..<3 {
            let peer = try harness.startPeer("B", of: server, ["--once"])
            let result = try await peer.finish()
            result.expectFailure(77, "does not let this key join as B", hint: "p2p authorize \(line)")
            #expect(result.output.isEmpty)
        }
        try await server.process.waitForLine(matching: "turned away B p2ppub1_.*not authorized", on: .errors)
    }

    @Test("a listed key under another name is refused")
    func otherName() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let server = try await harness.startServer()
        let peer = try harness.startPeer("Z", of: server, ["--key", "keys/A.key", "--once"])
        try await peer.finish()
            .expectFailure(77, "join as Z", hint: "Z " + keys[1].dropFirst(2))
    }

    @Test("a taken name: the peer says so, keeps trying, and gives up at --timeout")
    func nameTaken() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let other = try #require(try await harness.run(["keygen", "A", "--keys", "others"]).output.first)
        try harness.write("\(keys[1]) until=2999-12-31\n\(other)\n", to: "keys/authorized_peers")
        let server = try await harness.startServer()
        let first = try await harness.joinPeer("A", of: server)
        let second = try harness.startPeer("A", of: server, ["--key", "others/A.key", "--timeout", "2s"])
        try await second.waitForLine(matching: "^p2p: warning: turned away: the name is taken", on: .errors)
        try await second.finish()
            .expectFailure(69, "the name is taken by another key")

        // A peer that keeps trying gets the name when the name becomes free.
        let third = try harness.startPeer("A", of: server, ["--key", "others/A.key"])
        try await third.waitForLine(matching: "the name is taken", on: .errors)
        first.send(SIGINT)
        try await third.waitForLine(matching: "^joined as A at ", within: .seconds(20))
    }
}
