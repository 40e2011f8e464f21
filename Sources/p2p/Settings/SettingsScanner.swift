/// Reads keys and values of a settings file, and counts lines and columns for error messages.
struct SettingsScanner {
    private let characters: [Character]
    private let path: String
    private var index = 0
    private(set) var position = SettingsFile.Position(line: 1, column: 1)

    init(_ text: String, path: String) {
        characters = Array(text)
        self.path = path
    }

    func failure(_ message: String, at position: SettingsFile.Position? = nil) -> Failure {
        let position = position ?? self.position
        return Failure(
            .configuration, "\(path):\(position.line):\(position.column): \(message)",
            hint: "the file is TOML, with tables [server] and [peer] and lines like heartbeat = \"1s\"")
    }

    private var next: Character? { index < characters.count ? characters[index] : nil }

    private mutating func advance() {
        if characters[index].isNewline {
            position = .init(line: position.line + 1, column: 1)
        } else {
            position.column += 1
        }
        index += 1
    }

    private static func isLineEnd(_ character: Character) -> Bool { character == "\n" || character == "\r\n" }

    private mutating func skipBlanks() {
        while let next, next == " " || next == "\t" { advance() }
    }

    private mutating func skipComment() throws(Failure) {
        guard next == "#" else { return }
        while let next, !Self.isLineEnd(next) {
            guard !next.isControl else { throw failure("a comment contains a control character") }
            advance()
        }
    }

    /// Skips blanks, line ends and comments.
    ///
    /// - Returns: False at the end of the text.
    mutating func skipToContent() throws(Failure) -> Bool {
        while true {
            skipBlanks()
            try skipComment()
            guard let next else { return false }
            guard Self.isLineEnd(next) else { return true }
            advance()
        }
    }

    /// Skips `character` and the blanks after it.
    ///
    /// - Returns: False if the next character is not `character`. In this case, nothing is skipped.
    mutating func take(_ character: Character) -> Bool {
        guard next == character else { return false }
        advance()
        skipBlanks()
        return true
    }

    mutating func expect(_ character: Character, _ message: String) throws(Failure) {
        skipBlanks()
        guard take(character) else { throw failure(message) }
    }

    /// Checks that only blanks and a comment follow in the line, and moves to the next line.
    mutating func endLine() throws(Failure) {
        skipBlanks()
        try skipComment()
        guard let next else { return }
        guard Self.isLineEnd(next) else { throw failure("unexpected text after the value") }
        advance()
    }

    /// Reads a key: letters, digits, `-` and `_`.
    mutating func key() throws(Failure) -> String {
        var key = ""
        while let next, next.isASCII, next.isLetter || next.isNumber || next == "-" || next == "_" {
            key.append(next)
            advance()
        }
        guard !key.isEmpty else { throw failure("a key is letters, digits, - and _, without quotes") }
        skipBlanks()
        return key
    }

    mutating func value(allowsArray: Bool) throws(Failure) -> SettingsFile.Value {
        let start = position
        switch next {
        case "\"", "'": return .init(content: .string(try string()), position: start)
        case "[" where allowsArray: return .init(content: .array(try array()), position: start)
        case let next? where next.isASCII && (next.isNumber || next == "-" || next == "+"):
            return .init(content: .integer(try integer()), position: start)
        case let next? where next.isLetter: return .init(content: .boolean(try boolean()), position: start)
        default: throw failure("a value is a \"text\", a whole number, true, false, or an [array] of these")
        }
    }

    private mutating func array() throws(Failure) -> [SettingsFile.Value] {
        let start = position
        advance()
        var values: [SettingsFile.Value] = []
        while try skipToContent() {
            if take("]") { return values }
            values.append(try value(allowsArray: false))
            guard try skipToContent() else { break }
            if take("]") { return values }
            try expect(",", "the values of an array have commas between them")
        }
        throw failure("this array has no ]", at: start)
    }

    private mutating func string() throws(Failure) -> String {
        let start = position
        guard let quote = next else { return "" }
        advance()
        if next == quote, index + 1 < characters.count, characters[index + 1] == quote {
            throw failure("a text in three quotes is not read here; write it in one line", at: start)
        }
        var text = ""
        while let next, !Self.isLineEnd(next) {
            if next == quote {
                advance()
                return text
            }
            guard !next.isControl || next == "\t" else { throw failure("a text contains a control character") }
            if next == "\\", quote == "\"" {
                text.append(try escape())
            } else {
                text.append(next)
                advance()
            }
        }
        throw failure("this text has no closing \(quote)", at: start)
    }

    private mutating func escape() throws(Failure) -> Character {
        let start = position
        advance()
        defer { if index < characters.count { advance() } }
        switch next {
        case "\"": return "\""
        case "\\": return "\\"
        case "t": return "\t"
        default:
            throw failure("the escapes are \\\", \\\\ and \\t; in '…' a backslash needs no escape", at: start)
        }
    }

    private mutating func word() -> String {
        var word = ""
        while let next, next.isASCII, next.isLetter || next.isNumber || "+-_.:".contains(next) {
            word.append(next)
            advance()
        }
        return word
    }

    private mutating func integer() throws(Failure) -> Int {
        let start = position
        let word = word()
        // As in TOML, a number has no leading zeros, and an underscore is between digits.
        let digits = word.drop { "+-".contains($0) }
        let groups = digits.split(separator: "_", omittingEmptySubsequences: false)
        let isCanonical = !groups.contains("") && (digits == "0" || digits.first != "0")
        guard isCanonical, let number = Int(word.replacing("_", with: "")) else {
            throw failure(
                "\(word) is not a whole number; write texts and intervals in quotes, as in \"500ms\"", at: start)
        }
        return number
    }

    private mutating func boolean() throws(Failure) -> Bool {
        let start = position
        let word = word()
        switch word {
        case "true": return true
        case "false": return false
        default: throw failure("\(word) is neither true nor false; a text needs quotes", at: start)
        }
    }
}

extension Character {
    fileprivate var isControl: Bool {
        unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
