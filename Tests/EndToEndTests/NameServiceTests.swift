internal import Foundation
internal import Testing

/// Tests names of servers that the system's name service resolves.
@Suite("names of servers", .processes, .serialized)
struct NameServiceTests {
    private let harness = ProcessHarness.current

    /// A launcher that runs the program with the test's own /etc/hosts, /etc/resolv.conf and /etc/nsswitch.conf. At the
    /// address in resolv.conf, no name service answers. So the lookup of an unknown name fails with a temporary error.
    private static let launcher = [
        "/usr/bin/unshare", "--map-root-user", "--mount", "/bin/sh", "-c",
        """
        for file in hosts resolv.conf nsswitch.conf; do mount --bind "$file" "/etc/$file" || exit 99; done
        exec "$@"
        """, "sh",
    ]

    static func hasOwnNames() async throws -> Bool {
        try await ProcessHarness.canRun(with: launcher, after: writeNames)
    }

    private static func writeNames(_ harness: ProcessHarness) throws {
        try harness.write("", to: "hosts")
        try harness.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", to: "resolv.conf")
        try harness.write("hosts: files dns\n", to: "nsswitch.conf")
    }

    /// Changes the /etc/hosts that the processes see. The file is overwritten and not replaced, because a replacement
    /// would not be mounted.
    private func setHosts(_ text: String) throws {
        let file = try FileHandle(forWritingTo: harness.folder.appending(path: "hosts"))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test(
        "a peer without a name service keeps trying, joins when there is one, and finds a server that moves",
        .enabled("needs mount namespaces", hasOwnNames))
    func bootAndMove() async throws {
        try await harness.makeKeys()
        try Self.writeNames(harness)
        let old = try await harness.startServer()
        let port = try #require(old.port)
        let peer = try harness.start(
            ["peer", "A", "\(try UDP.freePort())", "--server", "mesh.test:\(port)"], launcher: Self.launcher)
        try await peer.waitForLine(
            matching: "^p2p: warning: cannot look up mesh.test:\(port), still trying: Temporary failure", on: .errors)
        try setHosts("::1 mesh.test\n127.0.0.1 mesh.test\n")
        let line = try await peer.waitForLine(matching: "^p2p: mesh.test:\(port) is at ", on: .errors)
        #expect(line.contains("[::1]:\(port)") && line.contains("127.0.0.1:\(port)"))
        try await peer.waitForLine(matching: "^joined as A at ")
        #expect(try peer.lines(matching: "cannot look up", on: .errors).count == 1)

        old.process.send(SIGINT)
        try await old.process.waitForExit()
        let mark = peer.mark
        let new = try harness.start(["server", "--listen", "127.0.0.2:\(port)"])
        try await new.waitForLine(matching: "^public key ")
        let start = ContinuousClock.now
        try setHosts("127.0.0.2 mesh.test\n")
        try await peer.waitForLine(matching: "^joined as A at ", since: mark, within: .seconds(10), of: start)
        try await new.waitForLine(matching: "^\\+ A ")
        #expect(try !peer.lines(matching: "mesh.test:\(port) is at 127.0.0.2:\(port)$", on: .errors).isEmpty)
    }

    @Test("--server localhost works, although nothing listens on ::1")
    func localhost() async throws {
        let port = try #require(try await harness.makeServer().port)
        let peer = try harness.start(["peer", "A", "\(try UDP.freePort())", "--server", "localhost:\(port)"])
        try await peer.waitForLine(matching: "^joined as A at ")
    }

    @Test(
        "a name that cannot be looked up within --timeout: exit code 75, not wrong usage",
        .enabled("needs mount namespaces", hasOwnNames))
    func temporaryFailure() async throws {
        try await harness.makeKeys()
        try Self.writeNames(harness)
        let peer = try await harness.run(
            ["peer", "A", "\(try UDP.freePort())", "--server", "mesh.test:3000", "--timeout", "1s"],
            launcher: Self.launcher)
        peer.expectFailure(75, "mesh.test:3000 not found within 1.0 seconds: Temporary failure")
        let swarm = try await harness.run(
            ["swarm", "--peers", "3", "--server", "mesh.test:3000", "--duration", "1s"], launcher: Self.launcher)
        swarm.expectFailure(75, "0 of 3 peers joined: mesh.test:3000: Temporary failure")
    }

    @Test("a name that does not exist: exit code 68, or 75 if no name service answers here")
    func unknownHost() async throws {
        try await harness.makeKeys()
        let result = try await harness.run(
            ["peer", "A", "\(try UDP.freePort())", "--server", "nowhere.invalid:3000", "--timeout", "2s"])
        if result.status == 68 {
            result.expectFailure(68, "there is no host of the name nowhere.invalid", hint: "getent ahosts")
        } else {
            result.expectFailure(75, "nowhere.invalid:3000 not found within 2.0 seconds")
        }
    }

    @Test(
        "IPv6 link-local addresses are refused wherever an address is given, in words",
        arguments: [
            ["peer", "A", "3001", "--server", "[fe80::1%eth0]:3000"],
            ["peer", "A", "3001", "--server", "fe80::1%eth0:3000"],
            ["peer", "A", "3001", "--server", "[fe80::1]:3000"],
            ["peer", "A", "3001", "--bind", "fe80::1%eth0"], ["peer", "A", "3001", "--bind", "fe80::1"],
            ["server", "--listen", "[fe80::1%eth0]:3000"], ["server", "--listen", "[fe80::1]:3000"],
            ["swarm", "--server", "[fe80::1%2]:3000"], ["swarm", "--bind", "fe80::1%eth0"],
        ])
    func linkLocal(arguments: [String]) async throws {
        try await harness.makeKeys(peers: ["A"])
        try await harness.run(arguments).expectFailure(64, "IPv6 link-local addresses (fe80::1, fe80::1%eth0) are not")
    }
}
