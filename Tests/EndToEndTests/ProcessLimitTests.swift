internal import Foundation
internal import Testing

/// Tests that a process exits with 71 and prints the reason if the system gives it less of a resource than it needs.
@Suite("limits of the process", .processes, .serialized)
struct ProcessLimitTests {
    private let harness = ProcessHarness.current

    /// Returns a launcher that runs shell commands before the program.
    private static func shell(_ lines: String, as launcher: [String] = []) -> [String] {
        launcher + ["/bin/sh", "-c", "\(lines); exec \"$0\" \"$@\""]
    }

    /// The first arguments of a launcher that runs the program as root of a new user namespace, in a new mount
    /// namespace.
    private static let namespace = ["/usr/bin/unshare", "--map-root-user", "--mount"]

    private static func hasNamespaces() async throws -> Bool { try await ProcessHarness.canRun(with: namespace) }

    @Test(
        "too few open files: prints how many it needs and may have", arguments: 4...18,
        [["server"], ["peer", "A", "3001"], ["swarm"], ["selftest"], ["keygen", "B"]])
    func openFiles(count: Int, command: [String]) async throws {
        try await harness.run(command, launcher: Self.shell("ulimit -n \(count)"))
            .expectFailure(71, " open files and may have \(count)", hint: "'ulimit -Hn ")
    }

    @Test("a server writes no core file, which would contain the keys of sessions")
    func coreFile() async throws {
        let server = try await harness.makeServer(peers: ["A"], launcher: Self.shell("ulimit -c unlimited"))
        let limits = try String(contentsOfFile: "/proc/\(server.process.id)/limits", encoding: .utf8)
        #expect(limits.contains(/Max core file size +0 +unlimited/), "\(limits)")
    }

    @Test("a low soft limit of open files is raised")
    func softLimit() async throws {
        let server = try await harness.makeServer(["--open"], launcher: Self.shell("ulimit -Sn 8"))
        let swarm = try harness.start(
            ["swarm", "--peers", "100", "--gap", "1ms", "--server", server.address],
            launcher: Self.shell("ulimit -Sn 16"))
        try await swarm.waitForLine(matching: "100 of 100 joined", on: .errors, within: .seconds(120))
        swarm.send(SIGINT)
        let ended = try await swarm.finish()
        #expect(ended.status == 0, "\(ended.text)")
    }

    @Test("a swarm that is larger than the limit of open files is refused before it starts")
    func swarm() async throws {
        try await harness.makeKeys()
        try await harness.run(["swarm", "--peers", "100"], launcher: Self.shell("ulimit -n 200"))
            .expectFailure(71, "open files and may have 200")
    }

    @Test("too little address space: works, or prints which limit to raise", arguments: ["v", "d"])
    func addressSpace(kind: String) async throws {
        try await harness.makeKeys()
        var refusals = 0
        for megabytes in stride(from: 40, through: 360, by: 20) {
            let process = try harness.start(
                ["server", "--listen", "127.0.0.1:0"], launcher: Self.shell("ulimit -\(kind) \(megabytes << 10)"))
            do {
                try await process.waitForLine(matching: "^public key ")
                process.send(SIGTERM)
                #expect(try await process.waitForExit() == 0)
            } catch {
                let end = try await process.finish()
                // With so little memory, the loader itself fails, with 127.
                if end.status == 127 { continue }
                end.expectFailure(71, "MB of address space", hint: "'ulimit -v' or 'ulimit -d'")
                refusals += 1
            }
        }
        #expect(refusals > 0)
    }

    @Test(
        "too few threads: prints which limit to raise",
        .enabled("needs a user other than root", BadInputTests.canBeNobody))
    func threads() async throws {
        // The limit does not apply to root, so the program runs as another user.
        let launcher = ["/usr/bin/prlimit", "--nproc=1"] + (geteuid() == 0 ? BadInputTests.nobody : [])
        try await harness.run(["selftest"], launcher: launcher)
            .expectFailure(71, "threads and may start 0", hint: "'ulimit -u'")
    }

    @Test(
        "commands that can start no thread print which limit to raise, and do not hang",
        .enabled("needs a user other than root", BadInputTests.canBeNobody),
        arguments: [
            ["keygen"], ["check", "server"], ["send", "B", "x"], ["doctor"], ["revoke", "A"], ["key", "show", "A"],
            ["simulate", "--peers", "2"],
        ])
    func threadsOfOthers(command: [String]) async throws {
        let launcher = ["/usr/bin/prlimit", "--nproc=1"] + (geteuid() == 0 ? BadInputTests.nobody : [])
        try await harness.run(command, launcher: launcher)
            .expectFailure(71, "threads and may start 0", hint: "'ulimit -u'")
    }

    @Test(
        "commands with too little address space neither hang nor crash",
        arguments: [["keygen"], ["send", "B", "x"], ["simulate", "--peers", "2"], ["check", "server"]])
    func addressSpaceOfOthers(command: [String]) async throws {
        var refusals = 0
        for megabytes in stride(from: 20, through: 120, by: 4) {
            let result = try await harness.run(command, launcher: Self.shell("ulimit -v \(megabytes << 10)"))
            // With so little memory, the loader itself fails, or the kernel kills the process.
            if result.status == 127 || refusals == 0 && result.errors.isEmpty && result.output.isEmpty { continue }
            if result.status == 71 {
                result.expectFailure(71, "MB of address space", hint: "'ulimit -v'")
                refusals += 1
            } else {
                #expect([0, 1, 69, 73].contains(result.status), "\(megabytes) MB: \(result.text)")
            }
        }
        #expect(refusals > 3)
    }

    @Test(
        "memory that cannot be locked: a warning that names the limit",
        .enabled("needs a user other than root", BadInputTests.canBeNobody))
    func lockedMemory() async throws {
        let folder = harness.path("keys")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let nobody = geteuid() == 0 ? BadInputTests.nobody : []
        if geteuid() == 0 {
            try FileManager.default.setAttributes(
                [.ownerAccountID: 65_534, .groupOwnerAccountID: 65_534], ofItemAtPath: folder)
        }
        let made = try await harness.run(["keygen"], launcher: Self.shell("ulimit -l 0") + nobody)
        #expect(made.status == 0, "\(made.text)")
        #expect(made.errors.contains { $0.contains("warning: the secret key can get into swap space") })
        #expect(made.errors.contains { $0.contains("hint: raise the limit: 'ulimit -l 64'") })
        let locked = try await harness.run(["keygen", "A"], launcher: nobody)
        #expect(!locked.text.contains("swap"), "\(locked.text)")
    }

    @Test("a file that would be too large is an error, and does not end the process by a signal")
    func fileSize() async throws {
        try await harness.run(["keygen", "A"], launcher: Self.shell("ulimit -f 0"))
            .expectFailure(73, "keys/A.key")
    }

    @Test("no /proc: prints that the arguments cannot be read", .enabled("needs namespaces", hasNamespaces))
    func noProc() async throws {
        let launcher = Self.shell("mount -t tmpfs none /proc", as: Self.namespace)
        try await harness.run(["server"], launcher: launcher).expectFailure(71, "there is no /proc", hint: "mount")
    }

    @Test("a read-only folder: prints the path", .enabled("needs namespaces", hasNamespaces))
    func readOnlyFolder() async throws {
        let launcher = Self.shell("mkdir -p keys; mount -t tmpfs -o ro none keys", as: Self.namespace)
        try await harness.run(["keygen", "A"], launcher: launcher).expectFailure(73, "keys/A.key")
        try await harness.run(["simulate", "--report", "keys/page.html"], launcher: launcher)
            .expectFailure(73, "keys/page.html")
    }

    @Test(
        "no /dev: closed standard streams are never given to a socket", .enabled("needs namespaces", hasNamespaces))
    func noDevices() async throws {
        let server = try await harness.makeServer()
        let peer = try harness.start(
            ["peer", "A", "\(UDP.freePort())", "--server", server.address, "--broadcast-interval", "100ms"],
            launcher: Self.shell("mount -t tmpfs none /dev; exec 0<&- 1>&- 2>&-", as: Self.namespace))
        try await server.process.waitForLine(matching: "^\\+ A ")
        peer.send(SIGTERM)
        try await server.process.waitForLine(matching: "^- A \\(left\\)")
    }

    @Test("arguments that are not UTF-8 are refused", arguments: ["\\377", "a\\300\\200", "\\355\\240\\200"])
    func notUTF8(bytes: String) async throws {
        try await harness.run(
            ["peer", "A", "3001", "--message"],
            launcher: ["/bin/sh", "-c", "exec \"$0\" \"$@\" \"$(printf '\(bytes)')\""]
        ).expectFailure(64, "argument 5, ", hint: "UTF-8")
    }
}
