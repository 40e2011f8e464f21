internal import Foundation
internal import Testing

/// Tests the messages about connections that end. The peer and the server print a different message for each reason.
@Suite("reported ends", .processes, .serialized)
struct EndReportTests {
    private let harness = ProcessHarness.current

    /// A launcher that runs the program in a new network namespace. The namespace has a loopback interface, and a route
    /// that prohibits 192.0.2.1.
    private static let launcher = [
        "/usr/bin/unshare", "--map-root-user", "--net", "/bin/sh", "-c",
        """
        ip link set lo up && ip route add prohibit 192.0.2.1 || exit 99
        exec "$@"
        """, "sh",
    ]

    static func hasOwnNetwork() async throws -> Bool { try await ProcessHarness.canRun(with: launcher) }

    @Test(
        "a server to which there is no route, or that a rule of this host forbids: the peer says which",
        .enabled("needs network namespaces and ip(8)", hasOwnNetwork),
        arguments: [
            ("192.0.2.2", "this host has no IPv4 route there"), ("192.0.2.1", "a firewall of this host forbids it"),
        ])
    func refused(host: String, words: String) async throws {
        try await harness.makeKeys()
        let result = try await harness.run(
            ["peer", "A", "3001", "--server", "\(host):3000", "--timeout", "500ms"], launcher: Self.launcher)
        result.expectFailure(69, "no answer from \(host):3000")
        #expect(
            result.errors.contains("p2p: warning: cannot send to the server at \(host):3000: \(words)"),
            "\(result.text)")
        #expect(result.errors.contains { $0.contains("lost datagrams") && $0.contains("to=\(host):3000") })
    }

    @Test("the same key elsewhere: the older process and the server say so")
    func replaced() async throws {
        let server = try await harness.makeServer()
        let older = try UDP.freePort()
        let first = try await harness.joinPeer("A", port: older, of: server)
        _ = try await harness.joinPeer("A", of: server)
        try await first.waitForLine(
            matching: "^p2p: the server \(server.address) ended the session of A at 127.0.0.1:\(older): another "
                + "process has joined with the same key; joining again in a minute$", on: .errors)
        try await server.process.waitForLine(
            matching: "^p2p: the session of A at 127.0.0.1:\(older) ended: its key has joined again", on: .errors)
    }

    @Test("an expired peer: it and the server say so")
    func expired() async throws {
        let server = try await harness.makeServer()
        let port = try UDP.freePort()
        let peer = try await harness.joinPeer("A", port: port, of: server)
        _ = try await peer.suspend(for: .milliseconds(100)) {
            try await server.process.waitForLine(matching: "^- A \\(expired\\)$")
        }
        try await server.process.waitForLine(
            matching: "^p2p: the session of A at 127.0.0.1:\(port) ended: no heartbeat has come", on: .errors)
        try await peer.waitForLine(
            matching: "^p2p: (the server \(server.address) ended the session of A at 127.0.0.1:\(port): no heartbeat "
                + "has reached it for too long; joining again|lost the server \(server.address), joining again)$",
            on: .errors)
    }

    @Test("a server that is stopped: after a minute the peer says that messages stop, and joins again when it is back")
    func trustEnded() async throws {
        let server = try await harness.makeServer()
        let peer = try await harness.joinPeer("A", of: server)
        let mark = peer.mark
        let line =
            "^p2p: warning: messages stop: the server \(server.address) has not confirmed the list of members for 60 s$"
        _ = try await server.process.suspend(for: .milliseconds(100)) {
            try await peer.waitForLine(matching: line, on: .errors, within: .seconds(100))
        }
        try await peer.waitForLine(matching: "^joined as A ", since: mark, within: .seconds(30))
    }

    /// A launcher that runs the program in a new network namespace. Before that, it starts a server and 50 peers there,
    /// waits until the peers have joined, and adds a rule that drops UDP packets of more than 700 bytes.
    private static let narrow = [
        "/usr/bin/unshare", "--map-root-user", "--net", "--fork", "--pid", "--mount-proc", "--kill-child=KILL",
        "/bin/sh", "-c",
        """
        ip link set lo up && nft add table ip t && nft 'add chain ip t c { type filter hook input priority 0; }' &&
            touch joined || exit 99
        "$1" server --open --listen 127.0.0.1:4300 > joined &
        "$1" swarm --peers 50 --server 127.0.0.1:4300 --gap 5ms > swarm 2>&1 &
        until [ "$(grep -c '^+ ' joined)" -ge 50 ]; do sleep 0.1; done
        nft add rule ip t c udp length '>' 700 drop
        "$@"
        """, "sh",
    ]

    static func hasFirewall() async throws -> Bool {
        let script = ["/bin/sh", "-c", #"nft add table ip t && exec "$@""#, "sh"]
        return try await ProcessHarness.canRun(with: Array(narrow[..<7]) + script)
    }

    @Test(
        "a network that drops large datagrams: peer and server say that the list of members does not arrive",
        .enabled("needs network namespaces and nft(8)", hasFirewall))
    func directoryStalled() async throws {
        try await harness.makeKeys()
        let peer = try harness.start(
            ["peer", "A", "4301", "--server", "127.0.0.1:4300", "--control", "off"], launcher: Self.narrow)
        try await peer.waitForLine(
            matching: "^p2p: warning: the server 127.0.0.1:4300 is alive, but its list of members has not arrived here "
                + "for 5 s$", on: .errors, within: .seconds(100))
        try await peer.waitForLine(
            matching: "^p2p: warning: A at 127.0.0.1:4301 is alive, but the list of members has not arrived there for "
                + "5 s$", on: .errors)
        let hint = "^p2p: hint: the network may drop large datagrams: it must pass UDP datagrams of 1232 bytes"
        #expect(try peer.lines(matching: hint, on: .errors).count >= 2)
    }
}
