internal import Foundation
internal import Testing

/// Tests the notifications that a server or a peer sends to a service manager such as systemd.
@Suite("notifications to the service manager", .processes, .serialized)
struct ServiceNotificationTests {
    private let harness = ProcessHarness.current
    private let manager: ServiceManagerSocket

    init() async throws {
        manager = try ServiceManagerSocket(in: harness)
        try await harness.makeKeys()
    }

    /// Starts a server that notifies the socket with this name.
    private func startServer(notifying name: String, _ variables: [String: String] = [:]) throws -> RunningProcess {
        try harness.start(
            ["server", "--listen", "127.0.0.1:0"], environment: variables.merging(["NOTIFY_SOCKET": name]) { $1 })
    }

    @Test("a server says READY=1 once it listens, and how many members it has")
    func serverReady() async throws {
        let port = try UDP.freePort()
        let server = try harness.start(
            ["server", "--listen", "127.0.0.1:\(port)"], environment: ["NOTIFY_SOCKET": manager.name])
        let ready = try await manager.waitForState { $0["READY"] == "1" }
        #expect(ready["MAINPID"] == "\(server.id)")
        #expect(ready["STATUS"] == "0 members")
        #expect(throws: POSIXError.self) { _ = try UDP.Socket(.loopback4, port: port) }

        let address = try await server.waitForLine(matching: "^listening on ").dropFirst("listening on ".count)
        let a = try await harness.joinPeer("A", of: ServerProcess(process: server, address: String(address)))
        try await manager.waitForState { $0["STATUS"] == "1 member" && $0["READY"] == nil }
        a.send(SIGTERM)
        try await manager.waitForState { $0["STATUS"] == "0 members" }
    }

    @Test("a peer says READY=1 when it runs, and STATUS tells whether it is a member")
    func peerReady() async throws {
        let port = try UDP.freePort()
        let a = try harness.start(
            ["peer", "A", "\(UDP.freePort())", "--server", "127.0.0.1:\(port)"],
            environment: ["NOTIFY_SOCKET": manager.name])
        let ready = try await manager.waitForState { $0["READY"] == "1" }
        #expect(ready["MAINPID"] == "\(a.id)")
        #expect(ready["STATUS"] == "not a member, asking 127.0.0.1:\(port)")

        let server = try await harness.startServer(port: port)
        try await manager.waitForState { $0["STATUS"] == "member as A, with 0 others" }
        _ = try await harness.joinPeer("B", of: server)
        try await manager.waitForState { $0["STATUS"] == "member as A, with 1 other" }
        server.process.send(SIGKILL)
        try await manager.waitForState { $0["STATUS"] == "not a member, asking 127.0.0.1:\(port)" }
    }

    @Test("at SIGHUP, a server sends RELOADING=1 with the time, then READY=1")
    func reload() async throws {
        let server = try startServer(notifying: manager.name)
        try await manager.waitForState { $0["READY"] == "1" }
        // The reload ends too if the list cannot be read.
        for content in ["", "no key\n"] {
            try harness.write(content, to: "keys/authorized_peers")
            server.send(SIGHUP)
            let reloading = try await manager.waitForState { $0["RELOADING"] == "1" }
            let time = try #require(reloading["MONOTONIC_USEC"].flatMap { Double($0) }) / 1_000_000
            #expect((0..<20).contains(ProcessInfo.processInfo.systemUptime - time))
            let ready = try await manager.waitForState { $0["READY"] == "1" }
            #expect(ready["MAINPID"] == "\(server.id)")
        }
        try await server.waitForLine(matching: "the previous list stays in force", on: .errors)
    }

    @Test("at SIGTERM, a process sends STOPPING=1 and exits with 0", arguments: ["server", "peer"])
    func stop(command: String) async throws {
        let arguments = command == "server" ? ["--listen", "127.0.0.1:0"] : ["A", "\(try UDP.freePort())"]
        let process = try harness.start([command] + arguments, environment: ["NOTIFY_SOCKET": manager.name])
        try await manager.waitForState { $0["READY"] == "1" }
        process.send(SIGTERM)
        try await manager.waitForState { $0["STOPPING"] == "1" }
        #expect(try await process.waitForExit() == 0)
    }

    @Test("an abstract socket, whose name begins with @, is notified as well")
    func abstractName() async throws {
        let manager = try ServiceManagerSocket(abstractName: "p2p-test-\(UUID().uuidString)")
        _ = try startServer(notifying: manager.name)
        try await manager.waitForState { $0["READY"] == "1" }
    }

    @Test("READY=1 reaches a service manager that was too busy to read at first, and the server serves meanwhile")
    func busyManager() async throws {
        manager.fill()
        let process = try startServer(notifying: manager.name)
        let line = try await process.waitForLine(matching: "^listening on ")
        let address = String(line.dropFirst("listening on ".count))
        _ = try await harness.joinPeer("A", of: ServerProcess(process: process, address: address))
        let ready = try await manager.waitForState { $0["READY"] == "1" }
        #expect(ready["STATUS"] == "1 member")
        #expect(process.lines(of: .errors).allSatisfy { !$0.contains("service manager") })
    }

    @Test("a server sends WATCHDOG=1 within half of WATCHDOG_USEC, and none to the watchdog of another process")
    func watchdog() async throws {
        let other = try ServiceManagerSocket(in: harness)
        _ = try startServer(notifying: manager.name, ["WATCHDOG_USEC": "800000"])
        _ = try startServer(notifying: other.name, ["WATCHDOG_USEC": "800000", "WATCHDOG_PID": "1"])
        try await other.waitForState { $0["READY"] == "1" }
        var times: [ContinuousClock.Instant] = []
        for _ in 0..<10 {
            try await manager.waitForState { $0["WATCHDOG"] == "1" }
            times.append(.now)
        }
        // The median is checked, because a busy machine may delay some messages.
        let gaps = zip(times, times.dropFirst()).map { $1 - $0 }.sorted()
        #expect(gaps[gaps.count / 2] <= .milliseconds(400), "\(gaps)")
        #expect(other.states().allSatisfy { $0["WATCHDOG"] == nil })
    }

    @Test(
        "a server whose event loop is stuck sends no more WATCHDOG=1, so that systemd restarts it",
        .enabled(if: ThreadFreezer.isAvailable, "python3 cannot use ptrace(2)"))
    func stuckEventLoop() async throws {
        let other = try ServiceManagerSocket(in: harness)
        let stuck = try startServer(notifying: manager.name, ["WATCHDOG_USEC": "400000"])
        // Another server's watchdog messages show how much time has passed.
        _ = try startServer(notifying: other.name, ["WATCHDOG_USEC": "400000"])
        try await manager.waitForState { $0["WATCHDOG"] == "1" }
        let freezer = try ThreadFreezer(thread: "NIO-", of: stuck.id)
        defer { freezer.thaw() }
        _ = manager.states()
        _ = other.states()
        for _ in 0..<10 { try await other.waitForState { $0["WATCHDOG"] == "1" } }
        // One message may have been sent before the thread stopped.
        #expect(manager.states().count { $0["WATCHDOG"] == "1" } <= 1)
        freezer.thaw()
        for _ in 0..<3 { try await manager.waitForState { $0["WATCHDOG"] == "1" } }
    }

    @Test(
        "a NOTIFY_SOCKET that is no socket is a warning, and the server runs",
        arguments: ["notify", "/nonexistent/notify"])
    func noSocket(name: String) async throws {
        let server = try startServer(notifying: name)
        try await server.waitForLine(matching: "^listening on ")
        try await server.waitForLine(matching: "^p2p: warning: cannot notify the service manager", on: .errors)
        server.send(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }
}
