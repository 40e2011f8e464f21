internal import Foundation
internal import Testing

/// Runs the commands of docs/operating.md in their order. Each of them must work.
@Suite("docs/operating.md", .processes, .serialized)
struct OperatingDocumentTests {
    private let harness = ProcessHarness.current

    /// The script that replaces `scp`. It copies a file from another host's folder.
    private static let copy = """
        #!/bin/sh
        exec cp "../${1%%:*}/${1#*:}" "$2"
        """

    @Test("a day with the mesh: every command of the page succeeds, and ends with a peer that is out")
    func day() async throws {
        let page = try Page("docs/operating.md").text
        let steps = page.matches(of: /\n    (hub|one|two)\$ (.*)/)
        #expect(steps.count > 20)
        let program = try installCommands()
        let ports = try Dictionary(uniqueKeysWithValues: ["3000", "3001", "3002"].map { ($0, try UDP.freePort()) })
        var running: [String: RunningProcess] = [:]
        for step in steps {
            let host = String(step.1)
            var command = String(step.2).replacing("192.0.2.1:3000", with: "127.0.0.1:\(ports["3000"] ?? 0)")
            for port in ["3001", "3002"] { command = command.replacing(" \(port) ", with: " \(ports[port] ?? 0) ") }
            let environment = [
                "P2P_SOCKETS": harness.runtimeFolder.path + "/\(host)/p2p", "PATH": program + ":/usr/bin:/bin",
            ]
            if command == "kill -INT %1" {
                running[host]?.send(SIGINT)
                #expect(try await running[host]?.waitForExit() == 0)
            } else if command.hasSuffix(" &") {
                let arguments = command.dropFirst("p2p ".count).dropLast(2).split(separator: " ").map(String.init)
                let process = try harness.start(
                    arguments, environment: environment, launcher: ["/usr/bin/env", "-C", harness.path(host)])
                running[host] = process
                try await process.waitForLine(matching: arguments[0] == "server" ? "^public key " : "^joined as ")
                // The process may open its control socket later than it prints the awaited line.
                let sockets = harness.runtimeFolder.path + "/\(host)/p2p"
                while (try? FileManager.default.contentsOfDirectory(atPath: sockets))?.isEmpty ?? true {
                    try await RunningProcess.pause()
                }
            } else {
                // The shell gets the path of p2p as an argument that it does not use.
                let result = try await harness.run(
                    [], environment: environment,
                    launcher: ["/usr/bin/env", "-C", harness.path(host), "/bin/sh", "-c", command, "sh"])
                #expect(result.status == 0, "\(host)$ \(command)\n\(result.text)")
            }
        }
        let two = try #require(running["two"])
        try await two.waitForLine(matching: "^- one \\(the key is no longer authorized\\)$")
    }

    /// Creates a folder for each host, and a folder with the commands that docs/operating.md uses.
    ///
    /// - Returns: The path of the folder with the commands.
    private func installCommands() throws -> String {
        for folder in ["hub", "one", "two", "bin"] {
            try FileManager.default.createDirectory(atPath: harness.path(folder), withIntermediateDirectories: false)
            try harness.setMode(0o700, of: folder)
        }
        for host in ["hub", "one", "two"] {
            try FileManager.default.createDirectory(
                at: harness.runtimeFolder.appending(path: host), withIntermediateDirectories: true)
        }
        try harness.write(Self.copy, to: "bin/scp")
        try harness.setMode(0o755, of: "bin/scp")
        try FileManager.default.createSymbolicLink(
            atPath: harness.path("bin/p2p"), withDestinationPath: RunningProcess.binary().path)
        return harness.path("bin")
    }
}
