internal import Foundation
internal import Testing

/// Tests the systemd units in packaging/systemd. `scripts/package --check` lets systemd itself check them.
@Suite("systemd units", .processes)
struct ServiceUnitTests {
    private let harness = ProcessHarness.current

    @Test("the units restart after each exit code but those that docs/operations.md leaves to a person")
    func exitCodes() throws {
        let rows = try Page("docs/operations.md").rows(under: "## systemd").filter { Int($0[0]) != nil }
        let codes = try Page("docs/command.md").rows(under: "## Exit codes").map(\.[0]).filter { $0 != "1" }
        #expect(rows.map(\.[0]) == codes)
        let final = rows.filter { $0[1] == "no" }.map(\.[0])
        #expect(!final.isEmpty)
        for name in ["p2p-server.service", "p2p-peer@.service"] {
            let unit = try Unit(name)
            #expect(unit.values(of: "RestartPreventExitStatus") == [final.joined(separator: " ")], "\(name)")
            #expect(unit.values(of: "Restart") == ["always"], "\(name)")
        }
    }

    @Test("the commands of the units make a mesh")
    func commands() async throws {
        try await harness.makeKeys()
        let manager = try ServiceManagerSocket(in: harness)
        try FileManager.default.createDirectory(
            at: harness.folder.appending(path: "run"), withIntermediateDirectories: true)
        let environment = [
            "CREDENTIALS_DIRECTORY": harness.path("keys"), "NOTIFY_SOCKET": manager.name,
            "P2P_SOCKETS": "", "XDG_RUNTIME_DIR": harness.path("run"),
        ]
        let server = try harness.start(
            [], environment: environment.merging(["P2P_LISTEN": "127.0.0.1:0", "P2P_HEARTBEAT": "200ms"]) { $1 },
            launcher: Unit("p2p-server.service").launcher(keys: harness.path("keys")))
        try await manager.waitForState { $0["READY"] == "1" }
        let address = try await server.waitForLine(matching: "^listening on ").dropFirst("listening on ".count)

        let settings = try [
            "P2P_PORT": "\(UDP.freePort())", "P2P_SERVER": String(address), "P2P_BROADCAST_INTERVAL": "off",
        ]
        let peer = try harness.start(
            [], environment: environment.merging(settings) { $1 },
            launcher: Unit("p2p-peer@.service").launcher(instance: "A", keys: harness.path("keys")))
        try await peer.waitForLine(matching: "^joined as A at ")
        try await manager.waitForState { $0["READY"] == "1" }
    }

    @Test(
        "p2p status of root finds the process of a unit by its runtime folder",
        .enabled(if: geteuid() == 0, "only root can make a folder in /run"))
    func status() async throws {
        try await harness.makeKeys()
        for name in ["p2p-server.service", "p2p-peer@.service"] {
            let unit = try Unit(name)
            let folder = try #require(unit.values(of: "RuntimeDirectory").first)
            #expect(folder.hasPrefix("p2p-"))
            #expect(unit.values(of: "Environment").contains("XDG_RUNTIME_DIR=%t/\(folder)"))
        }
        // The script mounts its own /run, because other tests search /run for the control sockets of this user's
        // processes.
        let script = """
            mount -t tmpfs none /run && mkdir -m 700 /run/p2p-test || exit 1
            unset P2P_SOCKETS
            XDG_RUNTIME_DIR=/run/p2p-test "$0" server --listen 127.0.0.1:0 & server=$!
            unset XDG_RUNTIME_DIR
            until "$0" status --json; do :; done
            kill $server; wait
            """
        let result = try await harness.run(
            [], launcher: ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script])
        let line = try #require(result.output.first { $0.hasPrefix("listening on ") }, "\(result.text)")
        #expect(result.text.contains("\"\(line.dropFirst("listening on ".count))\""), "\(result.text)")
    }
}

/// A unit file of packaging/systemd.
private struct Unit {
    private let settings: [(name: Substring, value: Substring)]

    init(_ name: String) throws {
        settings = try Page("packaging/systemd/\(name)").text.split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
            .compactMap { line in line.firstIndex(of: "=").map { (line[..<$0], line[line.index(after: $0)...]) } }
    }

    func values(of name: String) -> [String] { settings.filter { $0.name == name }.map { String($0.value) } }

    /// Returns a launcher that runs the unit's command line with the built program. A shell expands the variables, in
    /// place of systemd.
    func launcher(instance: String = "", keys: String) throws -> [String] {
        guard let command = values(of: "ExecStart").first, command.hasPrefix("/usr/bin/p2p ") else {
            throw MissingOutcome(what: "a command", from: "ExecStart")
        }
        let arguments = command.dropFirst("/usr/bin/p2p ".count)
            .replacing("%i", with: instance).replacing("/etc/p2p", with: "'\(keys)'")
        return ["/bin/sh", "-c", "exec \"$0\" \(arguments)"]
    }
}
