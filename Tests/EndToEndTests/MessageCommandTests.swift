internal import Foundation
internal import MeshControl
internal import Testing

/// Tests `p2p send`, `recv`, `watch`, `ping` and `reload`.
@Suite("Commands that talk to a running mesh", .processes, .timeLimit(.minutes(10)))
struct MessageCommandTests {
    private let harness = ProcessHarness.current

    /// A server and peers. The control socket of each has a short name.
    private struct Mesh {
        let server: ServerProcess
        let peers: [RunningProcess]

        init(
            _ harness: ProcessHarness, peers names: [String], authorized: [String]? = nil, lifetime: String = "1500ms"
        ) async throws {
            try await harness.makeKeys(peers: authorized ?? names)
            server = try await harness.startServer(["--control", "s.sock", "--lifetime", lifetime])
            var peers: [RunningProcess] = []
            for name in names {
                let peer = try harness.startPeer(
                    name, of: server, ["--broadcast-interval", "off", "--control", "\(name).sock"])
                try await peer.waitForLine(matching: "^joined as")
                peers.append(peer)
            }
            self.peers = peers
            for (index, name) in names.enumerated() {
                for other in names where other != name {
                    try await peers[index].waitForLine(matching: "^\\+ \(other) ")
                }
                try await harness.waitForAnswer(at: "\(name).sock")
            }
            try await harness.waitForAnswer(at: "s.sock")
        }
    }

    @Test("send to all names everyone who has acknowledged, and the message comes once")
    func sendToAll() async throws {
        let mesh = try await Mesh(harness, peers: ["A", "B", "C"])
        let result = try await harness.run(["send", "--all", "hello", "--control", "A.sock"])
        #expect(result.status == 0 && result.output == ["delivered to 2 of 2: B C"], "\(result.text)")
        for peer in mesh.peers.dropFirst() { try await peer.waitForLine(matching: "^A: hello$") }
        let direct = try await harness.run(["send", "B", "for you", "--control", "A.sock"])
        #expect(direct.output == ["delivered to 1 of 1: B"], "\(direct.text)")
        try await mesh.peers[1].waitForLine(matching: "^A \\(to you only\\): for you$")
        #expect(try mesh.peers[1].lines(matching: "^A: hello$").count == 1)
        let plain = try await harness.run(["send", "--all", "no ack", "--no-ack", "--control", "A.sock"])
        #expect(plain.output == ["sent to 2"], "\(plain.text)")
    }

    @Test("send says who has not answered, and exits with 75; a receiver that is gone is named")
    func unanswered() async throws {
        let mesh = try await Mesh(harness, peers: ["A", "B", "C"], lifetime: "10s")
        try await mesh.peers[2].stop()
        let result = try await harness.run(
            ["send", "--all", "hello", "--timeout", "2s", "--control", "A.sock"])
        #expect(result.status == 75 && result.output == ["delivered to 1 of 2: B; no answer: C"], "\(result.text)")
        let sending = try harness.start(["send", "--all", "again", "--timeout", "60s", "--control", "A.sock"])
        try await mesh.peers[1].waitForLine(matching: "^A: again$")
        mesh.peers[2].kill()
        // This limit is longer than the `--timeout` of the command.
        let gone = try await sending.finish(within: .seconds(90))
        #expect(gone.status == 75 && gone.output == ["delivered to 1 of 2: B; gone: C"], "\(gone.text)")
        let absent = try await harness.run(["send", "C", "hello", "--control", "A.sock"])
        absent.expectFailure(69, "no member has the name C", hint: "it left at")
        try await harness.run(["send", "nobody", "hello", "--control", "A.sock"])
            .expectFailure(69, "no member has the name nobody", hint: "p2p status")
    }

    @Test("any bytes come through send and recv as they are, and --lines sends one message per line")
    func binary() async throws {
        _ = try await Mesh(harness, peers: ["A", "B"])
        let bytes = Data((0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try bytes.write(to: harness.folder.appending(path: "sent"))
        let raw = try harness.start(
            ["recv", "--from", "A", "-n", "1", "--raw", "--control", "B.sock"],
            launcher: ["/bin/sh", "-c", "exec \"$@\" > received", "sh"])
        let json = try harness.start(["recv", "--json", "-n", "3", "--control", "B.sock"])
        try await harness.waitForReaders(2, of: "B.sock")
        let input = ["/bin/sh", "-c", "exec \"$@\" < sent", "sh"]
        let sent = try await harness.run(["send", "B", "--control", "A.sock"], launcher: input)
        #expect(sent.output == ["delivered to 1 of 1: B"], "\(sent.text)")
        #expect(try await raw.waitForExit() == 0)
        #expect(try Data(contentsOf: harness.folder.appending(path: "received")) == bytes)

        try Data("one\ntwo".utf8).write(to: harness.folder.appending(path: "sent"))
        let lines = try await harness.run(["send", "--all", "--lines", "--control", "A.sock"], launcher: input)
        #expect(lines.output.count == 2 && lines.status == 0, "\(lines.text)")
        let received = try await json.finish()
        let events = received.output.compactMap { ControlJSON.decode(ControlEvent.self, from: Array($0.utf8)) }
        #expect(events.map(\.body) == [bytes, Data("one".utf8), Data("two".utf8)])
        #expect(events.map(\.text) == [nil, "one", "two"] && events.map(\.broadcast) == [false, true, true])

        try Data(count: 2_000).write(to: harness.folder.appending(path: "sent"))
        try await harness.run(["send", "B", "--control", "A.sock"], launcher: input)
            .expectFailure(65, "the message is too large", hint: "1083")
    }

    @Test("send --as joins for one message, and leaves")
    func joinsForOneMessage() async throws {
        let mesh = try await Mesh(harness, peers: ["A"], authorized: ["A", "B"])
        let arguments = ["send", "A", "hello", "--as", "B", "--server", mesh.server.address]
        let result = try await harness.run(arguments + ["--timeout", "10s"])
        #expect(result.status == 0 && result.output == ["delivered to 1 of 1: A"], "\(result.text)")
        try await mesh.peers[0].waitForLine(matching: "^B \\(to you only\\): hello$")
        try await mesh.peers[0].waitForLine(matching: "^- B \\(left\\)")
        mesh.server.process.kill()
        try await harness.run(arguments + ["--timeout", "500ms"]).expectFailure(75, "may not send messages")
    }

    @Test("send --as asked 127.0.0.1:3000 although P2P_SERVER or p2p.toml had another address")
    func settingsOfSender() async throws {
        let mesh = try await Mesh(harness, peers: ["A"], authorized: ["A", "B"])
        let environment = ["P2P_SERVER": mesh.server.address]
        let send = ["send", "A", "hello", "--as", "B"]
        let sent = try await harness.run(send, environment: environment)
        #expect(sent.status == 0 && sent.output.contains("delivered to 1 of 1: A"), "\(sent.text)")
        try harness.write("[peer]\nserver = \"\(mesh.server.address)\"\n", to: "p2p.toml")
        #expect(try await harness.run(send).status == 0)
        try await harness.run(send, environment: ["P2P_SERVER": "x"]).expectFailure(78, "$P2P_SERVER: ")
        try await harness.run(["send", "A", "hello", "--server", mesh.server.address])
            .expectFailure(64, "--server and --server-key need --as")
    }

    @Test("without a server, ping and send to an unknown name said after the timeout that the peer may not send")
    func unknownNameWithoutServer() async throws {
        let mesh = try await Mesh(harness, peers: ["A", "B"])
        mesh.server.process.send(SIGTERM)
        for peer in mesh.peers {
            try await peer.waitForLine(matching: "ended the session of .*: it stops", on: .errors)
        }
        for command in [["ping", "C"], ["send", "C", "hello"]] {
            try await harness.run(command + ["--control", "A.sock", "--timeout", "60s"])
                .expectFailure(69, "no member has the name C")
        }
        #expect(try await harness.run(["send", "B", "hello", "--control", "A.sock"]).status == 0)
    }

    @Test("send --as waits until the receiver is a member")
    func receiverJoinsLater() async throws {
        let mesh = try await Mesh(harness, peers: ["A"], authorized: ["A", "B", "C"])
        let sending = try harness.start([
            "send", "C", "hello", "--as", "B", "--server", mesh.server.address, "--timeout", "30s",
        ])
        try await mesh.peers[0].waitForLine(matching: "^\\+ B ")
        let receiver = try await harness.joinPeer("C", of: mesh.server)
        try await receiver.waitForLine(matching: "^B \\(to you only\\): hello$")
        #expect(try await sending.waitForExit() == 0)
        #expect(sending.lines(of: .output) == ["delivered to 1 of 1: C"])
        let unknown = try await harness.run([
            "send", "D", "hello", "--as", "B", "--server", mesh.server.address, "--timeout", "2s",
        ])
        unknown.expectFailure(69, "no member has the name D", hint: "p2p status")
    }

    @Test("ping measures a round trip, and no program sees it")
    func ping() async throws {
        let mesh = try await Mesh(harness, peers: ["A", "B"], lifetime: "30s")
        let result = try await harness.run(["ping", "B", "--count", "2", "--interval", "10ms", "--control", "A.sock"])
        #expect(result.status == 0 && result.output.count == 3, "\(result.text)")
        #expect(result.output[0].contains(/^B at 127.0.0.1:\d+: \d+\.\d{3} ms$/))
        #expect(result.output[2].contains(/^2 of 2 answered, [\d.]+\/[\d.]+\/[\d.]+ ms/))
        // `p2p recv` does not print the probe: its first line is a message that is sent afterwards.
        _ = try await harness.run(["send", "B", "after", "--control", "A.sock"])
        try await mesh.peers[1].waitForLine(matching: "^A \\(to you only\\): after$")
        #expect(try mesh.peers[1].lines(matching: "^A").count == 1)
        let status = try await harness.run(["status", "--control", "A.sock"])
        #expect(status.output.first?.split(separator: "\t")[6].contains(".") == true, "\(status.text)")
        try await mesh.peers[1].stop()
        let silent = try await harness.run(
            ["ping", "B", "--count", "1", "--timeout", "300ms", "--control", "A.sock"])
        #expect(silent.status == 75 && silent.text.contains("no answer from B"), "\(silent.text)")
    }

    @Test("reload prints how many keys the list has, and who was added and removed, or why it is refused")
    func reload() async throws {
        let mesh = try await Mesh(harness, peers: ["A", "B"])
        let list = try harness.read("keys/authorized_peers").split(separator: "\n")
        let other = try await harness.run(["keygen", "C"])
        try harness.write(
            (list.filter { $0.hasPrefix("A ") }.map(String.init) + other.output).joined(separator: "\n"),
            to: "keys/authorized_peers")
        let result = try await harness.run(["reload", "--control", "s.sock"])
        #expect(
            result.output == ["read keys/authorized_peers again: 2 keys; added: C; removed: B"], "\(result.text)")
        try await mesh.peers[0].waitForLine(matching: "^- B")
        try harness.write("nonsense\n", to: "keys/authorized_peers")
        try await harness.run(["reload", "--control", "s.sock"]).expectFailure(65, "authorized_peers:1")
        try await harness.run(["reload", "--control", "A.sock"])
            .expectFailure(64, "a peer has no list", hint: "reload the server")
        try await harness.run(["send", "A", "x", "--control", "s.sock"])
            .expectFailure(64, "a server sends no messages", hint: "--as")
        try await harness.run(["recv", "--control", "s.sock"])
            .expectFailure(64, "a server receives no messages", hint: "at a peer")
        try await harness.run(["ping", "A", "--control", "A.sock"])
            .expectFailure(69, "A is this peer itself", hint: "another member")
    }

    @Test("watch prints events as they happen, filtered, and ends when its reader or the process does")
    func watch() async throws {
        let mesh = try await Mesh(harness, peers: ["A"], authorized: ["A", "B"])
        let watching = try harness.start(["watch", "--control", "s.sock"])
        let json = try harness.start(
            ["watch", "--event", "memberLeft", "--name", "B", "--json", "--control", "A.sock"])
        try await harness.waitForReaders(1, of: "s.sock")
        try await harness.waitForReaders(1, of: "A.sock")
        let peer = try await harness.joinPeer("B", of: mesh.server)
        try await watching.waitForLine(matching: "^\\d{4}-\\S+Z memberJoined B 127.0.0.1:\\d+$")
        peer.send(SIGTERM)
        try await watching.waitForLine(matching: "Z memberLeft B .* \\(left\\)$")
        let line = try await json.waitForLine(matching: "memberLeft")
        #expect(ControlJSON.decode(ControlEvent.self, from: Array(line.utf8))?.reason == "left")
        #expect(json.lines(of: .output).count == 1)
        mesh.server.process.send(SIGTERM)
        try await watching.finish().expectFailure(69, "has ended")
    }
}

extension ProcessHarness {
    /// Returns the number of event streams that are open at a control socket in the working folder.
    func streams(of socket: String) async throws -> Int {
        let json = try await run(["status", "--json", "--control", socket]).output.joined()
        return ControlJSON.decode(MeshStatus.self, from: Array(json.utf8))?.streams ?? 0
    }

    /// Waits until a process has `count` open event streams at its control socket.
    func waitForReaders(_ count: Int, of socket: String, within limit: Duration = .seconds(10)) async throws {
        try await wait("readers of \(socket)", within: limit) { try await streams(of: socket) >= count }
    }
}
