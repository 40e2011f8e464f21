internal import Foundation
internal import Testing

/// Tests members whose server is gone. Messages do not pass through the server, so members exchange messages as long as
/// they trust their directory.
@Suite("a server that stops or crashes", .processes)
struct ServerAbsenceTests {
    private let harness = ProcessHarness.current

    @Test(
        "no message is lost, and no member that returns is reported as gone",
        arguments: [SIGTERM, SIGKILL])
    func absence(signal: Int32) async throws {
        let old = try await harness.makeServer()
        let port = try #require(old.port)
        let names = ["A", "B", "C"]
        var peers: [(name: String, process: RunningProcess)] = []
        for name in names { peers.append((name, try await harness.joinPeer(name, of: old))) }
        for peer in peers {
            for other in names where other != peer.name { try await peer.process.waitForMessages(from: other) }
        }
        let marks = peers.map(\.process.mark)
        old.process.send(signal)
        try await old.process.waitForExit()

        // 20 messages at 200 ms take 4 s. Within that time, peers notice that the server is gone.
        for (peer, mark) in zip(peers, marks) {
            for other in names where other != peer.name {
                try await peer.process.waitForMessages(from: other, count: 20, since: mark)
            }
        }
        _ = try await harness.startServer(port: port)
        for (peer, mark) in zip(peers, marks) {
            try await peer.process.waitForLine(matching: "^joined as ", since: mark, within: .seconds(12))
        }
        // A member that does not return is reported as gone after 15 s. These 85 messages at 200 ms take longer than
        // that.
        for peer in peers {
            let mark = peer.process.mark
            for other in names where other != peer.name {
                try await peer.process.waitForLine(matching: "^\(other): ", since: mark)
                try await waitForMessages(from: other, count: 85, at: peer.process, since: mark)
            }
        }
        for (peer, mark) in zip(peers, marks) {
            #expect(try peer.process.lines(matching: "^- ", since: mark).isEmpty)
            for other in names where other != peer.name {
                #expect(try lostMessages(of: other, at: peer.process, since: mark) == 0)
            }
        }
    }

    /// Waits until a peer has printed the first message of `sender` after a mark, and the message whose number is
    /// `count` - 1 higher.
    private func waitForMessages(
        from sender: String, count: Int, at peer: RunningProcess, since mark: Int
    ) async throws {
        let first = try #require(try counters(of: sender, at: peer, since: mark).first)
        try await peer.waitForLine(
            matching: "^\(sender): .*_\(first + count - 1)$", since: mark, within: .seconds(40))
    }

    /// Returns the number of messages of `sender` that are missing between the first and the last one after a mark.
    private func lostMessages(of sender: String, at peer: RunningProcess, since mark: Int) throws -> Int {
        let counters = try counters(of: sender, at: peer, since: mark)
        guard let first = counters.min(), let last = counters.max() else { return 0 }
        return last - first + 1 - Set(counters).count
    }

    private func counters(of sender: String, at peer: RunningProcess, since mark: Int) throws -> [Int] {
        try peer.lines(matching: "^\(sender): ", since: mark).compactMap { line in
            line.split(separator: "_").last.flatMap { Int($0) }
        }
    }
}
