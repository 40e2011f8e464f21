internal import Logging
internal import SecureMesh

/// A line on stderr: a line of the log, or a note, a warning or an error of the command.
struct LogLine {
    enum Value: ExpressibleByStringInterpolation {
        case text(String)
        /// A number or a truth value, as JSON writes it.
        case literal(String)

        init(stringLiteral text: String) {
            self = .text(text)
        }

        static func number(_ number: some BinaryInteger) -> Value { .literal("\(number)") }
    }

    var level: Logger.Level
    /// The name by which programs recognize the line.
    var event: String
    var message: String
    /// The advice to the user; nil if there is none.
    var hint: String?
    var fields: [(key: String, value: Value)] = []
    /// True for a line of the log; false for a note, a warning or an error of the command. In the format `text`, a line
    /// of the log always has the time, and no other lines have fields.
    var isOfLog = false

    /// Returns the line in the format of `style`, with a line end.
    ///
    /// - Parameters:
    ///   - time: The time, as text of RFC 3339.
    ///   - isColored: True to print the word for the level in color.
    func formatted(as style: OutputStyle, time: String, isColored: Bool) -> String {
        switch style.format {
        case .text: text(style, time, isColored)
        case .json: json(time)
        case .journal: journal
        }
    }

    private func text(_ style: OutputStyle, _ time: String, _ isColored: Bool) -> String {
        guard !isOfLog else {
            let word = isColored ? colored("\(level.rawValue)") : level.rawValue
            return "\(time) \(word) \(Self.harmless(message))\(textFields)\n"
        }
        let start = style.hasTimestamps ? "\(time) p2p: " : "p2p: "
        var word = severity.map { "\($0):" } ?? ""
        if isColored { word = colored(word) }
        let line = start + (word.isEmpty ? "" : word + " ") + Self.harmless(message) + "\n"
        return line + (hint.map { "\(start)hint: \(Self.harmless($0))\n" } ?? "")
    }

    private var journal: String {
        let line =
            "<\(priority)>" + (isOfLog ? "" : severity.map { "\($0): " } ?? "")
            + Self.harmless(message) + (isOfLog ? textFields : "") + "\n"
        return line + (hint.map { "<\(priority)>hint: \(Self.harmless($0))\n" } ?? "")
    }

    private func json(_ time: String) -> String {
        var members: [(String, Value)] = [
            ("time", .text(time)), ("level", .text(level.rawValue)), ("event", .text(event)),
            ("message", .text(message)),
        ]
        if let hint { members.append(("hint", .text(hint))) }
        members += fields.map { ($0.key, $0.value) }
        let texts = members.map { key, value in
            switch value {
            case .text(let text): "\(Self.quoted(key)):\(Self.quoted(text))"
            case .literal(let text): "\(Self.quoted(key)):\(text)"
            }
        }
        return "{\(texts.joined(separator: ","))}\n"
    }

    /// The word in front of the message: `warning` or `error`; nil for a note.
    private var severity: String? {
        switch level {
        case .warning: "warning"
        case .error, .critical: "error"
        default: nil
        }
    }

    /// The level as a priority of syslog(3).
    private var priority: Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private func colored(_ word: String) -> String {
        switch level {
        case .warning: "\u{1B}[33m\(word)\u{1B}[0m"
        case .error, .critical: "\u{1B}[31m\(word)\u{1B}[0m"
        default: word
        }
    }

    private var textFields: String {
        fields.map { key, value in
            switch value {
            case .text(let text): " \(Self.harmless(key))=\(Self.word(text))"
            case .literal(let text): " \(Self.harmless(key))=\(text)"
            }
        }.joined()
    }

    /// Returns a value of a field. If the value is not a single word, puts it in quotes, so that no part of it looks
    /// like another field.
    private static func word(_ text: String) -> String {
        let text = Console.escaped(text)
        guard text.isEmpty || text.contains(where: { $0 == " " || $0 == "=" || $0 == "\"" }) else { return text }
        return "\"\(text.map { $0 == "\"" ? "\\\"" : "\($0)" }.joined())\""
    }

    /// Returns the text with an escape in place of each character on which a terminal might act.
    static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isObeyed) else { return text }
        return text.unicodeScalars.map { $0.isObeyed ? Console.escaped(String($0)) : String($0) }.joined()
    }

    /// Returns a JSON object in one line. If a text is nil, the value of its key is `null`.
    static func object(_ fields: [(key: String, text: String?)]) -> String {
        "{\(fields.map { "\(quoted($0.key)):\($0.text.map(quoted) ?? "null")" }.joined(separator: ","))}"
    }

    /// Returns the text as a JSON string, in which the characters that `harmless` escapes are escaped too.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.isObeyed: result += scalar.jsonEscapes
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
