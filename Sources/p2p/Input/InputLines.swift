internal import Dispatch
internal import SecureMesh
internal import Synchronization

/// Reads lines from standard input on a thread of its own. So the wait for a line cannot block an event loop, or keep
/// the process from ending.
///
/// If standard input is a terminal, lines are read only while the process is in the foreground. In the background, the
/// system would stop the process, or the process would read text that the user types for the shell.
final class InputLines: Sendable {
    private let splitter = Mutex(LineSplitter(limit: limit))
    private let queue = DispatchQueue(label: "input")

    init() {
        if FileSystem.isTerminal(FileSystem.standardInput) { SignalTrap.ignoreTerminalInput() }
    }

    /// Waits for the next line. Nothing is read from standard input between calls.
    ///
    /// - Returns: The line; nil at the end of the input.
    func next() async -> LineSplitter.Line? {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.readLine()) }
        }
    }

    /// True if standard input is a terminal that is still open. In this case, the input ends only when the user types
    /// Ctrl-D.
    var isTerminal: Bool { FileSystem.isTerminal(FileSystem.standardInput) }

    private func readLine() -> LineSplitter.Line? {
        splitter.withLock { splitter in
            while true {
                if let line = splitter.next() { return line }
                guard let bytes = Self.readBytes() else {
                    splitter.finish()
                    return splitter.next()
                }
                splitter.append(bytes)
            }
        }
    }

    /// Waits for bytes and returns them; nil at the end of the input, or if standard input cannot be read.
    private static func readBytes() -> [UInt8]? {
        let input = FileSystem.standardInput
        while true {
            FileSystem.waitUntilReadable(input)
            if FileSystem.isTerminal(input), !Terminal.isInForeground(input) {
                FileSystem.pause(milliseconds: pause)
                continue
            }
            do throws(SystemError) {
                let bytes = try FileSystem.readSome(from: input, atMost: chunk)
                return bytes.isEmpty ? nil : bytes
            } catch {
                // A read from a terminal fails if the process has moved to the background since the check above.
                guard error.isTemporary || FileSystem.isTerminal(input) else { return nil }
            }
        }
    }

    /// The largest number of bytes of a line.
    static let limit = 64 << 10
    private static let chunk = 16 << 10
    /// The time between two checks of whether the process is in the foreground, in milliseconds.
    private static let pause: CInt = 500
}
