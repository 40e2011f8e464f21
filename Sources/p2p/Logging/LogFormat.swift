internal import ArgumentParser

/// The format of the lines on stderr.
enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    /// A format for people. The command's own lines begin with `p2p: `. Log lines have the time, the level, the message
    /// and `key=value` fields.
    case text
    /// One JSON object per line.
    case json
    /// Like `text`, but each line begins with its priority, such as `<4>` (sd-daemon(3)). The time is left out, because
    /// the journal adds it.
    case journal

    /// The format if the user has not chosen one: `journal` if systemd's journal reads stderr, otherwise `text`.
    static var automatic: LogFormat {
        guard let stream = FileSystem.environment("JOURNAL_STREAM"),
            stream == FileSystem.identity(of: FileSystem.standardError)
        else { return .text }
        return .journal
    }
}
