internal import Foundation

/// A full named pipe. Nobody reads from it unless `drain` is called.
final class FullPipe: Sendable {
    let path: String
    private let descriptor: Int32

    init(in harness: ProcessHarness) throws {
        path = harness.path("pipe-\(UUID().uuidString)")
        guard unsafe mkfifo(path, 0o600) == 0 else { throw MissingOutcome(what: "a named pipe", from: path) }
        // The pipe is opened for reading and writing. So it always has a reader, and a read never reports the end of
        // the file.
        descriptor = unsafe open(path, O_RDWR | O_NONBLOCK)
        guard descriptor >= 0 else { throw MissingOutcome(what: "an open pipe", from: path) }
        fill()
    }

    /// Fills the pipe.
    func fill() {
        let filler = [UInt8](repeating: UInt8(ascii: "."), count: 4_096)
        while unsafe write(descriptor, filler, filler.count) > 0 {}
        // The pipe may still have room for a few bytes, but not for the whole filler.
        while unsafe write(descriptor, filler, 1) > 0 {}
    }

    deinit {
        close(descriptor)
    }

    /// Returns a launcher that makes this pipe the standard output or the standard error of the process.
    func launcher(for stream: RunningProcess.Stream) -> [String] {
        let redirection = stream == .errors ? "2>" : ">"
        return ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(redirection)'\(path)'"]
    }

    /// Reads from the pipe until a line contains `text`. Frees room in the pipe, so a blocked writer continues.
    ///
    /// - Returns: All lines so far, without the bytes that filled the pipe.
    func drain(until text: String, within limit: Duration = .seconds(10)) async throws -> [String] {
        var bytes: [UInt8] = []
        let deadline = ContinuousClock.now + limit
        while true {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer.prefix(count).drop { $0 == UInt8(ascii: ".") }
                continue
            }
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            if lines.contains(where: { $0.contains(text) }) { return lines }
            guard ContinuousClock.now < deadline else {
                throw MissingOutcome(what: "a line with '\(text)'", from: lines.joined(separator: "\n"))
            }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&waiting, 1, 100)
        }
    }
}
