/// The prompt of a command that reads lines from a terminal. A line that is printed meanwhile overwrites the prompt,
/// which is printed again after the line.
struct ConsolePrompt {
    /// The streams that lead to the terminal.
    let streams: [ConsoleQueue.Stream]
    /// True if the terminal can clear a line.
    let canClear: Bool
    /// Returns true while the process is in the foreground of the terminal.
    let isInForeground: @Sendable () -> Bool

    var text: [UInt8] { isInForeground() ? Array("> ".utf8) : [] }

    /// The bytes that remove the prompt, and the echo of what is being typed.
    var removal: [UInt8] { isInForeground() ? Array((canClear ? "\r\u{1B}[K" : "\r").utf8) : [] }

    func around(_ line: [UInt8], on stream: ConsoleQueue.Stream) -> [UInt8] {
        streams.contains(stream) ? removal + line + text : line
    }

    /// The largest number of bytes that `around` adds.
    static let most = 8
}
