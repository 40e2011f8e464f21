internal import SecureMesh

/// The content of a settings file, `p2p.toml`, with the position of each key and value.
///
/// The format is a part of TOML 1.0: tables, strings in one line, whole numbers, booleans, and arrays of these. Dates,
/// fractions, multi-line strings and nested tables are refused, because no setting needs them. The project has its own
/// code to read the format, because every error must name the line and the column, even if the error is an unknown key
/// or a value of the wrong type.
struct SettingsFile {
    /// A line and a column of a settings file, both counted from 1. The column counts characters.
    struct Position: Equatable {
        var line: Int
        var column: Int
    }

    struct Value: Equatable {
        enum Content: Equatable {
            case string(String)
            case integer(Int)
            case boolean(Bool)
            case array([Value])
        }

        let content: Content
        let position: Position
    }

    struct Entry: Equatable {
        /// The name of the table that contains the entry; nil if the entry comes before the first table.
        let table: String?
        let key: String
        let position: Position
        let value: Value
    }

    struct Table: Equatable {
        let name: String
        let position: Position
    }

    let path: String
    private(set) var entries: [Entry] = []
    private(set) var tables: [Table] = []

    /// Reads the text of a settings file.
    ///
    /// - Parameter path: The path of the file, for messages.
    /// - Throws: `Failure` with exit code 78 if the text is malformed. The message begins with the file, the line and
    ///   the column.
    init(_ text: String, path: String) throws(Failure) {
        self.path = path
        // Some editors write a byte order mark.
        var scanner = SettingsScanner(text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text, path: path)
        var table: String?
        var keys: Set<String> = []
        while try scanner.skipToContent() {
            let position = scanner.position
            if scanner.take("[") {
                let name = try scanner.key()
                try scanner.expect("]", "the name of a table ends with ]")
                guard !tables.contains(where: { $0.name == name }) else {
                    throw scanner.failure("the table [\(name)] is there already", at: position)
                }
                tables.append(Table(name: name, position: position))
                table = name
            } else {
                let key = try scanner.key()
                guard keys.insert("\(table ?? "").\(key)").inserted else {
                    throw scanner.failure("\(key) is set already", at: position)
                }
                try scanner.expect("=", "a line is KEY = VALUE, [TABLE] or # COMMENT")
                entries.append(
                    Entry(table: table, key: key, position: position, value: try scanner.value(allowsArray: true)))
            }
            try scanner.endLine()
        }
    }

    /// Returns a failure whose message begins with the file, the line and the column.
    func failure(_ message: String, at position: Position, hint: String? = nil) -> Failure {
        Failure(
            .configuration, "\(path):\(position.line):\(position.column): \(message)", hint: hint ?? HelpPointer.hint)
    }
}
