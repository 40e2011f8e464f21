internal import Foundation
internal import MeshControl
internal import SecureMesh
internal import Testing

/// Compares the JSON Schema files under docs/control with the JSON that servers and peers send.
@Suite("docs/control", .processes, .timeLimit(.minutes(10)))
struct ControlSchemaTests {
    private let harness = ProcessHarness.current

    /// Checks that the JSON of each sample matches the schema of the sample.
    private func validate(_ samples: [(schema: String, json: String)]) async throws {
        try harness.write(samples.map { "\($0.schema)\t\($0.json)\n" }.joined(), to: "samples")
        let script = Page.root.appending(path: "Tests/EndToEndTests/validate_control.py").path
        let result = try await harness.run(
            [], environment: ["PYTHONPATH": Page.root.appending(path: ".build-python").path],
            launcher: ["/usr/bin/env", "python3", script, Page.root.appending(path: "docs/control").path, "samples"])
        #expect(result.status == 0, "scripts/setup --tests installs what it needs: \(result.text)")
    }

    private static func events() throws -> [ControlEvent] {
        let key = SigningKey().publicKey
        let name = try PeerName("B")
        let address = try SocketAddress("127.0.0.1:3001")
        let member = Member(name: name, publicKey: key, address: address)
        let departures: [Departure] = [.left, .replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping]
        let refusals: [JoinRefusal] = [.notAuthorized, .nameTaken, .addressTaken, .full, .busy]
        let sendRefusals: [SendRefusal] = [.noRoute, .forbidden, .tooLarge, .other]
        var ofPeer: [PeerEvent] = [
            .joined(address: address), .connectionLost, .connectionRecovered,
            .excluded(.notAuthorized, by: key, retryAfter: nil), .unanswered(attempts: 3),
            .slowRoundTrip(measured: .seconds(1), bearable: .milliseconds(500)), .serverLocated([address, address]),
            .lookupFailed(reason: "no such name"), .unreachable(nil, at: address, .noRoute),
            .directoryStalled(for: .seconds(1)), .trustEnded(age: .seconds(1)), .trustRestored, .memberJoined(member),
            .memberRejoined(member, previousName: nil), .memberRejoined(member, previousName: name),
            .memberLeft(member, reason: nil), .nameMoved(name, from: key, to: key), .missed(2), .left,
            .ended(.notAuthorized), .ended(.revoked),
        ]
        ofPeer += [.replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping].map { .dismissed($0) }
        ofPeer += [.nameTaken, .addressTaken, .full, .busy].map { .refused($0, retryAfter: .seconds(1)) }
        ofPeer += sendRefusals.map { .unreachable(member, at: address, $0) }
        ofPeer += departures.map { .memberLeft(member, reason: $0) }
        ofPeer += [[], [0xFF], Array("text\n".utf8)].map { body in
            .message(ReceivedMessage(sender: member, number: 1, isBroadcast: body.isEmpty, body: body))
        }
        var ofServer: [ServerEvent] = [
            .joined(member), .directoryStalled(member, for: .seconds(1)), .suspected(9),
            .suspicionEnded(returned: 8, ended: 1), .missed(2),
        ]
        ofServer += departures.map { .left(member, $0) }
        ofServer += refusals.map { .turnedAway(name: name, publicKey: key, $0) }
        ofServer += sendRefusals.map { .unreachable(member, $0) }
        return ofPeer.map { ControlEvent($0, at: .now) } + ofServer.map { ControlEvent($0, at: .now) }
    }

    @Test("every event fits its schema, and docs/control.md lists its kind")
    func events() async throws {
        let events = try Self.events()
        #expect(Set(events.map(\.event)) == Set(ControlEvent.Kind.allCases))
        try await validate(events.map { ("event", String(decoding: ControlJSON.encode($0), as: UTF8.self)) })

        let page = try Page("docs/control.md").text
        let list = try #require(page.split(separator: "The kinds are:").last?.split(separator: "\nA message has").first)
        let listed = Set(list.matches(of: #/`(\w+)`/#).map { String($0.output.1) }).subtracting(["name", "count"])
        #expect(listed == Set(ControlEvent.Kind.allCases.map(\.rawValue)))
    }

    @Test("the schemas list every code of an error, every state and every kind of event")
    func enumerations() throws {
        func values(_ file: String, _ path: [String]) throws -> [String] {
            let data = try Data(contentsOf: Page.root.appending(path: "docs/control/\(file).schema.json"))
            var node = try JSONSerialization.jsonObject(with: data)
            for name in path {
                node = try #require((node as? [String: Any])?[name])
            }
            let choices = try #require((node as? [String: Any])?["anyOf"] as? [[String: Any]])
            return try #require(choices[0]["enum"] as? [String]).sorted()
        }
        let code = ["properties", "error", "properties", "code"]
        #expect(try values("error", code) == ControlError.Code.allCases.map(\.rawValue).sorted())
        let state = ["properties", "members", "items", "properties", "state"]
        #expect(try values("status", state) == MemberState.allCases.map(\.rawValue).sorted())
        #expect(
            try values("event", ["properties", "event"]) == ControlEvent.Kind.allCases.map(\.rawValue).sorted())
    }

    @Test("every answer and event of a real server and peer fits its schema")
    func answers() async throws {
        let keys = try await harness.makeKeys(peers: ["A", "B", "C", "D"])
        let server = try await harness.startServer(["--control", "s.sock"])
        let peer = try await harness.joinPeer("A", of: server, ["--control", "A.sock"])
        for socket in ["s.sock", "A.sock"] { try await harness.waitForAnswer(at: socket) }
        let streams = try ["s.sock", "A.sock"].map { try harness.start(["watch", "--json", "--control", $0]) }
        for socket in ["s.sock", "A.sock"] { try await harness.waitForReaders(1, of: socket, within: .seconds(60)) }
        var samples: [(schema: String, json: String)] = []
        func ask(_ schema: String, _ socket: String, _ path: String, _ body: String? = nil) async throws {
            let script = "exec curl -s --unix-socket \"$0\" \"http://p2p/v1/$1\" ${2:+--data-raw \"$2\"}"
            let answer = try await harness.run(
                [], launcher: ["/bin/sh", "-c", script, socket, path, body ?? "", "end"])
            samples.append((schema, answer.output.joined()))
        }

        let silent = try await harness.joinPeer("B", of: server)
        let leaving = try await harness.joinPeer("C", of: server)
        try await peer.waitForLine(matching: "^\\+ C ")
        try await ask("send", "A.sock", "send", "{\"to\":null,\"text\":\"hello\"}")
        try await ask("ping", "A.sock", "ping", "{\"to\":\"B\"}")
        leaving.send(SIGTERM)
        try await peer.waitForLine(matching: "^- C ")
        try await silent.stop()
        for body in [
            "{\"to\":\"B\",\"text\":\"\",\"timeoutMilliseconds\":50}", "{\"text\":\"x\",\"acknowledge\":false}",
        ] {
            try await ask("send", "A.sock", "send", body)
        }
        let errors = [
            ("unknown", nil), ("status?x=1", nil), ("send", nil), ("send", "{}"),
            ("send", "{\"to\":\"D\",\"text\":\"\"}"),
            ("ping", "{\"to\":\"B\",\"timeoutMilliseconds\":50}"), ("events?event=none", nil),
            ("send", "{\"text\":\"\(String(repeating: "x", count: 2_000))\"}"), ("reload", "{}"),
        ]
        for (path, body) in errors { try await ask("error", "A.sock", path, body) }
        silent.send(SIGCONT)
        try harness.write(
            keys.filter { !$0.hasPrefix("B ") }.dropFirst().joined(separator: "\n"), to: "keys/authorized_peers")
        try await ask("reload", "s.sock", "reload", "{}")
        try await peer.waitForLine(matching: "^- B ")
        _ = try await harness.joinPeer("D", of: server)
        for (socket, query) in [("s.sock", ""), ("A.sock", ""), ("s.sock", "?members=none")] {
            try await ask("status", socket, "status\(query)")
        }
        try harness.write("nonsense\n", to: "keys/authorized_peers")
        try await ask("error", "s.sock", "reload", "{}")
        try await ask("status", "s.sock", "status")
        peer.send(SIGTERM)
        server.process.send(SIGTERM)
        for stream in streams { _ = try await stream.waitForExit() }
        let events = streams.flatMap { $0.lines(of: .output) }
        #expect(events.count > 8)
        try await validate(samples + events.map { ("event", $0) })
    }
}
