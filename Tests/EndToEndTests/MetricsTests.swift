internal import Foundation
internal import Testing

@testable import p2p

/// Tests the metrics that monitoring gets from a server and a peer: the option `--metrics`, and the files under
/// docs/metrics.
@Suite("metrics", .processes)
struct MetricsTests {
    private let harness = ProcessHarness.current

    private struct Sample {
        let kind: String
        let name: String
        let reason: String
        let value: Double
    }

    /// Reads the metrics at `address` with the parser of Prometheus's client library.
    private static func samples(at address: String) throws -> [Sample] {
        try read(address).compactMap { line in
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 4, let value = Double(fields[3]) else { return nil }
            return Sample(kind: fields[0], name: fields[1], reason: fields[2], value: value)
        }
    }

    /// Runs read_metrics.py and returns the lines that it prints.
    private static func read(_ address: String, _ path: String? = nil) throws -> [Substring] {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let parts = address.split(separator: ":").map(String.init)
        process.arguments =
            ["python3", Page.root.appending(path: "Tests/EndToEndTests/read_metrics.py").path] + parts
            + (path.map { [$0] } ?? [])
        process.environment = ProcessInfo.processInfo.environment
            .merging(["PYTHONPATH": Page.root.appending(path: ".build-python").path]) { $1 }
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "scripts/setup installs what read_metrics.py needs")
        return output.split(separator: "\n")
    }

    private static func address(of process: RunningProcess) async throws -> String {
        let line = try await process.waitForLine(matching: "^p2p: metrics at http://", on: .errors)
        return String(line.dropFirst("p2p: metrics at http://".count).prefix { $0 != "/" })
    }

    @Test("Prometheus reads the metrics of a server and a peer, and docs/metrics.md lists them, and no other")
    func exposition() async throws {
        let server = try await harness.makeServer(peers: ["A"], ["--metrics", "127.0.0.1:0"])
        let peer = try await harness.joinPeer("A", of: server, ["--metrics", "127.0.0.1:0"])
        let ofServer = try Self.samples(at: await Self.address(of: server.process))
        let ofPeer = try Self.samples(at: await Self.address(of: peer))
        #expect(ofServer.first { $0.name == "securemesh_server_joins_total" }?.value == 1)
        #expect(ofServer.contains { $0.name == "securemesh_server_departures_total" && $0.reason == "expired" })
        #expect(ofPeer.first { $0.name == "securemesh_peer_joins_total" }?.value == 1)
        #expect(ofServer.first { $0.name == "process_resident_memory_bytes" }.map { $0.value > 1_048_576 } == true)

        let reported = Dictionary((ofServer + ofPeer).map { ($0.name, $0.kind) }) { first, _ in first }
        let rows = try Page("docs/metrics.md").text.matches(of: /\| `(\w+)` \| (counter|gauge) \| (.*) \|/)
        let documented = Dictionary(uniqueKeysWithValues: rows.map { (String($0.1), String($0.2)) })
        #expect(documented == reported)
        #expect(Set(documented.keys) == Set(MetricDescriptions.all.keys))
    }

    @Test("a peer that has no server is healthy, and not ready before it has joined")
    func readiness() async throws {
        try await harness.makeKeys(peers: ["A"])
        let port = try UDP.freePort()
        let peer = try harness.start([
            "peer", "A", "\(try UDP.freePort())", "--server", "127.0.0.1:\(port)", "--metrics", "127.0.0.1:0",
        ])
        let address = try await Self.address(of: peer)
        #expect(try Self.read(address, "/healthz") == ["200"])
        #expect(try Self.read(address, "/readyz") == ["503"])
        #expect(try Self.read(address, "/") == ["404"])
        _ = try await harness.startServer(port: port)
        try await peer.waitForLine(matching: "^joined as A ")
        #expect(try Self.read(address, "/readyz") == ["200"])
    }

    @Test("the dashboard and the alert rules name only metrics that exist")
    func files() throws {
        for path in ["docs/metrics/dashboard.json", "docs/metrics/alerts.yml"] {
            let names = try Page(path).text.matches(of: /\b(?:securemesh_(?:server|peer)|process|p2p)_\w+/)
                .map { String($0.output) }
            #expect(names.count > 5)
            for name in names { #expect(MetricDescriptions.all[name] != nil, "\(path): \(name)") }
        }
        let dashboard = Data(try Page("docs/metrics/dashboard.json").text.utf8)
        #expect(try JSONSerialization.jsonObject(with: dashboard) is [String: Any])
    }

    @Test("an address for metrics that is taken ends the server with 71")
    func taken() async throws {
        let server = try await harness.makeServer(peers: ["A"], ["--metrics", "127.0.0.1:0"])
        let address = try await Self.address(of: server.process)
        try await harness.run(["server", "--listen", "127.0.0.1:0", "--metrics", address])
            .expectFailure(71, "cannot serve metrics at \(address)", hint: "another address for --metrics")
    }
}
