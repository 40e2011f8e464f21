import Foundation
import Testing

/// Tests the documentation of the public API, which scripts/docs builds.
@Suite("Documentation of the library")
struct DocumentationTests {
    private static var sources: [SourceFile] { get throws { try SourceFile.runtime + SourceFile.core } }

    @Test("every public type has a topic, and no topic is without a type") func topics() throws {
        let page = try Document("Sources/SecureMesh/SecureMesh.docc/SecureMesh.md")
        let topics = page.text.matches(of: #/^- ``(\w+)``$/#.anchorsMatchLineEndings()).map { String($0.output.1) }
        let types = try Self.sources.flatMap(\.lines)
            .compactMap { $0.firstMatch(of: #/^public (?:final )?(?:struct|enum|class|protocol|actor) (\w+)/#) }
            .map { String($0.output.1) }
        #expect(types.count > 20)
        #expect(topics.sorted() == types.sorted())
    }

    @Test("every public symbol has a doc comment, every case of a public enumeration too") func comments() throws {
        let declaration = #/^ *public (?!import|extension|convenience init\(\))/#
        for source in try Self.sources {
            var enumeration: Substring?
            for (index, line) in source.lines.enumerated() {
                let indent = line.prefix { $0 == " " }
                if line.contains(#/^ *public enum /#) { enumeration = indent }
                if line == (enumeration ?? "-") + "}" { enumeration = nil }
                // Only a case of an enumeration counts. A case of a switch does not.
                let isCase = enumeration.map { line.hasPrefix("\($0)    case ") } ?? false
                guard isCase || line.contains(declaration) else { continue }
                let before = source.lines[..<index].last { !$0.contains(#/^ *@\w+/#) } ?? ""
                #expect(before.contains(#/^ *\/\/\//#), "\(source.path):\(index + 1): \(line)")
            }
        }
    }

    @Test("every public enumeration whose cases may become more is nonexhaustive") func enumerations() throws {
        for source in try Self.sources {
            for (index, line) in source.lines.enumerated() where line.contains(#/^ *public enum (?!IP\b)/#) {
                #expect(source.lines[index - 1].contains("@nonexhaustive"), "\(source.path):\(index + 1)")
            }
        }
    }
}
