#if os(Linux)
    internal import Foundation
    internal import Testing

    @Suite("the priority of a server", .processes)
    struct SchedulingPriorityTests {
        private let harness = ProcessHarness.current

        @Test("the event loops of a server do not wait for busy processes, where the system permits that")
        func eventLoops() async throws {
            let permission = Process()
            permission.executableURL = URL(filePath: "/usr/bin/env")
            permission.arguments = ["chrt", "--rr", "1", "true"]
            permission.standardError = FileHandle.nullDevice
            try permission.run()
            permission.waitUntilExit()
            let isPermitted = permission.terminationStatus == 0
            let server = try await harness.makeServer(peers: ["A"])
            let threads = try threads(of: server.process)
            let loops = threads.filter { $0.name.hasPrefix("NIO-SGLTN") }
            #expect(!loops.isEmpty && loops.allSatisfy { $0.isRealTime == isPermitted }, "\(threads)")
            #expect(threads.allSatisfy { !$0.isRealTime || $0.name.hasPrefix("NIO-SGLTN") }, "\(threads)")
        }

        @Test("a peer keeps the priority that it was given")
        func peer() async throws {
            let server = try await harness.makeServer(peers: ["A"])
            let peer = try await harness.joinPeer("A", of: server)
            #expect(try threads(of: peer).allSatisfy { !$0.isRealTime })
        }

        private struct Thread {
            let name: String
            let isRealTime: Bool
        }

        /// Reads the threads of a process from /proc. proc(5) documents the format.
        private func threads(of process: RunningProcess) throws -> [Thread] {
            let folder = "/proc/\(process.id)/task"
            return try FileManager.default.contentsOfDirectory(atPath: folder).map { thread in
                let text = try String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8)
                let start = try #require(text.firstIndex(of: "("))
                let end = try #require(text.lastIndex(of: ")"))
                // The 41st field is the scheduling policy. `text[end...]` begins after the name, which is the second
                // field.
                let policy = text[end...].split(separator: " ")[39]
                return Thread(name: String(text[start..<end].dropFirst()), isRealTime: policy == "2")
            }
        }
    }
#endif
