internal import Foundation
internal import Testing

@Suite("p2p simulate", .processes)
struct SimulateTests {
    private let harness = ProcessHarness.current

    private static let small = [
        "simulate", "--peers", "4", "--minutes", "1", "--talk", "off", "--crypto", "insecure-test",
    ]

    @Test("prints the same results twice, with the command to repeat them and a verdict")
    func twice() async throws {
        let arguments = Self.small + ["--loss", "5%", "--kill", "20s..30s:server", "--seed", "5"]
        let first = try await harness.run(arguments, within: .seconds(60))
        let second = try await harness.run(arguments, within: .seconds(60))
        #expect(first.status == 0, "\(first.text)")
        #expect(first.output == second.output)
        #expect(first.output.contains { $0.hasPrefix("again ") && $0.hasSuffix("--seed 5") })
        #expect(first.output.last?.hasPrefix("verdict ") == true)
        #expect(first.errors.first?.hasPrefix("p2p: seed 5: p2p simulate ") == true)
    }

    @Test("--json prints one JSON object")
    func json() async throws {
        let result = try await harness.run(Self.small + ["--seed", "6", "--json"], within: .seconds(60))
        #expect(result.status == 0)
        let text = Data(result.output.joined(separator: "\n").utf8)
        let object = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        #expect(object["seed"] as? String == "6")
    }

    @Test("--report writes a page")
    func page() async throws {
        let path = harness.folder.appendingPathComponent("mesh.html").path
        let result = try await harness.run(Self.small + ["--seed", "7", "--report", path], within: .seconds(60))
        #expect(result.status == 0)
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page.contains("<svg"))
        #expect(!page.contains("<script"))
        for nowhere in ["/nowhere/mesh.html", harness.folder.path] {
            let refused = try await harness.run(Self.small + ["--report", nowhere])
            refused.expectFailure(73, nowhere)
            #expect(!refused.errors.contains { $0.hasPrefix("p2p: seed") }, "played before the check")
        }
    }

    @Test(
        "--report replaces no file to which another user's link leads",
        .enabled("needs root, and setpriv", KeyAccessTests.canGiveAway))
    func foreignLink() async throws {
        let arguments = Self.small + ["--seed", "7", "--report", "link.html"]
        try harness.write("precious", to: "own")
        try FileManager.default.createSymbolicLink(atPath: harness.path("link.html"), withDestinationPath: "own")
        #expect(unsafe lchown(harness.path("link.html"), 65_534, 65_534) == 0)
        try await harness.run(arguments).expectFailure(73, "link.html is a symbolic link of another user")
        #expect(try harness.read("own") == "precious")
        #expect(unsafe lchown(harness.path("link.html"), geteuid(), getegid()) == 0)
        #expect(try await harness.run(arguments, within: .seconds(60)).status == 0)
        #expect(try harness.read("own").contains("<svg"))
    }

    @Test("--swarm plays the worlds of several seeds and prints the hashes of their traces")
    func swarm() async throws {
        let result = try await harness.run(["simulate", "--swarm", "3..5", "--hashes"], within: .seconds(60))
        #expect(result.status == 0, "\(result.text)")
        #expect(result.output.count == 4)
        #expect(result.output.last == "3 worlds, all sound (seeds 3 to 5)")
    }

    @Test("--scaling prints three tables")
    func scaling() async throws {
        let result = try await harness.run(["simulate", "--scaling", "3,5", "--seed", "8"], within: .seconds(60))
        #expect(result.status == 0, "\(result.text)")
        #expect(result.errors.first == "p2p: seed 8: p2p simulate --scaling 3,5 --seed 8")
        #expect(result.output.count { $0.hasPrefix("| 3 |") } == 3)
        #expect(result.output.count { $0.hasPrefix("| 5 |") } == 3)
    }

    @Test(
        "invalid options are wrong usage, reported before anything is played",
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
        try await harness.run(["simulate"] + arguments).expectFailure(64)
    }
}
