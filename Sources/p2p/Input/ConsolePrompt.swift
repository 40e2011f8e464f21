/// The prompt of a command that reads lines from a terminal. When a line is printed, it overwrites the prompt, and the
/// prompt is printed again after the line.
struct ConsolePrompt {
    /// The output streams that lead to the terminal of the prompt.
    let streams: [ConsoleQueue.Stream]
    /// True if the terminal supports the escape sequence that clears a line.
    let canClear: Bool
    /// Returns true if the process is in the foreground of the terminal.
    let isInForeground: @Sendable () -> Bool

    var text: [UInt8] { isInForeground() ? Array("> ".utf8) : [] }

    /// The bytes that remove the prompt, and whatever the user has typed after it, from the terminal. Empty if the
    /// process is in the background.
    ///
    /// If the terminal cannot clear a line, the bytes only move the cursor to the beginning of the line. The next text
    /// then overwrites the prompt.
    var removal: [UInt8] { isInForeground() ? Array((canClear ? "\r\u{1B}[K" : "\r").utf8) : [] }

    func around(_ line: [UInt8], on stream: ConsoleQueue.Stream) -> [UInt8] {
        streams.contains(stream) ? removal + line + text : line
    }

    /// The largest number of bytes that `around` adds.
    static let most = 8
}
