internal import Foundation
internal import Testing

/// Tests faults that an operator may meet. The name of each test says what the operator saw.
@Suite("traps", .processes, .serialized)
struct TrapTests {
    private let harness = ProcessHarness.current

    private static let shell = ["/bin/sh", "-c"]

    @Test(
        "authorize and revoke put a file in the place of a device, or waited for a pipe without an end",
        arguments: ["mknod list c 1 3", "mkfifo list", "mkdir list"])
    func listIsNoFile(make: String) async throws {
        let key = try await harness.run(["keygen", "A"]).output[0].dropFirst(2)
        // A user who may not create a device skips this case.
        guard try run(make) == 0 else { return }
        for command in [["authorize", "A", String(key)], ["revoke", "A"]] {
            try await harness.run(command + ["--authorized-peers", "list"])
                .expectFailure(65, "list: not a file, but a folder, a pipe or a device")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: harness.path("list"))
        #expect(attributes[.type] as? FileAttributeType != .typeRegular)
    }

    @Test("a server whose list is a pipe without a writer answered nobody, and did not stop")
    func silentPipe() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        try #require(try run("cd keys && mv authorized_peers saved && mkfifo authorized_peers") == 0)
        server.process.send(SIGHUP)
        try await server.process.waitForLine(
            matching: "nothing has come from this pipe for 10 s", on: .errors, within: .seconds(30))
        try await server.process.waitForLine(matching: "the previous list stays in force", on: .errors)
        #expect(try await harness.run(["status"]).status == 0)
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit() == 0)
        // A pipe that has a writer is read until its end.
        let result = try await harness.run(
            ["check", "server", "--authorized-peers", "keys/authorized_peers"],
            launcher: Self.shell + [#"(cat keys/saved; sleep 0.2) > keys/authorized_peers & exec "$0" "$@""#])
        #expect(result.output.contains("ok  list of peers keys/authorized_peers: 1 key"), "\(result.text)")
    }

    @Test("authorize --until 9999-12-31 wrote a list that no command could read")
    func lastDay() async throws {
        let key = try await harness.makeKeys(peers: ["A"])[1].dropFirst(2)
        let result = try await harness.run(["authorize", "A", String(key), "--until", "9999-12-31"])
        #expect(result.status == 0, "\(result.text)")
        #expect(try harness.read("keys/authorized_peers").contains("until=9999-12-31T23:59:59Z"))
        #expect(try await harness.run(["key", "verify", "A"]).output == ["ok A"])
    }

    @Test("key new --replace replaced the key, and then found that the list could not be read")
    func replaceBesideBadList() async throws {
        try await harness.makeKeys(peers: ["A"])
        let key = try harness.read("keys/A.key")
        try harness.write("A nonsense\n", to: "keys/authorized_peers")
        try await harness.run(["key", "new", "A", "--replace"]).expectFailure(65, "keys/authorized_peers:1")
        #expect(try harness.read("keys/A.key") == key)
    }

    @Test("doctor --report and simulate --report replaced a secret key")
    func reportOverKey() async throws {
        _ = try await harness.run(["keygen", "A"])
        let key = try harness.read("keys/A.key")
        for command in [["doctor"], ["simulate", "--peers", "2", "--minutes", "1"]] {
            try await harness.run(command + ["--report", "keys/A.key"])
                .expectFailure(73, "keys/A.key is the file of a secret key", hint: "another file")
        }
        #expect(try harness.read("keys/A.key") == key)
    }

    @Test("with a umask of 777, keygen and the control socket made folders that nobody could enter")
    func mask() async throws {
        let launcher = Self.shell + [#"umask 777; exec "$0" "$@""#]
        let made = try await harness.run(["keygen", "server", "A", "--authorize"], launcher: launcher)
        #expect(made.status == 0, "\(made.text)")
        #expect(try harness.mode(of: "keys") == 0o700)
        _ = try await harness.startServer(launcher: launcher)
        #expect(try await harness.run(["status", "--check"]).status == 0)
        let folder = try FileManager.default.attributesOfItem(
            atPath: harness.runtimeFolder.appending(path: "p2p").path)
        #expect(folder[.posixPermissions] as? Int == 0o700)
    }

    @Test("an empty path after --keys meant the root folder", arguments: ["keygen", "server", "key show A"])
    func emptyFolder(command: String) async throws {
        try await harness.run(command.split(separator: " ").map(String.init) + ["--keys", ""])
            .expectFailure(64, "the path after --keys is empty")
    }

    @Test(
        "a link to itself and a long path were said to belong to another user",
        arguments: [
            ("loop", "Too many levels of symbolic links"), (String(repeating: "x", count: 300), "name too long"),
        ])
    func wrongReason(path: String, reason: String) async throws {
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
        try await harness.run(
            ["check", "server"], launcher: Self.shell + [#"export \#(name)="$(printf 'a\377')"; exec "$0" "$@""#]
        ).expectFailure(78, "the environment variable \(name) is not UTF-8")
    }

    @Test(
        "a server listened on an address that no host has, and joined nobody",
        arguments: ["224.0.0.1:3000", "255.255.255.255:3000", "[ff02::1]:3000"])
    func multicast(address: String) async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["server", "--listen", address])
            .expectFailure(64, "is a multicast or broadcast address, which no host has")
    }

    @Test("a server that was given an address twice said that another process uses the port")
    func twice() async throws {
        try await harness.makeKeys(peers: ["A"])
        let address = "127.0.0.1:\(try UDP.freePort())"
        try await harness.run(["server", "--listen", address, "--listen", address])
            .expectFailure(64, "--listen \(address) is given twice")
    }

    @Test("a server on a wildcard address and on one of the host's said that another process uses the port")
    func wildcardTwice() async throws {
        try await harness.makeKeys(peers: ["A"])
        let port = try UDP.freePort()
        for (all, one) in [("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")] {
            try await harness.run(["server", "--listen", "\(one):\(port)", "--listen", "\(all):\(port)"])
                .expectFailure(64, "--listen \(all):\(port) has the address \(one):\(port) already")
        }
    }

    @Test("a peer with the port of the server on its host asked itself, and printed that nothing answers")
    func ownPort() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["peer", "A", "3000"])
            .expectFailure(64, "the peer's own port is that of the server at 127.0.0.1:3000")
        try await harness.run(["peer", "A", "3000", "--server", "[::1]:3000", "--bind", "::1"])
            .expectFailure(64, "the peer's own port is that of the server at [::1]:3000")
        try harness.write("[peer]\nport = 3000\n", to: "p2p.toml")
        try await harness.run(["peer", "A"])
            .expectFailure(78, "p2p.toml:2:1: the peer's own port is that of the server at 127.0.0.1:3000; port is")
        // The same port may be used on two addresses of the host.
        let check = try await harness.run(["check", "peer", "A", "--bind", "127.0.0.2"])
        #expect(!check.text.contains("own port"), "\(check.text)")
    }

    @Test("keygen A.key made the files A.key.key and A.key.pub", arguments: [["keygen"], ["key", "new"]])
    func fileAsName(command: [String]) async throws {
        for name in ["A.key", "A.pub"] {
            try await harness.run(command + [name]).expectFailure(64, "give the name alone, A; the files are NAME.key")
        }
    }

    @Test("a long interval was called malformed or too long, and +1s and +3001 were accepted")
    func numbers() async throws {
        for interval in ["99999999999s", "99999999999999999999s", "8761h", "31536000001ms"] {
            try await harness.run(["peer", "A", "3001", "--timeout", interval])
                .expectFailure(64, "an interval is at most a year, 8760h")
        }
        let longest = try await harness.run(["check", "peer", "A", "3001", "--timeout", "31536000000ms"])
        #expect(longest.status != 64, "\(longest.text)")
        try await harness.run(["peer", "A", "3001", "--timeout", "+1s"]).expectFailure(64, "an interval is like 500ms")
        try await harness.run(["peer", "A", "+3001"]).expectFailure(64, "a port is 1 to 65535")
    }

    @Test(
        "help, version and completions on a full disk were lost, and the exit code was 0",
        arguments: [
            ["--version"], ["help"], ["help", "keygen"], ["keygen", "--help"], ["help", "exit-codes"],
            ["--generate-completion-script", "bash"],
        ])
    func helpOnFullDisk(arguments: [String]) async throws {
        try await harness.run(arguments, launcher: Self.shell + [#"exec "$0" "$@" >/dev/full"#])
            .expectFailure(74, "cannot write to standard output: No space left on device", hint: "is the disk full?")
    }

    @Test("a command whose standard output was closed asked whether the disk is full")
    func closedOutput() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["key", "show", "A"], launcher: Self.shell + [#"exec "$0" "$@" >&-"#])
            .expectFailure(74, "cannot write to standard output", hint: "standard output is closed")
    }

    @Test("after a key was replaced, the hints led to revoking the new key")
    func replacedKey() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let old = try await harness.run(["key", "show", "A"]).output[0].split(separator: " ")[0]
        let peer = try await harness.joinPeer("A", of: server, ["--control", "A.sock"])
        let newKey = try #require(try await harness.run(["key", "new", "A", "--replace"]).output.last).dropFirst(2)
        try await peer.waitForLine(
            matching: "^p2p: hint: keys/A.pub has another key, \(newKey); start the peer again to use it$",
            on: .errors)
        func problems(_ arguments: [String] = []) async throws -> [String] {
            try await harness.run(["status"] + arguments).output.filter { $0.hasPrefix("!") }
        }
        try await wait(for: { try await problems() }) { text in
            text.count == 2 && text[0].contains(old)
                && text[1].contains("another key of A, \(newKey): start the peer again")
        }
        let ofPeer = try await problems(["--control", "A.sock"])
        #expect(
            ofPeer.contains("!   hint: keys/A.pub has another key, \(newKey); start the peer again to use it"),
            "\(ofPeer)")
        peer.send(SIGTERM)
        _ = try await peer.waitForExit()
        _ = try await harness.joinPeer("A", of: server)
        try await wait(for: { try await problems() }, \.isEmpty)
    }

    @Test("after the overlap of a replaced key, the server's hint was to revoke the new key")
    func expiredKey() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let peer = try await harness.joinPeer("A", of: server)
        _ = try await harness.run(["key", "new", "A", "--replace", "--overlap", "1s"])
        try await peer.waitForLine(matching: "does not let this key join", on: .errors)
        try await wait(for: { try await harness.run(["status"]).text }) {
            $0.contains("the key may not join any more, and the list has another key of A,")
        }
        #expect(try await !harness.run(["status"]).text.contains("--replace"))
    }

    /// Asks until the answer is as expected. Records the last answer if it is not within 20 s.
    private func wait<Answer>(
        for ask: () async throws -> Answer, _ isExpected: (Answer) -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let end = ContinuousClock.now + .seconds(20)
        var answer = try await ask()
        while !isExpected(answer), ContinuousClock.now < end {
            try await RunningProcess.pause()
            answer = try await ask()
        }
        #expect(isExpected(answer), "\(answer)", sourceLocation: sourceLocation)
    }

    @Test("if a new key was not listed yet, the server's hint was to start the peer again")
    func unlistedKey() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let key = try #require(try await harness.run(["keygen", "A", "--keys", "other"]).output.last).dropFirst(2)
        let peer = try harness.startPeer(
            "A", of: server, ["--keys", "other", "--server-key", "keys/server.pub", "--once"])
        #expect(try await peer.waitForExit() == 77)
        try await wait(for: { try await harness.run(["status"]).text }) {
            $0.contains("on the server's host: p2p authorize A \(key) --replace, which revokes p2ppub1_")
        }
    }

    @Test("a passphrase was asked of a key without one, and the hint named an option that does not help")
    func newPassphrase() async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(["key", "passphrase", "A"], launcher: ["/usr/bin/setsid", "--wait"])
            .expectFailure(77, "a new passphrase for keys/A.key is needed", hint: "--new-passphrase-file")
        try await harness.run(["key", "passphrase", "A", "--new-passphrase-file", "none"])
            .expectFailure(77, "no passphrase at none", hint: "--new-passphrase-file")
    }

    @Test("for a lost public key, the hints led to making another key")
    func lostPublicKey() async throws {
        try await harness.makeKeys(peers: ["A"])
        try FileManager.default.removeItem(atPath: harness.path("keys/A.pub"))
        let hint = "p2p key show keys/A.key > keys/A.pub"
        try await harness.run(["keygen", "A"]).expectFailure(73, "keys/A.key exists already", hint: hint)
        let result = try await harness.run(["key", "verify", "A"])
        #expect(result.status == 1 && result.output[0].hasSuffix("to write it again: \(hint)"), "\(result.text)")
        _ = try await harness.run(
            ["key", "show", "keys/A.key"], launcher: Self.shell + [#"exec "$0" "$@" > keys/A.pub"#])
        #expect(try await harness.run(["key", "verify", "A"]).output == ["ok A"])
    }

    @Test("the hints about a missing list changed the list of another folder, or proposed to open the mesh")
    func missingList() async throws {
        _ = try await harness.run(["keygen", "--keys", "kk"])
        try await harness.run(["server", "--keys", "kk"])
            .expectFailure(66, "no list of peers at kk", hint: "'p2p keygen NAME --authorize --keys kk'")
        let hint = "'p2p authorize NAME KEY --authorized-peers list' adds"
        try await harness.run(["server", "--keys", "kk", "--authorized-peers", "list"])
            .expectFailure(66, "no list of peers at list", hint: hint)
        try await harness.run(["revoke", "A"])
            .expectFailure(66, "no list of peers", hint: "its folder of keys with --keys")
    }

    @Test("keygen and key new proposed an option that they do not have")
    func otherList() async throws {
        _ = try await harness.makeServer(peers: ["A"])
        let hint = /right server: p2p authorize B p2ppub1_[^ ]+( --replace)? --authorized-peers \/[^ ]*authorized_peers/
        for command in [["keygen", "B", "--authorize"], ["key", "new", "B", "--replace"]] {
            let result = try await harness.run(command + ["--keys", "other"])
            #expect(result.text.contains(hint), "\(result.text)")
        }
    }

    @Test("the overlap of a server's key was ignored, and the old key was lost")
    func serverOverlap() async throws {
        _ = try await harness.run(["keygen"])
        let before = try Data(contentsOf: harness.folder.appending(path: "keys/server.key"))
        try await harness.run(["key", "new", "server", "--replace", "--overlap", "1h"])
            .expectFailure(64, "a server has one key at a time")
        #expect(try Data(contentsOf: harness.folder.appending(path: "keys/server.key")) == before)
    }

    @Test("check found no fault with a control socket or a metrics address with which the process does not start")
    func checkOfSockets() async throws {
        try await harness.makeKeys(peers: ["A"])
        let port = try UDP.freePort()
        for command in [["check", "server", "--listen", "127.0.0.1:0"], ["check", "peer", "A", "\(port)"]] {
            let control = try await harness.run(command + ["--control", "none/x.sock"])
            #expect(control.status == 1 && control.text.contains("there is no folder none"), "\(control.text)")
            let file = try await harness.run(command + ["--control", "keys/A.pub"])
            #expect(file.status == 1 && file.text.contains("keys/A.pub is not a socket"), "\(file.text)")
            let metrics = try await harness.run(command + ["--metrics", "192.0.2.1:1"])
            #expect(metrics.status == 1 && metrics.text.contains("cannot serve metrics"), "\(metrics.text)")
        }
    }

    @Test("send with a closed standard input sent an empty message, and a refused key had no hint")
    func sendWithoutInput() async throws {
        let server = try await harness.makeServer(peers: ["A", "B"])
        _ = try await harness.joinPeer("A", of: server, ["--control", "A.sock"])
        _ = try await harness.joinPeer("B", of: server)
        try await harness.run(
            ["send", "B", "--control", "A.sock"], launcher: Self.shell + [#"exec "$0" "$@" <&-"#]
        ).expectFailure(74, "standard input is closed")
        _ = try await harness.run(["keygen", "U"])
        try await harness.run(["send", "B", "hi", "--as", "U", "--server", server.address])
            .expectFailure(77, "does not let this key join as U", hint: "p2p authorize U p2ppub1_")
    }

    @Test("simulate --report '' was refused after the whole simulation")
    func emptyReport() async throws {
        let result = try await harness.run(["simulate", "--peers", "2", "--report", ""])
        result.expectFailure(64, "the path after --report is empty")
        #expect(result.output.isEmpty, "\(result.text)")
    }

    @Test("for a report larger than the limit of files, the hint was to use another folder")
    func reportTooLarge() async throws {
        try await harness.run(
            ["simulate", "--peers", "2", "--report", "x.html"],
            launcher: Self.shell + [#"ulimit -f 0; exec "$0" "$@""#]
        ).expectFailure(73, "cannot write x.html: File too large", hint: "make room")
    }

    @Test("a text that begins with -h was lost: the help was printed instead, with exit code 0")
    func textLikeHelp() async throws {
        for text in ["-heat", "-high load"] {
            try await harness.run(["send", "B", text]).expectFailure(64, "unknown option '\(text)'", hint: "put --")
        }
    }

    @Test("revoke exited with 0 although the running server refused the list, and kept the member")
    func refusedRevocation() async throws {
        let server = try await harness.makeServer(peers: ["A", "B", "C"])
        let list = harness.folder.appending(path: "keys/authorized_peers")
        let lines = try String(contentsOf: list, encoding: .utf8).split(separator: "\n")
        let kept = lines.filter { $0.hasPrefix("A ") }
        try #require(kept.count == 1)
        try (kept[0] + "\n").write(to: list, atomically: false, encoding: .utf8)
        let result = try await harness.run(["revoke", "A"])
        result.expectFailure(75, "a running server did not read it")
        #expect(result.errors.contains { $0.contains("did not read its list") }, "\(result.text)")
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit() == 0)
    }

    @Test(
        "authorize, keygen and key new exited with 0 although the running server refused the list",
        arguments: [
            ["authorize", "D", "keys/D.pub"], ["keygen", "E", "--authorize"], ["key", "new", "A", "--replace"],
        ])
    func refusedAuthorization(command: [String]) async throws {
        let server = try await harness.makeServer(peers: ["A", "B", "C"])
        #expect(try await harness.run(["keygen", "D"]).status == 0)
        let lines = try harness.read("keys/authorized_peers").split(separator: "\n")
        let kept = try #require(lines.first { $0.hasPrefix("A ") })
        try harness.write("\(kept)\n", to: "keys/authorized_peers")
        let result = try await harness.run(command)
        result.expectFailure(75, "a running server did not read it")
        #expect(result.errors.last?.contains("'p2p reload' makes the change effective") == true, "\(result.text)")
        if command[0] == "authorize" {
            // The list has the key already, and the server still refuses it.
            try await harness.run(command).expectFailure(75, "a running server did not read it")
        }
        #expect(result.errors.contains { $0.contains("did not read its list") }, "\(result.text)")

        // The refusal does not concern another mesh, neither before its server runs nor afterwards.
        let other = try await harness.run(["keygen", "server", "F", "--authorize", "--keys", "other"])
        #expect(other.status == 0, "\(other.text)")
        #expect(other.errors.last == "p2p: next: p2p server --keys other", "\(other.text)")
        let second = try await harness.startServer(["--keys", "other"])
        let third = try await harness.run(["keygen", "G", "--authorize", "--keys", "other"])
        #expect(third.status == 0, "\(third.text)")
        try await second.process.waitForLine(matching: "^p2p: may join: G$", on: .errors)
        for process in [server.process, second.process] {
            process.send(SIGTERM)
            #expect(try await process.waitForExit() == 0)
        }
    }

    @Test("authorize in another folder said that the running server has read the list again")
    func anotherList() async throws {
        let server = try await harness.makeServer(peers: ["A"])
        let line = try #require(try await harness.run(["keygen", "B", "--keys", "other"]).output.first)
        let result = try await harness.run(["authorize", "B", String(line.dropFirst(2)), "--keys", "other"])
        #expect(result.status == 0)
        #expect(
            result.errors.contains { $0.hasSuffix("/keys/authorized_peers: 1 key") && $0.contains("has another list") },
            "\(result.text)")
        #expect(
            result.errors.contains { $0.contains("no running server has read other/authorized_peers") },
            "\(result.text)")
        #expect(!result.text.contains("the running server has read"))
        server.process.send(SIGTERM)
        #expect(try await server.process.waitForExit() == 0)
    }

    @Test("'p2p check server' said ok of a list with the server's own key, with which the server does not start")
    func checkOwnKey() async throws {
        try await harness.makeKeys(peers: ["A"])
        let list = try harness.read("keys/authorized_peers") + harness.read("keys/server.pub")
        try harness.write(list, to: "keys/authorized_peers")
        let result = try await harness.run(["check", "server", "--listen", "127.0.0.1:0"])
        #expect(result.status == 1)
        #expect(
            result.output.contains { $0.hasPrefix("!   keys/authorized_peers lists the server's own key") },
            "\(result.text)")
    }

    @Test("'p2p check server' did not look at the file of --state, and the server then did not start")
    func checkDirectoryFile() async throws {
        try await harness.makeKeys(peers: ["A"])
        let check = ["check", "server", "--listen", "127.0.0.1:0", "--state", "members"]
        let fresh = try await harness.run(check)
        #expect(fresh.status == 0)
        #expect(fresh.output.contains("ok  list of members members: not written yet"), "\(fresh.text)")
        #expect(throws: (any Error).self) { try harness.read("members") }
        try harness.write("groceries", to: "members")
        let foreign = try await harness.run(check)
        #expect(foreign.status == 1)
        let reason = "!   cannot keep the list of members in members: it holds something else"
        #expect(foreign.output.contains { $0.hasPrefix(reason) }, "\(foreign.text)")
        #expect(try harness.read("members") == "groceries")
    }

    @Test(
        "a list that is mounted by itself, as in a container: the hint told root to run as the owner",
        .enabled(if: geteuid() == 0, "only root can mount"))
    func mountedList() async throws {
        try await harness.makeKeys(peers: ["A"])
        let script = """
            mount --bind list keys/authorized_peers || exit 99
            exec "$0" "$@"
            """
        let list = try harness.read("keys/authorized_peers")
        try harness.write(list, to: "list")
        let result = try await harness.run(
            ["revoke", "A"],
            launcher: ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script])
        guard result.status != 99 else { return }
        result.expectFailure(73, "keys/authorized_peers cannot be written", hint: "mount its folder instead")
        #expect(try harness.read("list") == list)
    }

    @Test("a server whose p2p.toml was a link to a file that is not there started with the default settings")
    func settingsLinkToNothing() async throws {
        try await harness.makeKeys(peers: ["A"])
        try #require(try run("ln -s volume/p2p.toml p2p.toml") == 0)
        for command in [["server"], ["peer", "A", "3001"], ["check", "server"]] {
            try await harness.run(command)
                .expectFailure(78, "p2p.toml: no such file", hint: "the link leads to no file")
        }
    }

    @Test("a settings file that was a symbolic link to itself was refused without a reason")
    func settingsLoop() async throws {
        try #require(try run("ln -s loop loop") == 0)
        try await harness.run(["server", "--config", "loop"])
            .expectFailure(78, "loop cannot be read: Too many levels of symbolic links")
    }

    @Test("a control socket in a folder that is not there: the reason contained the name of a function")
    func controlPath() async throws {
        try await harness.makeKeys(peers: ["A"])
        let result = try await harness.run(["server", "--listen", "127.0.0.1:0", "--control", "none/x.sock"])
        result.expectFailure(73, "cannot make the control socket none/x.sock: No such file or directory")
        #expect(!result.text.contains("descriptor:"))
    }

    /// Runs a line of shell code in the folder, and returns its exit status.
    private func run(_ line: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.shell[0])
        process.arguments = [Self.shell[1], line]
        process.currentDirectoryURL = harness.folder
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
