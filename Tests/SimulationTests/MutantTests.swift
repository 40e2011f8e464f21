import Foundation
import MeshSimulator
import Testing

/// Tests the list of mutants. A mutant is a deliberate fault in the protocol's code, which the simulator must detect.
/// `scripts/mutants` builds and runs the mutants. These tests check that the list is complete and that each patch fits
/// the code.
@Suite struct MutantTests {
    private struct Mutant {
        let name: String
        let lines: [Substring]

        func field(_ field: String) -> String? {
            lines.first { $0.hasPrefix("\(field): ") }.map { String($0.dropFirst(field.count + 2)) }
        }

        /// The edits of the patch. Each has a file, and the edited lines before and after the edit.
        var edits: [(file: String, before: [Substring], after: [Substring])] {
            var edits: [(file: String, before: [Substring], after: [Substring])] = []
            var file = ""
            for line in lines.drop(while: { !$0.hasPrefix("--- ") }) {
                if line.hasPrefix("--- a/") { file = String(line.dropFirst(6)) }
                if line.hasPrefix("--- ") || line.hasPrefix("+++ ") { continue }
                if line.hasPrefix("@@") {
                    edits.append((file, [], []))
                    continue
                }
                guard let mark = line.first, !edits.isEmpty else { continue }
                if mark != "+" { edits[edits.count - 1].before.append(line.dropFirst()) }
                if mark != "-" { edits[edits.count - 1].after.append(line.dropFirst()) }
            }
            return edits
        }
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func mutants() throws -> [Mutant] {
        let folder = Self.root.appendingPathComponent("Tests/Mutants/Patches")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
            let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            return Mutant(
                name: String(name.dropLast(".patch".count)),
                lines: text.split(separator: "\n", omittingEmptySubsequences: false).dropLast())
        }
    }

    @Test func `each mutant has a description, a seed that catches it and a reason`() throws {
        let mutants = try mutants()
        #expect(mutants.count >= 20)
        for mutant in mutants {
            #expect(mutant.lines.first?.isEmpty == false, "\(mutant.name)")
            #expect(mutant.field("seed").flatMap { UInt64($0) } != nil, "\(mutant.name)")
            #expect(mutant.field("reason")?.isEmpty == false, "\(mutant.name)")
            let scenario = mutant.field("scenario")
            #expect(scenario.map { HostScenario(rawValue: $0) != nil } ?? true, "\(mutant.name)")
        }
    }

    @Test func `each guard against overload has a mutant`() throws {
        let guards = try mutants().compactMap { $0.field("guard") }
        #expect(
            Set(guards) == [
                "drain before silence", "own lateness", "faster heartbeats after a missed PULSE", "solicited PULSE",
                "PULSEs to silent members", "new token returned at once", "backoff", "jitter of the backoff",
                "fan-out budget", "growing ticks", "correlated-failure hold", "more time while many join",
                "snapshot paced by receipt", "late reports of departure", "share of HELLOs without a cookie",
                "pace of members that keep up",
            ])
    }

    @Test func `each mutant fits the code, and can be switched on by its name`() throws {
        for mutant in try mutants() {
            #expect(!mutant.edits.isEmpty, "\(mutant.name)")
            let added = mutant.edits.flatMap(\.after).joined(separator: "\n")
            #expect(added.contains("Mutant.is(\"\(mutant.name)\")"), "\(mutant.name)")
            for edit in mutant.edits {
                let source = try String(contentsOf: Self.root.appendingPathComponent(edit.file), encoding: .utf8)
                let count = source.ranges(of: edit.before.joined(separator: "\n")).count
                #expect(count == 1, "\(mutant.name): make the patch anew: \(edit.file) has it \(count) times")
            }
        }
    }
}
