internal import Testing

@testable import p2p

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

@Suite("lines that a separate thread writes", .timeLimit(.minutes(5)))
struct ConsoleQueueTests {
    /// A pipe whose writing end is in blocking mode, so a write to a full pipe waits.
    private struct Pipe {
        let reading: CInt
        let writing: CInt

        init() throws {
            var ends: [CInt] = [-1, -1]
            try #require(unsafe pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        func read(_ count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            while bytes.count < count {
                let more = try FileSystem.readSome(count - bytes.count, from: reading)
                try #require(!more.isEmpty)
                bytes += more
            }
            return bytes
        }
    }

    @Test("a write that must not wait does not wait for the reader of a full pipe")
    func full() throws {
        let pipe = try Pipe()
        let line = [UInt8](repeating: 65, count: FileSystem.pipeAtom)
        guard FileSystem.writeWithoutWaiting(line, to: pipe.writing) != nil else { return }
        var count = 1
        while FileSystem.writeWithoutWaiting(line, to: pipe.writing) == line.count { count += 1 }
        #expect(try pipe.read(count * line.count) == Array(repeatElement(line, count: count).joined()))
        #expect(FileSystem.writeWithoutWaiting(line, to: pipe.writing) == line.count)
    }

    @Test("lines keep their order while the pipe is full and when it is read again")
    func order() async throws {
        let (output, errors) = (try Pipe(), try Pipe())
        let queue = try ConsoleQueue(limit: 1 << 24, descriptors: [output.writing, errors.writing]) { _, error in
            Issue.record("\(error)")
        }
        // These lines have more bytes than a pipe holds.
        let lines = (0..<3_000).map { Array("\($0) \(String(repeating: "x", count: 100))\n".utf8) }
        for line in lines { queue.append(line, to: .output) }
        #expect(queue.count(of: .output) > 0)
        let all = Array(lines.joined())
        #expect(try output.read(all.count) == all)
        await queue.drained()
        queue.append(lines[0], to: .output)
        #expect(try output.read(lines[0].count) == lines[0])
    }
}
