internal import Foundation

/// A file of the package, and the tables in it if it is Markdown.
struct Document {
    let text: String
    let lines: [Substring]

    init(_ path: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The lines after the heading that begins so, up to the next heading of any level.
    func section(_ heading: String) -> [Substring] {
        Array(lines.drop { !$0.hasPrefix(heading) }.dropFirst().prefix { !$0.hasPrefix("#") })
    }

    /// The cells of all tables in a section, without the rows that head them and without backticks.
    func rows(under heading: String) -> [[String]] {
        var rows: [[String]] = []
        for line in section(heading) where line.hasPrefix("|") {
            if line.hasPrefix("|---") {
                rows.removeLast()
            } else {
                let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                rows.append(
                    cells.map { $0.replacing("`", with: "").trimmingCharacters(in: .whitespaces) })
            }
        }
        return rows
    }
}
