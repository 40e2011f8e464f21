/// One line of an `authorized_peers` file with a name, a key and options (PROTOCOL.md, section 8).
package struct RosterLine: Sendable {
    package var name: PeerName
    package let key: PublicKey
    /// The time from which the key may not join; nil if the key does not expire.
    package var until: UnixTime?
    /// The time at which the key was revoked; nil if the key is not revoked.
    package var revokedAt: UnixTime?
    /// The text of the comment, without the `#` and without blanks at its beginning and end.
    package var comment: String
    /// The number of the line in the file, counted from 1; 0 for a line that is not in the file yet.
    package let number: Int
    /// The bytes of the file that the line occupies, with its line break; empty for a line that is not in the file yet.
    package let whole: Range<Int>

    /// Makes a line that is to be added to a file.
    package init(name: PeerName, key: PublicKey) {
        self.name = name
        self.key = key
        comment = ""
        number = 0
        whole = 0..<0
    }

    private init(_ line: TextLines.Line, in bytes: Span<UInt8>) throws(RosterError) {
        number = line.number
        whole = line.whole
        func fault(_ problem: RosterError.Problem) -> RosterError { RosterError(line: line.number, problem: problem) }
        guard line.fields.count >= 2 else { throw fault(.notTwoFields) }
        guard let name = PeerName(utf8: [UInt8](copying: bytes.extracting(line.fields[0]))) else {
            throw fault(.invalidName)
        }
        self.name = name
        do throws(KeyTextError) {
            key = try PublicKey(utf8: bytes.extracting(line.fields[1]))
        } catch {
            throw fault(.invalidKey(error))
        }
        for field in line.fields.dropFirst(2) {
            let option = String(decoding: [UInt8](copying: bytes.extracting(field)), as: UTF8.self)
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch parts[0] {
            case "until" where parts.count == 2 && until == nil:
                guard let time = UnixTime(String(parts[1])) else { throw fault(.invalidTime) }
                until = time
            case "revoked" where parts.count == 2 && revokedAt == nil:
                guard let time = UnixTime(String(parts[1])) else { throw fault(.invalidTime) }
                revokedAt = time
            default: throw fault(.invalidOption)
            }
        }
        let text = String(decoding: [UInt8](copying: bytes.extracting(line.comment)), as: UTF8.self)
        comment = String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    /// The text of the line, without a line break.
    package var text: String {
        var fields = ["\(name)", "\(key)"]
        if let until { fields.append("until=\(until)") }
        if let revokedAt { fields.append("revoked=\(revokedAt)") }
        if !comment.isEmpty { fields.append("# \(comment)") }
        return fields.joined(separator: " ")
    }

    /// Reads all lines of an `authorized_peers` file.
    ///
    /// - Throws: ``RosterError`` for the first wrong line: a malformed line, a line that repeats the key of an earlier
    ///   line, or a line that repeats the name of an earlier line although neither of the two keys is revoked or
    ///   expires.
    package static func all(in bytes: Span<UInt8>) throws(RosterError) -> [RosterLine] {
        var all: [RosterLine] = []
        var numbers: [PublicKey: Int] = [:]
        var lasting: [PeerName: Int] = [:]
        var lines = TextLines()
        while let next = try next(&lines, in: bytes) {
            let line = try RosterLine(next, in: bytes)
            if let other = numbers.updateValue(line.number, forKey: line.key) {
                throw RosterError(line: line.number, problem: .repeatedKey(line: other))
            }
            if line.revokedAt == nil, line.until == nil,
                let other = lasting.updateValue(line.number, forKey: line.name)
            {
                throw RosterError(line: line.number, problem: .repeatedName(line: other))
            }
            all.append(line)
        }
        return all
    }

    private static func next(
        _ lines: inout TextLines, in bytes: Span<UInt8>
    ) throws(RosterError) -> TextLines.Line? {
        do throws(TextFault) {
            return try lines.next(in: bytes)
        } catch {
            switch error {
            case .notUTF8(let line): throw RosterError(line: line, problem: .notText)
            case .controlCharacter(let line): throw RosterError(line: line, problem: .controlCharacter)
            }
        }
    }
}
