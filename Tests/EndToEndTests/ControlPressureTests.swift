internal import Foundation
internal import Testing

/// Tests the control sockets of real processes with clients that stall, send garbage or send requests without end.
@Suite("clients that press a control socket", .processes, .serialized, .timeLimit(.minutes(20)))
struct ControlPressureTests {
    private let harness = ProcessHarness.current

    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "press_control.py").path

    private static let requests = [
        "one_after_another", "new_connections", "pipelined", "many_at_once", "half_a_head", "a_head_byte_by_byte",
        "garbage", "a_long_head", "a_body_that_never_ends", "a_body_of_single_bytes", "a_body_that_stalls",
        "answers_that_nobody_reads",
    ]

    @Test(
        "they delay no message and no heartbeat; memory and descriptors are bounded", arguments: ["s.sock", "A.sock"])
    func requests(socket: String) async throws {
        try await press(socket, Self.requests)
    }

    @Test("clients whose event streams stall miss events, and nothing else happens")
    func streams() async throws {
        try await press("A.sock", ["streams_that_stall"], floods: true)
    }

    /// Runs client scripts at a control socket of a small mesh. After each script, checks that the mesh works. Also
    /// checks that the process with the socket has closed its connections, and uses at most 32 MiB more memory than
    /// before.
    ///
    /// - Parameters:
    ///   - socket: The control socket, `s.sock` for the server or `A.sock` for peer A.
    ///   - names: The names of the scripts in press_control.py.
    ///   - floods: True to start a third peer, which broadcasts 200 messages of 1,000 bytes per second.
    private func press(_ socket: String, _ names: [String], floods: Bool = false) async throws {
        let server = try await harness.makeServer(["--control", "s.sock"])
        let sender = try await harness.joinPeer("A", of: server, ["--control", "A.sock"])
        let receiver = try await harness.joinPeer("B", of: server, ["--control", "off"])
        if floods {
            let text = String(repeating: "x", count: 1_000)
            let options = ["--control", "off", "--message", text, "--broadcast-interval", "5ms"]
            _ = try await harness.joinPeer("C", of: server, options)
        }
        try await receiver.waitForMessages(from: "A")
        try await harness.waitForAnswer(at: socket)
        let pressed = socket == "s.sock" ? server.process : sender
        let before = ProcessFigures(of: pressed)
        for name in names {
            let mark = receiver.mark
            let client = try await harness.run(
                [], launcher: ["/usr/bin/env", "python3", Self.script, socket, name], within: .seconds(240))
            #expect(client.status == 0, "\(client.text)")
            let count = try receiver.lines(matching: "^A: ", since: mark).count
            try await receiver.waitForMessages(from: "A", count: count + 1, since: mark)
            try await harness.waitForAnswer(at: socket)
            if let before { try await Self.check(pressed, against: before, after: name) }
        }
        for process in [sender, receiver] {
            #expect(try process.lines(matching: "lost the server", on: .errors).isEmpty)
        }
        #expect(try server.process.lines(matching: "^- ").isEmpty)
    }

    private static func check(
        _ process: RunningProcess, against before: ProcessFigures, after name: String
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        var now = ProcessFigures(of: process)
        // A connection may be closed a little later than its client ends.
        while let figures = now, figures.descriptors > before.descriptors, ContinuousClock.now < deadline {
            try await RunningProcess.pause()
            now = ProcessFigures(of: process)
        }
        let figures = try #require(now)
        #expect(figures.descriptors <= before.descriptors, "\(name)")
        #expect(figures.memory < before.memory + 32 << 20, "\(name)")
    }
}

/// The number of open files and the resident memory of a process.
private struct ProcessFigures {
    let descriptors: Int
    /// The resident memory, in bytes.
    let memory: Int

    /// Reads the figures of a process from /proc; nil if there is no /proc.
    init?(of process: RunningProcess) {
        let folder = "/proc/\(process.id)"
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/fd"),
            let status = try? String(contentsOfFile: "\(folder)/status", encoding: .utf8),
            let memory = status.firstMatch(of: #/VmRSS:\s+(\d+)/#).flatMap({ Int($0.output.1) })
        else { return nil }
        descriptors = files.count
        self.memory = memory << 10
    }
}
