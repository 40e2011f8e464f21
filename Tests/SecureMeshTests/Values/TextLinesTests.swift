import SecureMesh
import Testing

/// Tests the rules for the lines of key files and lists of peers (PROTOCOL.md, section 8).
@Suite("Lines of a text file") struct TextLinesTests {
    /// Returns a text for each line: the line's number, its fields with `|` between them, and its comment in brackets.
    private func lines(_ text: String) throws(TextFault) -> [String] {
        let bytes = Array(text.utf8)
        func slice(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        var all: [String] = []
        var lines = TextLines()
        while let line = try lines.next(in: bytes.span) {
            let comment = line.comment.isEmpty ? "" : " [\(slice(line.comment))]"
            all.append("\(line.number): \(line.fields.map(slice).joined(separator: "|"))\(comment)")
        }
        return all
    }

    static let accepted: [(text: String, lines: [String])] = [
        ("", []), ("\n\n", []), (" \t\r\n", []), ("# only a comment", []), ("  \t# after blanks\n", []),
        ("a b", ["1: a|b"]), ("a b\n", ["1: a|b"]), ("a b\r\n", ["1: a|b"]), ("\u{FEFF}a b\n", ["1: a|b"]),
        (" a \t b\t\n", ["1: a|b"]), ("a\n\n\nb\n\n", ["1: a", "4: b"]), ("a b # note\n", ["1: a|b [ note]"]),
        ("a#b c\n", ["1: a#b|c"]), ("a b #\n", ["1: a|b"]), ("#\u{FEFF}é漢🎉\r\na", ["2: a"]),
    ]

    @Test("blanks, comments, empty lines, CR LF and a byte order mark are accepted", arguments: accepted)
    func fields(text: String, expected: [String]) throws {
        #expect(try lines(text) == expected)
    }

    @Test(
        "a character that ends a line only for some readers is refused, also in a comment",
        arguments: ["\u{B}", "\u{C}", "\r", "\u{85}", "\u{2028}", "\u{2029}", "\0", "\u{1B}", "\u{7F}", "\u{9B}"])
    func controlCharacters(character: String) {
        for text in ["a\n# note\(character)b\n", "a\n\(character)b\n", "\na\(character)", "\na b\(character)c\n"] {
            #expect(throws: TextFault.controlCharacter(line: 2), "\(text.debugDescription)") { try lines(text) }
        }
    }

    @Test(
        "bytes that are not UTF-8 are refused with their line, also in a comment",
        arguments: [
            [0xFF], [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xE2, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE],
        ])
    func notUTF8(bytes: [UInt8]) {
        var lines = TextLines()
        let text = Array("\n# ".utf8) + bytes + Array("\n".utf8)
        #expect(throws: TextFault.notUTF8(line: 2)) { while try lines.next(in: text.span) != nil {} }
        // These bytes are UTF-16, in the form that PowerShell writes.
        lines = TextLines()
        let wide: [UInt8] = [0xFF, 0xFE, 0x61, 0, 0x0A, 0]
        #expect(throws: TextFault.notUTF8(line: 1)) { try lines.next(in: wide.span) }
    }

    @Test("every character that is no control character and no separator is accepted in a comment")
    func everyCharacter() throws {
        for value in 0x20..<0x11_0000 as Range<UInt32> {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isRefused = (0x7F...0x9F).contains(value) || (0x2028...0x2029).contains(value)
            let bytes = Array("#\(Character(scalar))\na".utf8)
            var lines = TextLines()
            let line = try? lines.next(in: bytes.span)
            #expect((line == nil) == isRefused, "\(value)")
        }
    }
}
