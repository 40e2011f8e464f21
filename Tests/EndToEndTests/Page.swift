internal import Foundation

/// The text of a file of the package. If the file is Markdown, its headings and tables can be read.
struct Page {
    let text: String

    init(_ path: String) throws {
        text = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// The root folder of the package.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    var headings: [String] { lines.filter { $0.hasPrefix("## ") }.map { String($0.dropFirst(3)) } }

    /// Returns the table under a heading: the cells of each row, without backticks. The header row is left out.
    func rows(under heading: String) -> [[String]] {
        lines.drop { $0 != heading }.dropFirst().prefix { !$0.hasPrefix("## ") && !$0.hasPrefix("### p2p") }
            .filter { $0.hasPrefix("|") }.dropFirst(2)
            .map { line in
                line.dropFirst().dropLast().replacing("\\|", with: "\u{0}").split(separator: "|")
                    .map {
                        $0.replacing("\u{0}", with: "|").replacing("`", with: "")
                            .trimmingCharacters(in: .whitespaces)
                    }
            }
    }
}
