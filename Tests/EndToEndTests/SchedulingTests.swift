#if os(Linux)
    internal import Foundation
    internal import Testing

    @Suite("when and where the system runs the threads of a process", .processes)
    struct SchedulingTests {
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
            let loops = threads.filter(\.isEventLoop)
            #expect(!loops.isEmpty && loops.allSatisfy { $0.isRealTime == isPermitted }, "\(threads)")
            #expect(threads.allSatisfy { !$0.isRealTime || $0.isEventLoop }, "\(threads)")
        }

        @Test("a peer keeps the priority that it was given, and none of its threads is bound to a core")
        func peer() async throws {
            let server = try await harness.makeServer(peers: ["A"])
            let peer = try await harness.joinPeer("A", of: server)
            let threads = try threads(of: peer)
            #expect(threads.allSatisfy { !$0.isRealTime })
            #expect(try Set((threads + self.threads(of: server.process)).map(\.cores)).count == 1)
        }

        @Test("each event loop of a swarm is bound to a core, if there are as many event loops as cores")
        func swarm() async throws {
            let server = try await harness.makeServer(["--open"])
            let swarm = try harness.start(["swarm", "--peers", "8", "--prefix", "m", "--server", server.address])
            try await server.process.waitForLine(matching: "^\\+ m7 ")
            let threads = try threads(of: swarm)
            // The main thread is the only one with the name of the program.
            let main = try #require(threads.first { $0.name == "p2p" })
            // A thread may have the permission to use cores that the host does not have.
            let online = try String(contentsOfFile: "/sys/devices/system/cpu/online", encoding: .utf8)
            let usable = main.cores.intersection(Self.cores(online))
            let cores = threads.filter(\.isEventLoop).map(\.cores)
            #expect(!cores.isEmpty)
            if cores.count == usable.count {
                #expect(cores.allSatisfy { $0.count == 1 } && Set(cores).count == usable.count, "\(threads)")
            } else {
                #expect(cores.allSatisfy { $0 == main.cores }, "\(threads)")
            }
        }

        private struct Thread {
            let name: String
            let isRealTime: Bool
            /// The numbers of the cores that the thread may use.
            let cores: Set<Int>

            var isEventLoop: Bool { name.hasPrefix("NIO-SGLTN") }
        }

        /// Reads the threads of a process from /proc. proc(5) documents the formats.
        private func threads(of process: RunningProcess) throws -> [Thread] {
            let folder = "/proc/\(process.id)/task"
            return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { thread in
                // The thread may have ended.
                guard let text = try? String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8),
                    let status = try? String(contentsOfFile: "\(folder)/\(thread)/status", encoding: .utf8)
                else { return nil }
                let start = try #require(text.firstIndex(of: "("))
                let end = try #require(text.lastIndex(of: ")"))
                // The 41st field is the scheduling policy. `text[end...]` begins after the name, which is the second
                // field.
                let policy = text[end...].split(separator: " ")[39]
                let title = "Cpus_allowed_list:"
                let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(title) })
                return Thread(
                    name: String(text[start..<end].dropFirst()), isRealTime: policy == "2",
                    cores: Self.cores(line.dropFirst(title.count)))
            }
        }

        /// Reads a list of numbers and ranges, such as "0-3,8".
        private static func cores(_ list: some StringProtocol) -> Set<Int> {
            Set(
                list.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ",").flatMap { range in
                    let ends = range.split(separator: "-").compactMap { Int($0) }
                    return Array(ends[0]...ends[ends.count - 1])
                })
        }
    }
#endif
