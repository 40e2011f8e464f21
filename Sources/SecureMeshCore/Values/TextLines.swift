/// Reads the lines of a file of keys or of a list of peers (PROTOCOL.md, section 8), one after the other.
///
/// Fields are ranges of the caller's bytes and not copies, because the bytes may contain a secret, which the caller
/// wipes.
package struct TextLines: Sendable {
    /// A line with at least one field.
    package struct Line: Sendable {
        /// The number of the line in the file, counted from 1.
        package let number: Int
        package let fields: [Range<Int>]
        /// The comment, without its `#`; empty if there is none.
        package let comment: Range<Int>
        /// The range of the whole line, including its line break.
        package let whole: Range<Int>
    }

    private var index = 0
    private var number = 0

    package init() {}

    /// Returns the next line that has a field; nil if no such line is left. Skips empty lines and lines with only a
    /// comment.
    ///
    /// - Parameter bytes: The same bytes in each call.
    /// - Throws: ``TextFault`` if a line is not UTF-8, or has a control character other than a tab, or a line or
    ///   paragraph separator.
    package mutating func next(in bytes: Span<UInt8>) throws(TextFault) -> Line? {
        if index == 0, bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { index = 3 }
        while index < bytes.count {
            let line = try nextLine(in: bytes)
            if !line.fields.isEmpty { return line }
        }
        return nil
    }

    private mutating func nextLine(in bytes: Span<UInt8>) throws(TextFault) -> Line {
        number += 1
        let lineStart = index
        var fields: [Range<Int>] = []
        var fieldStart: Int?
        var commentStart: Int?
        var end = bytes.count
        scan: while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x0A:
                end = index
                index += 1
                break scan
            case 0x0D where index + 1 < bytes.count && bytes[index + 1] == 0x0A:
                end = index
                index += 2
                break scan
            case 0x09, 0x20:
                if let start = fieldStart { fields.append(start..<index) }
                fieldStart = nil
                index += 1
            default:
                if commentStart == nil, fieldStart == nil {
                    if byte == UInt8(ascii: "#") { commentStart = index + 1 } else { fieldStart = index }
                }
                index += try Self.length(of: index, in: bytes, line: number)
            }
            if commentStart != nil { fieldStart = nil }
        }
        if let start = fieldStart { fields.append(start..<end) }
        return Line(number: number, fields: fields, comment: (commentStart ?? end)..<end, whole: lineStart..<index)
    }

    /// Returns the length, in bytes, of the character at `index`. Throws an error if the character is invalid UTF-8, a
    /// control character, or a line or paragraph separator.
    private static func length(of index: Int, in bytes: Span<UInt8>, line: Int) throws(TextFault) -> Int {
        let first = bytes[index]
        if first < 0x80 {
            guard first >= 0x20, first != 0x7F else { throw .controlCharacter(line: line) }
            return 1
        }
        // RFC 3629, section 4: the second byte of some sequences has a smaller range than 80 to BF.
        let (count, second): (Int, ClosedRange<UInt8>)
        switch first {
        case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (count, second) = (3, 0x80...0xBF)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw .notUTF8(line: line)
        }
        guard index + count <= bytes.count, second.contains(bytes[index + 1]) else { throw .notUTF8(line: line) }
        for offset in 2..<max(count, 2) where !(0x80...0xBF).contains(bytes[index + offset]) {
            throw .notUTF8(line: line)
        }
        // U+0080 to U+009F, U+2028 and U+2029.
        let isControl = first == 0xC2 && bytes[index + 1] < 0xA0
        let isSeparator =
            first == 0xE2 && bytes[index + 1] == 0x80 && (bytes[index + 2] == 0xA8 || bytes[index + 2] == 0xA9)
        guard !isControl, !isSeparator else { throw .controlCharacter(line: line) }
        return count
    }
}

/// A fault in one line, for which the whole file is refused.
package enum TextFault: Error, Hashable, Sendable {
    /// The line is not UTF-8.
    case notUTF8(line: Int)
    /// The line has a control character other than a tab, or a line or paragraph separator.
    case controlCharacter(line: Int)
}
