/// Checks a page as an XML parser does. Tags must nest, attributes must have quotes and must not be repeated, and
/// special characters must be escaped.
struct PageChecker {
    /// The errors that were found in the page.
    private(set) var complaints: [String] = []
    /// The attributes of all tags, in the order of the page.
    private(set) var attributes: [(tag: String, name: String, value: String)] = []
    private(set) var tags: Set<String> = []
    /// The text of the page outside of the tags.
    private(set) var text = ""

    private var open: [String] = []

    init(_ page: String) {
        let start = "<!DOCTYPE html>\n"
        guard page.hasPrefix(start) else {
            complaints.append("no document type")
            return
        }
        var rest = page.dropFirst(start.count)
        while let opening = rest.firstIndex(of: "<") {
            read(text: rest[..<opening])
            guard let closing = rest[opening...].firstIndex(of: ">") else {
                complaints.append("a tag that does not end: \(rest[opening...].prefix(40))")
                return
            }
            read(tag: rest[rest.index(after: opening)..<closing])
            rest = rest[rest.index(after: closing)...]
        }
        read(text: rest)
        if !open.isEmpty { complaints.append("never closed: \(open)") }
        let ids = attributes.filter { $0.name == "id" }.map(\.value)
        if Set(ids).count != ids.count { complaints.append("an id twice") }
        for (_, name, value) in attributes where name == "href" || name == "aria-labelledby" {
            let id = value.hasPrefix("#") ? String(value.dropFirst()) : value
            if !ids.contains(id) { complaints.append("no id \(id)") }
        }
    }

    private mutating func read(text: Substring) {
        self.text += text
        if text.contains(">") { complaints.append("an unescaped >: \(text.prefix(40))") }
        read(references: text)
    }

    private mutating func read(references text: Substring) {
        for piece in text.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
            let isKnown = ["amp;", "lt;", "gt;", "quot;", "#39;"].contains { piece.hasPrefix($0) }
            if !isKnown { complaints.append("an unescaped &: \(piece.prefix(20))") }
        }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" }) {
            complaints.append("a control character")
        }
    }

    private mutating func read(tag: Substring) {
        if tag.first == "/" {
            let name = String(tag.dropFirst())
            if open.popLast() != name { complaints.append("</\(name)> closes what is not open") }
            return
        }
        let isEmpty = tag.last == "/"
        let body = isEmpty ? tag.dropLast() : tag
        let name = String(body.prefix { $0.isLetter || $0.isNumber })
        tags.insert(name)
        if !isEmpty { open.append(name) }
        var rest = body.dropFirst(name.count)
        var seen: Set<String> = []
        while !rest.allSatisfy(\.isWhitespace) {
            let spaces = rest.prefix(while: \.isWhitespace)
            let key = rest.dropFirst(spaces.count).prefix { $0.isLetter || $0.isNumber || "-:".contains($0) }
            let value = rest.dropFirst(spaces.count + key.count)
            guard !spaces.isEmpty, !key.isEmpty, value.hasPrefix("=\""),
                let end = value.dropFirst(2).firstIndex(of: "\"")
            else {
                complaints.append("not an attribute: \(rest.prefix(40))")
                return
            }
            let inner = value.dropFirst(2)[..<end]
            if inner.contains("<") { complaints.append("an unescaped <: \(inner.prefix(40))") }
            if !seen.insert(String(key)).inserted { complaints.append("\(key) twice in <\(name)>") }
            attributes.append((name, String(key), String(inner)))
            read(references: inner)
            rest = rest[rest.index(after: end)...]
        }
    }
}
