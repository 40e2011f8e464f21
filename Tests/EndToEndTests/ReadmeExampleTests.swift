internal import Foundation
internal import Testing

/// Checks that the example of README.md is one of the snippets, which the build compiles.
@Suite("README.md")
struct ReadmeExampleTests {
    @Test("the example is the snippet EightLinePeer, and a peer takes eight lines")
    func example() throws {
        let page = try Page("README.md").text
        let block = try #require(page.firstMatch(of: /```swift\n((?:.|\n)*?)```/)).output.1
        let snippet = try Page("Snippets/EightLinePeer.swift").text
        let shown = try #require(snippet.firstMatch(of: /\/\/ snippet\.show\n((?:.|\n)*)$/)).output.1
        #expect(block == shown)
        let statements = shown.split(separator: "\n").filter { !$0.hasPrefix("import ") }
        #expect(statements.count == 8)
    }
}
