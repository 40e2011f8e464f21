internal import Logging

/// A log handler that prints log lines on stderr. While `Console` has a queue, the handler never blocks.
struct ConsoleLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    /// - Parameter level: The lowest level to print.
    init(level: Logger.Level) {
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let message = "\(event.message)"
        Console.print(
            LogLine(
                level: event.level, event: Self.name(of: message), message: message,
                fields: fields.map { ($0.key, Self.value($0.value)) }, isOfLog: true))
    }

    /// Returns the name of an event: the words before the first colon of its message, in lower case and joined by
    /// hyphens.
    static func name(of message: String) -> String {
        message.prefix { $0 != ":" }.split(separator: " ").joined(separator: "-").lowercased()
    }

    private static func value(_ value: Logger.Metadata.Value) -> LogLine.Value {
        switch value {
        case .stringConvertible(let number as any BinaryInteger): .number(number)
        case .stringConvertible(let truth as Bool): .literal("\(truth)")
        default: .text("\(value)")
        }
    }
}

extension Logger {
    /// A logger for service groups. It prints only critical messages, because other messages of service groups do not
    /// help users of the command.
    static var quiet: Logger {
        var logger = Logger(label: "services")
        logger.logLevel = .critical
        return logger
    }
}
