internal import ArgumentParser

/// The format of the lines on stderr.
enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people: `p2p: …`, and log lines with time, level, message and `key=value` fields.
    case text
    /// One JSON object per line.
    case json
    /// As text, but with the priority in front (`<4>`, sd-daemon(3)), and without the time, which the journal adds.
    case journal

    /// The format if the user has not chosen one: `journal` if stderr leads to systemd's journal, otherwise `text`.
    static var automatic: LogFormat {
        guard let stream = FileSystem.environment("JOURNAL_STREAM"),
            stream == FileSystem.identity(of: FileSystem.standardError)
        else { return .text }
        return .journal
    }
}
