internal import Foundation
internal import Testing

/// Tests `p2p authorize`, `p2p revoke`, and lists of peers that a running server reads again.
@Suite("the list of peers", .processes, .serialized)
struct RosterCommandTests {
    private let harness = ProcessHarness.current

    @Test("keygen --authorize after a key was lost leaves one key that may join, not two")
    func lostKey() async throws {
        let old = try await harness.makeKeys(peers: ["A"])[1]
        for file in ["A.key", "A.pub"] {
            try FileManager.default.moveItem(atPath: harness.path("keys/\(file)"), toPath: harness.path(file))
        }
        let result = try await harness.run(["keygen", "A", "--authorize"])
        #expect(result.status == 0)
        #expect(result.errors.contains { $0.contains("the old key of A, \(old.dropFirst(2)), is revoked") })
        let server = try await harness.startServer()
        _ = try await harness.joinPeer("A", of: server)
        let thief = try harness.startPeer("A", of: server, ["--key", "A.key"])
        try await thief.waitForLine(matching: "does not let this key join as A", on: .errors)
    }

    @Test("a revoked peer is out within a second, and one that is authorized joins")
    func revokeAndAuthorize() async throws {
        let (server, a, b) = try await harness.makeMesh(peers: ["A", "B"])
        try await a.waitForLine(matching: "^\\+ B ")
        let revoked = try await harness.run(["revoke", "B", "--reason", "stolen"])
        #expect(revoked.status == 0)
        #expect(revoked.errors.contains { $0.hasPrefix("p2p: revoked B p2ppub1_") })
        #expect(revoked.errors.last == "p2p: the running server has read keys/authorized_peers again: 1 key")
        let start = ContinuousClock.now
        try await a.waitForLine(matching: "^- B", within: .seconds(1), of: start)
        try await b.waitForLine(
            matching: "^p2p: the server .* ended the session of B at .*: the key is no longer authorized$", on: .errors,
            within: .seconds(1), of: start)
        try await server.process.waitForLine(matching: "^p2p: may not join any more: B$", on: .errors)
        #expect(try harness.read("keys/authorized_peers").contains(/B p2ppub1_\S+ revoked=\S+Z # stolen\n/))

        let line = try #require(try await harness.run(["keygen", "C"]).output.first)
        #expect(try await harness.run(["authorize", "C", String(line.dropFirst(2))]).status == 0)
        try await server.process.waitForLine(matching: "^p2p: may join: C$", on: .errors)
        _ = try await harness.joinPeer("C", of: server)

        let next = try await harness.run(["keygen", "D", "--authorize"])
        #expect(next.errors.last == "p2p: next: p2p peer D PORT")
    }

    @Test("a server that is stopped does not keep another one from reading the list, or the command from ending")
    func stoppedServer() async throws {
        try await harness.makeKeys(peers: ["A"])
        let servers = [try await harness.startServer(), try await harness.startServer()]
        try await servers[0].process.stop()
        let revoking = try harness.start(["revoke", "A"])
        try await servers[1].process.waitForLine(matching: "^p2p: may not join any more: A$", on: .errors)
        let revoked = try await revoking.finish(within: .seconds(60))
        #expect(revoked.status == 0, "\(revoked.text)")
        #expect(revoked.errors.contains { $0.contains("a running server did not read its list: ") })
        #expect(revoked.errors.contains("p2p: the running server has read keys/authorized_peers again: 0 keys"))
        servers[0].process.send(SIGCONT)
        try await servers[0].process.waitForLine(matching: "^p2p: may not join any more: A$", on: .errors)
    }

    @Test("a list that was emptied, or has lost most of its keys, revokes nobody")
    func emptied() async throws {
        let keys = try await harness.makeKeys()
        let server = try await harness.startServer()
        let a = try await harness.joinPeer("A", of: server)
        let b = try await harness.joinPeer("B", of: server)
        for (text, count) in [("", 3), ("# restored later\n", 3), ("\(keys[1])\n", 2)] {
            let mark = server.process.mark
            try harness.write(text, to: "keys/authorized_peers")
            server.process.send(SIGHUP)
            try await server.process.waitForLine(
                matching: "^p2p: error: keys/authorized_peers lacks \(count) of the 3 keys in force: ", on: .errors,
                since: mark)
            try await server.process.waitForLine(matching: "^p2p: hint: .*p2p revoke NAME", on: .errors, since: mark)
            try await server.process.waitForLine(
                matching: "^p2p: the previous list stays in force$", on: .errors, since: mark)
        }
        let mark = a.mark
        try await a.waitForMessages(from: "B", count: 3, since: mark)
        for peer in [a, b] { #expect(try peer.lines(matching: "^- ").isEmpty) }
        _ = try await harness.joinPeer("C", of: server)

        // A server accepts an empty list from `p2p revoke`, but not from any other change of the file.
        try harness.write(keys.dropFirst().map { "\($0)\n" }.joined(), to: "keys/authorized_peers")
        #expect(try await harness.run(["revoke", "A", "B", "C"]).status == 0)
        try await server.process.waitForLine(matching: "^p2p: read .* again: 0 keys$", on: .errors)
        try await server.process.waitForLine(matching: "^- A ")
    }

    @Test("a peer that was revoked by mistake comes back by itself when it is listed again")
    func comesBack() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let a = try await harness.joinPeer("A", of: server)
        let mark = a.mark
        #expect(try await harness.run(["revoke", "A"]).status == 0)
        try await a.waitForLine(
            matching: "^p2p: warning: the server does not let this key join as A; asking again in \\d+ s$", on: .errors,
            since: mark)
        try await a.waitForLine(matching: "^p2p: hint: .*p2p authorize A p2ppub1_", on: .errors, since: mark)
        #expect(try await harness.run(["authorize", "A", "keys/A.pub"]).status == 0)
        try await a.waitForLine(matching: "^joined as A at ", since: mark, within: .seconds(20))

        // A peer that is not listed when it starts keeps trying too, until `--timeout` ends it.
        let b = try #require(try await harness.run(["keygen", "B"]).output.first)
        let late = try harness.startPeer("B", of: server, ["--timeout", "2s"])
        try await late.finish().expectFailure(77, "does not let this key join as B", hint: "p2p authorize \(b)")
    }

    @Test("if no server of this user runs, the command says how to make another user's server read the list")
    func noServer() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let revoked = try await harness.run(["revoke", "A"])
        #expect(revoked.status == 0)
        #expect(revoked.errors.last?.contains("keys/authorized_peers; if one runs, make it read the list with") == true)
        // If the server refuses the list, its answer says so, and the command prints it.
        let server = try await harness.startServer()
        try harness.write("\(keys[1])\n\(keys[0])\n", to: "keys/authorized_peers")
        let authorized = try await harness.run(["revoke", "A"])
        #expect(authorized.errors.contains { $0.contains("a running server did not read its list: ") })
        try await server.process.waitForLine(matching: "lists the server's own key", on: .errors)
    }

    @Test("commands that edit a list at the same time lose nothing of each other")
    func atTheSameTime() async throws {
        let names = (0..<12).map { "n\($0)" }
        let lines = try await harness.run(["keygen"] + names).output
        let processes = try lines.map { line in
            let fields = line.split(separator: " ").map(String.init)
            return try harness.start(["authorize"] + fields)
        }
        for process in processes { #expect(try await process.waitForExit(within: .seconds(20)) == 0) }
        let list = try harness.read("keys/authorized_peers").split(separator: "\n").map(String.init)
        #expect(list.sorted() == lines.sorted())
    }

    @Test("a full disk loses neither a list nor a key, and leaves no part of a new one")
    func fullDisk() async throws {
        try await harness.makeKeys(peers: (0..<20).map { "n\($0)" })
        let list = try harness.read("keys/authorized_peers")
        let files = try FileManager.default.contentsOfDirectory(atPath: harness.path("keys")).sorted()
        // The limit is smaller than the list, so a write could stop in the middle of the list.
        let limited = ["/bin/sh", "-c", #"ulimit -f 1; exec "$0" "$@""#]
        try await harness.run(["revoke", "n7"], launcher: limited)
            .expectFailure(73, "keys/authorized_peers cannot be written: File too large", hint: "nothing has changed")
        let none = ["/bin/sh", "-c", #"ulimit -f 0; exec "$0" "$@""#]
        try await harness.run(["keygen", "new"], launcher: none).expectFailure(73, "keys/new.key cannot be made")
        #expect(try harness.read("keys/authorized_peers") == list)
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.path("keys")).sorted() == files)
    }

    @Test("an edited list keeps its mode, and a link is not followed")
    func modeAndLink() async throws {
        try await harness.makeKeys(peers: ["A", "B"])
        try harness.setMode(0o640, of: "keys/authorized_peers")
        #expect(try await harness.run(["revoke", "A"]).status == 0)
        #expect(try harness.mode(of: "keys/authorized_peers") == 0o640)
        let files = FileManager.default
        try files.moveItem(atPath: harness.path("keys/authorized_peers"), toPath: harness.path("list"))
        try files.createSymbolicLink(
            atPath: harness.path("keys/authorized_peers"), withDestinationPath: harness.path("list"))
        let list = try harness.read("list")
        try await harness.run(["revoke", "B"])
            .expectFailure(73, "keys/authorized_peers is a symbolic link", hint: "the file that the link leads to")
        #expect(try harness.read("list") == list)
        #expect(try await harness.run(["revoke", "B", "--authorized-peers", "list"]).status == 0)
    }

    @Test("a key that is obviously the wrong one is not authorized")
    func refused() async throws {
        let keys = try await harness.makeKeys(peers: ["A", "B"])
        let list = try harness.read("keys/authorized_peers")
        let serverKey = String(keys[0].dropFirst("server ".count))
        try await harness.run(["authorize", "C", serverKey]).expectFailure(65, "the server's own key")
        try await harness.run(["authorize", "server", serverKey]).expectFailure(64, "the name of the server's key")
        try await harness.run(["authorize", "C", "keys/A.pub"]).expectFailure(65, "the key of A, not of C")
        try await harness.run(["authorize", "C", String(keys[1].dropFirst(2))]).expectFailure(65, "lists this key as A")
        try await harness.run(["authorize", "C", "keys/A.key"]).expectFailure(65, "a secret key where a public one")
        try await harness.run(["authorize", "C", "p2ppub1_x"])
            .expectFailure(65, "the key of C: a key that is cut short")
        let other = try #require(try await harness.run(["keygen", "A", "--keys", "other"]).output.first)
        try await harness.run(["authorize", "A", "other/A.pub"])
            .expectFailure(65, "another key of A", hint: "p2p authorize \(other) --replace")
        try await harness.run(["authorize", "C", serverKey, "--until", "2020-01-01"]).expectFailure(64, "in the past")
        try await harness.run(["revoke", "nobody"]).expectFailure(66, "lists no key of nobody")
        try await harness.run(["revoke", "A", "nobody"]).expectFailure(66, "lists no key of nobody")
        try await harness.run(["revoke", "A", "--reason", "a\nb"]).expectFailure(64, "one line")
        #expect(try harness.read("keys/authorized_peers") == list)
        try harness.write(list + "C \(serverKey)\n", to: "keys/authorized_peers")
        try await harness.run(["server", "--listen", "127.0.0.1:0"]).expectFailure(65, "lists the server's own key")
    }

    @Test("a key can come from standard input")
    func standardInput() async throws {
        _ = try await harness.run(["keygen", "A"])
        let piped = ["/bin/sh", "-c", #"cat keys/A.pub | exec "$0" "$@""#]
        #expect(try await harness.run(["authorize", "A", "-"], launcher: piped).status == 0)
        #expect(try harness.read("keys/authorized_peers") == harness.read("keys/A.pub"))
    }

    @Test("keygen prints commands that can be pasted, and they work")
    func next() async throws {
        let peer = try await harness.run(["keygen", "A", "--keys", "peer keys"])
        let command = try #require(peer.errors.last?.firstMatch(of: #/^p2p: next, on the server's host: p2p (.*)$/#))
        #expect(try await harness.run(command.output.1.split(separator: " ").map(String.init)).status == 0)
        #expect(try harness.read("keys/authorized_peers") == peer.output[0] + "\n")
        let server = try await harness.run(["keygen"])
        #expect(server.errors.last == "p2p: next: p2p server")
        let other = try await harness.run(["keygen", "server", "B", "--authorize", "--keys", "peer keys"])
        #expect(other.errors.last == "p2p: next: p2p server --keys 'peer keys'")
    }

    @Test("an argument or a folder that is not UTF-8 is refused, and no other folder is made")
    func notUTF8() async throws {
        let option = ["/bin/sh", "-c", #"exec "$0" "$@" --keys "$(printf 'k\377')""#]
        try await harness.run(["keygen", "A"], launcher: option).expectFailure(64, "argument 4")
        let variable = ["/bin/sh", "-c", #"export P2P_KEYS="$(printf 'k\377')"; exec "$0" "$@""#]
        try await harness.run(["keygen", "A"], launcher: variable).expectFailure(64, "P2P_KEYS is not UTF-8")
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.folder.path).isEmpty)
    }

    @Test("keys are not made in a folder that other users can change")
    func writableFolder() async throws {
        try FileManager.default.createDirectory(
            atPath: harness.path("keys"), withIntermediateDirectories: false)
        try harness.setMode(0o777, of: "keys")
        try await harness.run(["keygen", "A"])
            .expectFailure(77, "because they can change keys", hint: "chmod go-w keys")
        #expect(!harness.exists("keys/A.key"))
    }
}
