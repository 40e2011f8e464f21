internal import Foundation
internal import Testing

/// The source text of one Swift file of the package.
struct SourceFile {
    /// The path from the folder that contains the file, such as `Crypto/Sodium.swift`.
    let path: String
    let folder: String
    /// The first folder below `Sources` or `Tests`, such as `SecureMeshCore`. Most of these folders are targets.
    let target: Substring
    let text: String
    let lines: [Substring]
    /// The text of the file without comments, and without the contents of string literals.
    let code: String
    let words: Set<String>

    var imports: Set<String> { Set(code.matches(of: #/\bimport\s+(\w+)/#).map { String($0.output.1) }) }

    var declaredTypes: Set<String> {
        Set(code.matches(of: #/\b(?:struct|enum|class|protocol|actor)\s+([A-Z]\w*)/#).map { String($0.output.1) })
    }

    static let sources = Result { try all(under: "Sources") }
    static let tests = Result { try all(under: "Tests") }
    static var core: [SourceFile] { get throws { try files(of: "SecureMeshCore") } }
    static var runtime: [SourceFile] { get throws { try files(of: "SecureMesh") } }

    static func files(of target: String) throws -> [SourceFile] {
        let files = try sources.get().filter { $0.target == target }
        try #require(!files.isEmpty, "no sources of \(target)")
        return files
    }

    private static func all(under folder: String) throws -> [SourceFile] {
        let start = Document.root.appendingPathComponent(folder)
        let names = try #require(FileManager.default.enumerator(atPath: start.path))
        var files: [SourceFile] = []
        for case let name as String in names where name.hasSuffix(".swift") {
            files.append(SourceFile(name, in: folder, try Document("\(folder)/\(name)")))
        }
        try #require(!files.isEmpty, "no sources under \(folder)")
        return files.sorted { $0.path < $1.path }
    }

    private init(_ name: String, in root: String, _ document: Document) {
        let parts = "\(root)/\(name)".split(separator: "/").suffix(2)
        path = parts.joined(separator: "/")
        folder = parts.count == 2 ? String(parts[parts.startIndex]) : ""
        target = name.prefix { $0 != "/" }
        (text, lines) = (document.text, document.lines)
        code = lines.map(Self.strip).joined(separator: "\n")
        words = Set(code.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
    }

    /// Removes comments and the text of string literals. Keeps the interpolated expressions in string literals.
    private static func strip(_ line: Substring) -> String {
        let noStrings = line.replacing(#/"(?:[^"\\]|\\[^(])*"/#, with: "\"\"")
        return String(noStrings.prefix(upTo: noStrings.firstRange(of: "//")?.lowerBound ?? noStrings.endIndex))
    }
}
