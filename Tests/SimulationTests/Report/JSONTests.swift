internal import Foundation
internal import MeshReport
internal import MeshSimulator
internal import SecureMeshCore
internal import Testing

@Suite struct JSONTests {
    @Test("the JSON is one object with its keys in order", arguments: [0, 5, 50, 500])
    func keys(peers: Int) throws {
        let json = SyntheticRecording.make(peers: peers, seconds: 60).json
        _ = try object(json)
        let keys = json.matches(of: #/\n  "([a-z_0-9]+)":/#).map { String($0.1) }
        #expect(
            keys == [
                "format", "seed", "title", "command", "verdict", "failure", "duration_ns", "healing_began_ns",
                "healed_after_ns", "member_time_ns", "steps", "trace_hash", "counts", "messages_sent",
                "deliveries_expected", "deliveries", "join_time", "convergence", "directory_lag", "death_notice",
                "message_latency", "traffic", "losses", "refusals", "processors", "attacks", "peers", "stays", "events",
                "omitted_events", "samples",
            ])
        #expect(json == SyntheticRecording.make(peers: peers, seconds: 60).json)
    }

    @Test("the JSON has the values of the recording")
    func values() throws {
        var recording = SyntheticRecording.make(peers: 5, seconds: 60, seed: .max)
        recording.note(.clockJumped(.milliseconds(-5)), peer: 2, at: .seconds(60))
        recording.connectionsLost = 4
        let json = try object(recording.json)
        #expect(json["seed"] as? String == "18446744073709551615")
        #expect(json["verdict"] as? String == "healed")
        #expect(json["failure"] is NSNull)
        #expect(json["duration_ns"] as? Int == 60_000_000_000)
        #expect(json["healed_after_ns"] as? Int == 1_840_000_000)
        let counts = try #require(json["counts"] as? [String: Any])
        #expect(counts["connections_lost"] as? Int == 4)
        let latency = try #require(json["message_latency"] as? [String: Any])
        #expect(Set(latency.keys) == ["count", "mean_ns", "p50_ns", "p90_ns", "p99_ns", "max_ns"])
        #expect(latency["count"] as? Int == 2_000)
        #expect(latency["max_ns"] as? Int == Int(recording.messageLatency.maximum / .nanoseconds(1)))
        #expect((json["stays"] as? [Any])?.count == recording.stays.count)
        #expect((json["samples"] as? [Any])?.count == 60)
        #expect(json["peers"] as? [String] == recording.names.map(\.description))
        let jump = try #require((json["events"] as? [[String: Any]])?.last)
        #expect(jump["what"] as? String == "clock_jumped")
        #expect(jump["peer"] as? Int == 2)
        #expect(jump["by_ns"] as? Int == -5_000_000)
        let traffic = try #require(json["traffic"] as? [[String: Any]])
        // This server keeps no directory, so it sends no RESUME.
        let kinds = Kind.allCases.filter { $0 != .resume }
        #expect(traffic.compactMap { $0["kind"] as? String } == kinds.map { "\($0)" })
    }

    @Test("any text survives JSON unchanged")
    func texts() throws {
        let hostile = "\"\\ </script> \0\u{1}\u{1F}\u{7F}\r\n\t\u{2028}\u{202E} é 𝄞"
        var recording = Recording(seed: 1, title: hostile, names: [])
        recording.failure = hostile
        recording.note(.networkChanged(hostile), at: .zero)
        let json = try object(recording.json)
        #expect(json["title"] as? String == hostile)
        #expect(json["failure"] as? String == hostile)
        #expect((json["events"] as? [[String: Any]])?.first?["detail"] as? String == hostile)
        #expect(json["command"] is NSNull)
        #expect(json["verdict"] as? String == "broken")
    }

    private func object(_ json: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }
}
