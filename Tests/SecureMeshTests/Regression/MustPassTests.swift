import SecureMesh
import Testing

/// Compares the table of docs/conformance.md with the tests that it names.
@Suite("Must-pass cases")
struct MustPassTests {
    @Test("each of the must-pass cases names tests that exist")
    func table() throws {
        let rows = try Document("docs/conformance.md").rows(under: "# Conformance")
        #expect(rows.map { $0[0] } == (1...64).map(String.init))
        for row in rows {
            #expect(row.count == 3 && !row[1].isEmpty)
            var declared: Set<String> = []
            var named = 0
            // A cell names a file, followed by tests in that file. Further files with their tests may follow.
            for match in row[2].matches(of: /([\w\/]+\.swift)|"([^"]+)"/) {
                if let path = match.1 {
                    declared = try Self.tests(in: String(path))
                } else if let name = match.2 {
                    named += 1
                    #expect(declared.contains(String(name)), "\(row[0]): no test \"\(name)\"")
                }
            }
            #expect(named > 0, "\(row[0]) names no test")
        }
    }

    /// Returns the names of the tests that a file contains, without backticks, as `Document.rows` returns them.
    private static func tests(in path: String) throws -> Set<String> {
        let text = try Document("Tests/SecureMeshTests/" + path).text
        return Set(text.matches(of: /@Test\(\s*"([^"]+)"/).map { String($0.1).replacing("`", with: "") })
    }
}
