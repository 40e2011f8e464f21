internal import Foundation

/// A text file of the package. If the file is Markdown, its sections and tables can be read.
struct Document {
    let text: String
    let lines: [Substring]

    /// The folder of the package.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    init(_ path: String) throws {
        text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// Returns the lines that follow the first line beginning with `heading`, up to the next heading of any level.
    func section(_ heading: String) -> [Substring] {
        Array(lines.drop { !$0.hasPrefix(heading) }.dropFirst().prefix { !$0.hasPrefix("#") })
    }

    /// Returns the rows of all tables in a section: the cells of each row, without backticks. Header rows are left out.
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
