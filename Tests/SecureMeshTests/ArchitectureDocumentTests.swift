import Foundation
import Testing

/// Compares ARCHITECTURE.md with the code.
@Suite("Architecture document") struct ArchitectureDocumentTests {
    /// One line of a datagram's path in ARCHITECTURE.md: a type, and a function of that type.
    private struct Step: Equatable {
        let type: String
        let function: String
    }

    /// The kinds of datagrams whose paths ARCHITECTURE.md lists, each with the function at which its path begins.
    private static let entries: [(kind: String, entry: Step)] = [
        ("HELLO", Step(type: "Registry", function: "handle")),
        ("CONFIRM", Step(type: "Registry", function: "handle")),
        ("HEARTBEAT", Step(type: "Registry", function: "handle")),
        ("MESSAGE", Step(type: "Peer", function: "handle")),
    ]

    /// Returns the steps that ARCHITECTURE.md lists under the heading `### kind`, in order.
    private func path(of kind: String) throws -> [Step] {
        let page = try Document("ARCHITECTURE.md")
        let section = page.text.components(separatedBy: "\n## A datagram's path\n").dropFirst().first
        let lines = try #require(section).components(separatedBy: "\n## ")[0].split(separator: "\n")
        return lines.drop { $0 != "### \(kind)" }.dropFirst().prefix { !$0.hasPrefix("#") }.compactMap { line in
            line.firstMatch(of: #/^\d+\. `(\w+)\.(\w+)`/#).map {
                Step(type: String($0.output.1), function: String($0.output.2))
            }
        }
    }

    @Test("each path begins where the machine is handed the datagram, and ends where its signature has been verified")
    func ends() throws {
        for (kind, entry) in Self.entries {
            let path = try path(of: kind)
            #expect(path.first == entry, "\(kind)")
            #expect(path.contains(Step(type: "Opened", function: "verified")), "\(kind)")
        }
    }

    @Test("each function of a path exists in a file that declares or extends its type") func functionsExist() throws {
        let core = try SourceFile.core
        for (kind, _) in Self.entries {
            for step in try path(of: kind) {
                let exists = try core.contains { file in
                    let type = try Regex(
                        "(?m)^(?:package |public )?(?:final )?(?:struct|class|enum|extension) \(step.type)\\b")
                    let function = try Regex("\\bfunc \(step.function)\\b")
                    return file.text.contains(type) && file.text.contains(function)
                }
                #expect(exists, "\(kind): \(step.type).\(step.function)")
            }
        }
    }

    @Test("no path comes back to a type that it has left") func visitedOnce() throws {
        for (kind, _) in Self.entries {
            var types: [String] = []
            for step in try path(of: kind) where types.last != step.type { types.append(step.type) }
            #expect(Set(types).count == types.count, "\(kind): \(types)")
        }
    }
}
