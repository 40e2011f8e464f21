internal import Foundation
internal import Testing

/// What a person is told whose files, arguments or server are not what they should be: `p2p: error: …`,
/// `p2p: hint: …`, an exit code of sysexits.h, and never a byte of a secret.
@Suite("bad input", .serialized)
struct BadInputTests {
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
        ["peer", "A", "3001", "--broadcast-interval", "9999999999h"], ["peer", "A", "3001", "--colour"],
        ["server", "--listen", "localhost"], ["server", "--listen", "127.0.0.1"],
        ["server", "--listen", "127.0.0.1:65536"], ["server", "--listen", "[::1]"],
        ["server", "--listen", "256.0.0.1:3000"], ["server", "--heartbeat", "1ms"], ["server", "--heartbeat", "1h"],
        ["server", "--heartbeat", "500"], ["server", "--heartbeat", "1s", "--lifetime", "1s"],
        ["server", "--lifetime", "2m"], ["server", "--max-peers", "0"], ["server", "--max-peers", "65537"],
        ["server", "--max-peers", "many"], ["server", "--open", "--authorized-peers", "list"], ["server", "A"],
        ["serve"], ["keygen", "A", "A"],
    ]

    @Test("an argument that is none", arguments: badArguments)
    func arguments(_ arguments: [String]) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys()
        let result = try await stage.run(arguments)
        result.expectFailure(64)
        #expect(result.output.isEmpty)
    }

    // MARK: key files

    @Test("no key")
    func missingKey() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.run(["peer", "A", "3001"])
            .expectFailure(77, "no key at keys/A.key", hint: "p2p keygen A")
        try await stage.run(["server"]).expectFailure(77, "no key at keys/server.key", hint: "p2p keygen")
        try await stage.run(["peer", "A", "3001", "--key", "other/A.key"])
            .expectFailure(77, "no key at other/A.key", hint: "is that the path?")
        try await stage.makeKeys(peers: ["A"])
        try FileManager.default.removeItem(atPath: stage.path("keys/server.pub"))
        try await stage.run(["peer", "A", "3001"])
            .expectFailure(77, "no key at keys/server.pub", hint: "server.pub")
    }

    @Test("a key that others could read", arguments: [0o604, 0o640, 0o644, 0o620, 0o660])
    func tooOpen(mode: Int) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try stage.setMode(mode, of: "keys/A.key")
        try await stage.run(["peer", "A", "3001"]).expectFailure(77, "keys/A.key", hint: "chmod 600 keys/A.key")
        try stage.setMode(mode, of: "keys/server.key")
        try await stage.run(["server"]).expectFailure(77, "keys/server.key", hint: "chmod 600 keys/server.key")
    }

    /// Root may read everything, so this needs somebody else to be.
    static let nobody = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

    static func canBeNobody() async throws -> Bool {
        guard geteuid() == 0 else { return true }
        guard FileManager.default.isExecutableFile(atPath: nobody[0]) else { return false }
        let stage = try Stage()
        defer { stage.end() }
        return try await stage.run(["--version"], launcher: nobody).status == 0
    }

    @Test("a key that cannot be read", .enabled("needs a user who is not root", canBeNobody))
    func unreadable() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try stage.setMode(0o755, of: "keys")
        try stage.setMode(0o000, of: "keys/A.key")
        try await stage.run(["peer", "A", "3001"], launcher: geteuid() == 0 ? Self.nobody : [])
            .expectFailure(77, "keys/A.key cannot be read", hint: "keys/A.key")
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: Int
        /// The lines of a key file, the third of them the key, and of another one.
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
        Damage(testDescription: "not the prefix", line: 3) { lines, _ in
            Array(lines[..<2]) + [String(lines[2].dropFirst())]
        },
        Damage(testDescription: "a space before it", line: 3) { lines, _ in Array(lines[..<2]) + [" " + lines[2]] },
        Damage(testDescription: "two keys", line: 4) { lines, other in lines + [other[2]] },
        Damage(testDescription: "words after it", line: 4) { lines, _ in lines + ["the key of A"] },
        Damage(testDescription: "empty", line: 1) { _, _ in [] },
        Damage(testDescription: "comments alone", line: 1) { lines, _ in Array(lines[..<2]) },
        Damage(testDescription: "a public key where the secret one belongs", line: 3) { lines, _ in
            Array(lines[..<2]) + [String(lines[1].dropFirst("# public key ".count))]
        },
    ]

    @Test("a key file that is damaged: which file, which line, and nothing of what is in it", arguments: damages)
    func damaged(damage: Damage) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A", "B"])
        let lines = try stage.read("keys/A.key").split(separator: "\n").map(String.init)
        let other = try stage.read("keys/B.key").split(separator: "\n").map(String.init)
        try #require(lines.count == 3 && other.count == 3)
        let damaged = damage.apply(lines, other)
        try stage.write(damaged.map { $0 + "\n" }.joined(), to: "keys/A.key")
        for file in [[], ["--key", "keys/A.key"]] {
            let result = try await stage.run(["peer", "A", "3001"] + file)
            result.expectFailure(65, "keys/A.key:\(damage.line): ")
            for secret in [lines[2], other[2]] {
                // Any eight characters of it in a row would be too many.
                let body = Array(secret.dropFirst("P2PSECRET1_".count))
                for start in 0...(body.count - 8) {
                    #expect(!result.text.contains(String(body[start..<start + 8])))
                }
            }
        }
    }

    @Test("a key file that is no file, or no text")
    func notAFile() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try await stage.run(["peer", "A", "3001", "--key", "keys"]).expectFailure(65, "keys: not a file")
        try Data((0...255).map { UInt8($0) }).write(to: stage.folder.appending(path: "keys/A.key"))
        try await stage.run(["peer", "A", "3001"]).expectFailure(65, "keys/A.key:")
        try Data(repeating: 0x41, count: 100_000).write(to: stage.folder.appending(path: "keys/A.key"))
        try await stage.run(["peer", "A", "3001"]).expectFailure(65, "keys/A.key: too long")
    }

    @Test("a server key that is none")
    func serverKey() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys(peers: ["A"])
        let text = try #require(keys.first?.split(separator: " ").last.map(String.init))
        let secret = try #require(try stage.read("keys/server.key").split(separator: "\n").last.map(String.init))
        func peer(_ key: String) async throws -> Finished {
            try await stage.run(["peer", "A", "3001", "--server-key", key])
        }
        try await peer(String(text.dropLast(3))).expectFailure(65, "cut short or mistyped")
        try await peer(text.dropLast(1) + (text.hasSuffix("A") ? "B" : "A")).expectFailure(65, "mistyped")
        try await peer("p2ppub1_").expectFailure(65)
        try await peer(secret).expectFailure(65, "a secret key where a public one belongs")
        try await peer("keys/server.key").expectFailure(
            65, "keys/server.key:3: a secret key where a public one belongs")
        try await peer("keys/authorized").expectFailure(77, "no key at keys/authorized", hint: "server.pub")
        try stage.write("server \(text.dropLast(3))\n", to: "keys/server.pub")
        try await stage.run(["peer", "A", "3001"]).expectFailure(65, "keys/server.pub:1: ")
        try stage.write("", to: "keys/server.pub")
        try await stage.run(["peer", "A", "3001"]).expectFailure(65, "keys/server.pub:1: ")
    }

    @Test("the server's own key as a peer's")
    func serversOwnKey() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try await stage.run(["peer", "A", "3001", "--key", "keys/server.key"])
            .expectFailure(64, "the peer's key is the server's own")
    }

    // MARK: the list of peers

    struct BadLine: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// From the public line of B, and its secret.
        let make: @Sendable (_ line: String, _ secret: String) -> String
    }

    static let badLines = [
        BadLine(testDescription: "a name alone") { _, _ in "B" },
        BadLine(testDescription: "a key alone") { line, _ in String(line.dropFirst(2)) },
        BadLine(testDescription: "three fields") { line, _ in line + " B" },
        BadLine(testDescription: "a name that is none") { line, _ in "B/" + line.dropFirst(1) },
        BadLine(testDescription: "a control character") { line, _ in "\u{1B}[31m" + line },
        BadLine(testDescription: "a key cut short") { line, _ in String(line.dropLast(2)) },
        BadLine(testDescription: "a key mistyped") { line, _ in line.dropLast(9) + "AAAAAAAAA" },
        BadLine(testDescription: "a secret key") { _, secret in "B " + secret },
        BadLine(testDescription: "a key twice") { line, _ in line + "\nC" + line.dropFirst(1) },
    ]

    @Test("a bad line in authorized_peers: which file, which line", arguments: badLines)
    func badRoster(bad: BadLine) async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys(peers: ["A", "B"])
        let secret = try #require(try stage.read("keys/B.key").split(separator: "\n").last.map(String.init))
        let text = "# who may join\n\(keys[1])\n\n\(bad.make(keys[2], secret))\n"
        try stage.write(text, to: "keys/authorized_peers")
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        let result = try await stage.run(["server", "--listen", "127.0.0.1:0"])
        result.expectFailure(65, "keys/authorized_peers:\(line): ", hint: "NAME p2ppub1_")
        try stage.write(text, to: "list")
        try await stage.run(["server", "--listen", "127.0.0.1:0", "--authorized-peers", "list"])
            .expectFailure(65, "list:\(line): ")
    }

    @Test("no list of peers")
    func noRoster() async throws {
        let stage = try Stage()
        defer { stage.end() }
        _ = try await stage.run(["keygen"])
        try await stage.run(["server", "--listen", "127.0.0.1:0"])
            .expectFailure(66, "keys/authorized_peers", hint: "--authorize")
    }

    // MARK: ports

    @Test("a port in use")
    func portInUse() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        let taken = try UDP.Socket(.any)
        try await stage.run(["server", "--listen", "127.0.0.1:\(taken.port)"])
            .expectFailure(71, "127.0.0.1:\(taken.port)", hint: "another port")
        try await stage.run(["peer", "A", "\(taken.port)"]).expectFailure(71, "\(taken.port)", hint: "another port")
        try await stage.run(["peer", "A", "\(taken.port)", "--bind", "127.0.0.1"])
            .expectFailure(71, "127.0.0.1:\(taken.port)", hint: "another port")
        // Neither of two addresses is left bound when the other is taken.
        let free = try UDP.freePort()
        try await stage.run(["server", "--listen", "127.0.0.1:\(free)", "--listen", "127.0.0.1:\(taken.port)"])
            .expectFailure(71, "127.0.0.1:\(taken.port)")
    }

    @Test("an address that is not this machine's")
    func foreignAddress() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        try await stage.run(["server", "--listen", "192.0.2.1:3000"]).expectFailure(71, "192.0.2.1:3000")
        try await stage.run(["peer", "A", "3001", "--bind", "192.0.2.1"]).expectFailure(71, "192.0.2.1:3001")
    }

    // MARK: the server, as a peer meets it

    @Test("an absent server: keeps trying, names both causes and the pinned key, gives up at --timeout")
    func absentServer() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys(peers: ["A"])
        let pinned = try #require(keys.first?.split(separator: " ").last.map(String.init))
        let port = try UDP.freePort()
        let result = try await stage.run(
            ["peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(port)", "--timeout", "3s"])
        result.expectFailure(69, "no answer from 127.0.0.1:\(port)")
        let hints = result.errors.filter { $0.hasPrefix("p2p: hint: ") }
        // On the way; at the end it stands above.
        #expect(hints.count == 1)
        for hint in hints {
            #expect(hint.contains("no server runs there"))
            #expect(hint.contains("does not hold the pinned key \(pinned)"))
        }
        #expect(result.errors.contains { $0.hasPrefix("p2p: warning: no answer from ") })
    }

    @Test("a server with another key than the pinned one is no different from an absent one")
    func wrongPinnedKey() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        let other = try await stage.run(["keygen", "other"])
        let pinned = try #require(other.output.first?.split(separator: " ").last.map(String.init))
        let server = try await stage.startServer()
        let peer = try stage.startPeer("A", of: server, ["--server-key", "keys/other.pub", "--timeout", "1s"])
        let status = try await peer.waitForExit()
        let result = Finished(status: status, output: peer.lines(of: .output), errors: peer.lines(of: .errors))
        result.expectFailure(69, "no answer from \(server.address)", hint: "no server runs there")
        result.expectFailure(69, hint: "does not hold the pinned key \(pinned)")
    }

    @Test("an unauthorised key: the line that the server's list lacks")
    func unauthorised() async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        let line = try #require(try await stage.run(["keygen", "B"]).output.first)
        let server = try await stage.startServer()
        // Timing decides what is printed and what is only known: several times, therefore.
        for _ in 0..<3 {
            let peer = try stage.startPeer("B", of: server)
            let status = try await peer.waitForExit()
            let result = Finished(status: status, output: peer.lines(of: .output), errors: peer.lines(of: .errors))
            result.expectFailure(77, "does not let this key join as B", hint: line)
            #expect(result.output.isEmpty)
        }
        try await server.program.waitForLine(matching: "turned away B p2ppub1_.*not authorised", on: .errors)
    }

    @Test("a listed key under another name than its own")
    func otherName() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys(peers: ["A"])
        let server = try await stage.startServer()
        let peer = try stage.startPeer("Z", of: server, ["--key", "keys/A.key"])
        let status = try await peer.waitForExit()
        Finished(status: status, output: peer.lines(of: .output), errors: peer.lines(of: .errors))
            .expectFailure(77, "join as Z", hint: "Z " + keys[1].dropFirst(2))
    }

    @Test("a name that is taken: says so, waits for it, gives up at --timeout")
    func nameTaken() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let keys = try await stage.makeKeys(peers: ["A"])
        let other = try #require(try await stage.run(["keygen", "A", "--keys", "others"]).output.first)
        try stage.write("\(keys[1])\n\(other)\n", to: "keys/authorized_peers")
        let server = try await stage.startServer()
        let first = try await stage.joinPeer("A", of: server)
        let second = try stage.startPeer("A", of: server, ["--key", "others/A.key", "--timeout", "2s"])
        try await second.waitForLine(matching: "^p2p: warning: turned away: the name is taken", on: .errors)
        let status = try await second.waitForExit()
        Finished(status: status, output: second.lines(of: .output), errors: second.lines(of: .errors))
            .expectFailure(69, "the name is taken by another key")

        // Who waits long enough gets it.
        let third = try stage.startPeer("A", of: server, ["--key", "others/A.key"])
        try await third.waitForLine(matching: "the name is taken", on: .errors)
        first.send(SIGINT)
        try await third.waitForLine(matching: "^joined as A at ", within: .seconds(20))
    }
}
