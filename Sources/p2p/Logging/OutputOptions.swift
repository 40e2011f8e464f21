internal import ArgumentParser
internal import Logging

/// The output options of every command. They choose the lines that the command prints on stderr, and the form of these
/// lines.
struct OutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Lowest level of the lines on stderr.", valueName: "level"))
    var logLevel = LogLevelOption.info

    @Option(
        help: ArgumentHelp(
            "Format of the lines on stderr.", valueName: "format",
            default: "journal if systemd reads stderr, or else text"
        ))
    var logFormat: LogFormat?

    @Flag(help: "Print no lines on stderr but errors, and no progress.")
    var quiet = false

    @Flag(help: "Begin each line with the time.")
    var timestamps = false

    @Option(help: ArgumentHelp("Colors.", valueName: "when"))
    var color = ColorOption.auto

    /// The faults of these options: options that contradict each other.
    var faults: [SettingsFault] {
        quiet && logLevel != .info
            ? [SettingsFault("--quiet and --log-level exclude each other", ["quiet", "log-level"])] : []
    }

    var style: OutputStyle {
        OutputStyle(
            level: quiet ? .error : logLevel.level, format: logFormat ?? .automatic, hasTimestamps: timestamps,
            color: color, showsProgress: !quiet)
    }
}

/// The style of the lines that a command prints.
struct OutputStyle: Sendable {
    /// The lowest level of the lines on stderr.
    var level = Logger.Level.info
    var format = LogFormat.text
    /// True if each line begins with the time.
    var hasTimestamps = false
    var color = ColorOption.auto
    var showsProgress = true
}

enum LogLevelOption: String, ExpressibleByArgument, CaseIterable {
    case trace
    case debug
    case info
    case notice
    case warning
    case error

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}

enum ColorOption: String, ExpressibleByArgument, CaseIterable {
    case auto
    case always
    case never

    /// Returns true if text on this stream is printed in color.
    func applies(to descriptor: CInt) -> Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto: Terminal.canReplaceLine(descriptor) && (FileSystem.environment("NO_COLOR") ?? "").isEmpty
        }
    }
}
