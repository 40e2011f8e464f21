internal import SecureMesh

/// The text of a list of peers while it is edited. Lines that do not change, and comments, stay as they are.
struct RosterText {
    /// The treatment of another key that the list has under the same name.
    enum Replacement: Equatable {
        case refuse
        case revoke
        /// The other key may join until this time, or until its own end if that is earlier.
        case end(UnixTime)
    }

    /// The reason why a key is not added.
    enum Conflict: Error, Equatable {
        /// The key is listed under another name.
        case otherName(PeerName)
        /// Another key is listed under the name.
        case otherKey(PublicKey)
    }

    /// The lines that change when a key is allowed to join: the line of that key, and the lines of other keys with the
    /// same name.
    struct Authorization {
        /// The line of the key before the change; nil if the key was not listed.
        let before: RosterLine?
        let after: RosterLine
        /// The changed lines of other keys with the same name, in their new form.
        let replaced: [RosterLine]

        var hasChanged: Bool { before?.text != after.text || !replaced.isEmpty }
    }

    private let original: [UInt8]
    private(set) var lines: [RosterLine]
    private var changed: Set<Int> = []

    init(_ bytes: [UInt8]) throws(RosterError) {
        original = bytes
        lines = try RosterLine.all(in: bytes.span)
    }

    var hasChanged: Bool { !changed.isEmpty }

    /// Allows a key to join under a name. Changes the line of the key, or adds one.
    ///
    /// - Parameter until: The time from which the key may not join; nil if the key does not expire.
    mutating func authorize(
        _ name: PeerName, _ key: PublicKey, until: UnixTime? = nil, replacing: Replacement, now: UnixTime
    ) throws(Conflict) -> Authorization {
        let index = lines.firstIndex { $0.key == key }
        if let index, lines[index].name != name, lines[index].mayJoin(at: now) {
            throw .otherName(lines[index].name)
        }
        let others = lines.indices.filter { other in
            lines[other].name == name && lines[other].key != key && lines[other].mayJoin(at: now)
        }
        for other in others {
            switch replacing {
            case .refuse: throw .otherKey(lines[other].key)
            case .revoke: revoke(at: other, reason: "replaced", now: now)
            case .end(let end):
                lines[other].until = min(lines[other].until ?? end, end)
                changed.insert(other)
            }
        }
        let before = index.map { lines[$0] }
        var line = before ?? RosterLine(name: name, key: key)
        if line.revokedAt != nil { line.comment = "" }
        (line.name, line.until, line.revokedAt) = (name, until, nil)
        if let index {
            lines[index] = line
            if before?.text != line.text { changed.insert(index) }
        } else {
            lines.append(line)
            changed.insert(lines.count - 1)
        }
        return Authorization(before: before, after: line, replaced: others.map { lines[$0] })
    }

    /// Revokes each key that may join, if `isMeant` returns true for its line.
    ///
    /// - Returns: The lines of the revoked keys, in their new form.
    mutating func revoke(reason: String?, now: UnixTime, _ isMeant: (RosterLine) -> Bool) -> [RosterLine] {
        let meant = lines.indices.filter { lines[$0].mayJoin(at: now) && isMeant(lines[$0]) }
        for index in meant { revoke(at: index, reason: reason, now: now) }
        return meant.map { lines[$0] }
    }

    private mutating func revoke(at index: Int, reason: String?, now: UnixTime) {
        lines[index].revokedAt = now
        let comments = [reason ?? "", lines[index].comment].filter { !$0.isEmpty }
        lines[index].comment = comments.joined(separator: "; ")
        changed.insert(index)
    }

    /// The bytes of the edited text.
    var bytes: [UInt8] {
        var result: [UInt8] = []
        var position = 0
        for (index, line) in lines.enumerated() where line.number > 0 {
            result += original[position..<line.whole.lowerBound]
            position = line.whole.upperBound
            let whole = original[line.whole]
            guard changed.contains(index) else {
                result += whole
                continue
            }
            let end = whole.suffix(2).elementsEqual("\r\n".utf8) ? "\r\n" : "\n"
            result += Array("\(line.text)\(end)".utf8)
        }
        result += original[position...]
        if let last = result.last, last != UInt8(ascii: "\n") { result.append(UInt8(ascii: "\n")) }
        for line in lines where line.number == 0 { result += Array("\(line.text)\n".utf8) }
        return result
    }
}

extension RosterLine {
    /// Returns true if the key is neither revoked nor expired at this time.
    func mayJoin(at time: UnixTime) -> Bool {
        revokedAt == nil && until.map { time < $0 } ?? true
    }
}
