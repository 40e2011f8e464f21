import Foundation
import SelfTest
import Testing

@Suite("Vectors")
struct VectorTests {
    @Test("the core computes every value of a section, and decodes its datagram", arguments: VectorCheck.sections)
    func section(_ name: String) throws {
        #expect(try VectorCheck.failures(in: name, of: Vectors(text: Vectors.text)) == [])
    }

    @Test("the vectors have these sections and no others, and each datagram is accepted")
    func all() throws {
        let datagrams = try VectorCheck.published()
        #expect(datagrams.map(\.name) == VectorCheck.sections.filter { $0 != "keys" && $0 != "digest" })
        for datagram in datagrams { #expect(datagram.refusal(of: datagram.bytes) == nil, "\(datagram.name)") }
    }

    @Test("the vectors that are built in are those of vectors.txt")
    func builtIn() throws {
        #expect(try Vectors.text == Document("Tests/SecureMeshTests/Vectors/vectors.txt").text)
    }

    @Test("reference.py, which is written from PROTOCOL.md alone, computes vectors.txt")
    func reference() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let files = ["reference.py", "vectors.txt"].map { folder.appending(path: $0).path }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", files[0], "--check", files[1]]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("a changed digit in any value is found", arguments: VectorCheck.sections)
    func altered(_ name: String) throws {
        let lines = Vectors.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let start = try #require(lines.firstIndex(of: "[\(name)]"))
        for index in lines[(start + 1)...].indices {
            guard !lines[index].hasPrefix("[") else { break }
            guard let last = lines[index].last, lines[index].contains(" = ") else { continue }
            var altered = lines
            altered[index] = lines[index].dropLast() + (last == "0" ? "1" : "0")
            let vectors = try Vectors(text: altered.joined(separator: "\n"))
            let failures = Result { try VectorCheck.failures(in: name, of: vectors) }
            #expect((try? failures.get()) != [], "\(lines[index])")
        }
    }
}
