internal import Logging

/// A log handler that prints on stderr: time, level, message and `key=value` pairs, escaped.
struct ConsoleLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    init(label: String) {}

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        Console.writeLine(
            Console.escaped("\(FileSystem.timestamp()) \(event.level.rawValue) \(event.message)\(fields)"))
    }
}

extension Logger {
    /// A logger for service groups, whose own messages do not matter to users of the command.
    static var quiet: Logger {
        var logger = Logger(label: "services")
        logger.logLevel = .critical
        return logger
    }
}
