internal import Foundation
internal import Testing

@Suite("p2p simulate")
struct SimulateTests {
    private static let small = ["simulate", "--peers", "4", "--minutes", "1", "--talk", "off", "--crypto", "stand-in"]

    @Test("says what happened, how to have it again, and the verdict; twice the same")
    func twice() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let arguments = Self.small + ["--loss", "5%", "--kill", "20s..30s:server", "--seed", "5"]
        let first = try await stage.run(arguments, within: .seconds(60))
        let second = try await stage.run(arguments, within: .seconds(60))
        #expect(first.status == 0, "\(first.text)")
        #expect(first.output == second.output)
        #expect(first.output.contains { $0.hasPrefix("again ") && $0.hasSuffix("--seed 5") })
        #expect(first.output.last?.hasPrefix("verdict ") == true)
        #expect(first.errors.first?.hasPrefix("p2p: seed 5: p2p simulate ") == true)
    }

    @Test("as one JSON object")
    func json() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(Self.small + ["--seed", "6", "--json"], within: .seconds(60))
        #expect(result.status == 0)
        let text = Data(result.output.joined(separator: "\n").utf8)
        let object = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        #expect(object["seed"] as? String == "6")
    }

    @Test("as a page of its own")
    func page() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let path = stage.folder.appendingPathComponent("mesh.html").path
        let result = try await stage.run(Self.small + ["--seed", "7", "--report", path], within: .seconds(60))
        #expect(result.status == 0)
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page.contains("<svg"))
        #expect(!page.contains("<script"))
        for nowhere in ["/nowhere/mesh.html", stage.folder.path] {
            let refused = try await stage.run(Self.small + ["--report", nowhere])
            refused.expectFailure(73, nowhere)
            #expect(!refused.errors.contains { $0.hasPrefix("p2p: seed") }, "played in vain")
        }
    }

    @Test("plays the worlds of many seeds, and tells their traces")
    func swarm() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["simulate", "--swarm", "3..5", "--hashes"], within: .seconds(60))
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.count == 4)
        #expect(result.output.last == "3 worlds, all sound (seeds 3 to 5)")
    }

    @Test("measures meshes of several sizes, in three tables")
    func scaling() async throws {
        let stage = try Stage()
        defer { stage.end() }
        let result = try await stage.run(["simulate", "--scaling", "3,5", "--seed", "8"], within: .seconds(60))
        #expect(result.status == 0, "\(result.text)")
        #expect(result.errors.first == "p2p: seed 8: p2p simulate --scaling 3,5 --seed 8")
        #expect(result.output.count { $0.hasPrefix("| 3 |") } == 3)
        #expect(result.output.count { $0.hasPrefix("| 5 |") } == 3)
    }

    @Test(
        "what does not fit is wrong usage, said before anything is played",
        arguments: [
            ["--peers", "0"], ["--peers", "10001"], ["--minutes", "0"], ["--loss", "5"], ["--loss", "101%"],
            ["--loss", "nan%"], ["--latency", "fast"], ["--partition", "20s:40%"], ["--partition", "30s..20s:40%"],
            ["--partition", "20s..30s"], ["--partition", "90s..95s:40%"], ["--kill", "20s:everyone"],
            ["--kill", "20s:0"], ["--kill", "0s..0s:1"], ["--attack", "magic"], ["--attack", ""], ["--swarm", "5"],
            ["--swarm", "5..3"], ["--swarm", "1..2", "--json"], ["--seed", "-1"], ["--crypto", "none"],
            ["--scaling", "1"], ["--scaling", "10,"], ["--scaling", "10", "--json"],
            ["--scaling", "10", "--peers", "5"],
            ["--swarm", "1..2", "--peers=5"], ["--hashes"], ["--partition", "5s..9s:0%"], ["--kill", "5s:0%"],
            ["--kill", "5s:21"],
            ["--latency", "9999h"], ["--jitter", "61s"], ["--talk", "99999999h"], ["--attack", "flood:70s"],
        ])
    func usage(arguments: [String]) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.run(["simulate"] + arguments).expectFailure(64)
    }
}
