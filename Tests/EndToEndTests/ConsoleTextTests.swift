internal import Testing

@testable import p2p

@Suite("text from others on the terminal")
struct ConsoleTextTests {
    @Test("many combining marks on a character cannot cover the lines around it")
    func marks() {
        #expect(Console.escaped("e\u{301}") == "e\u{301}")
        #expect(Console.escaped("ế\u{323}") == "ế\u{323}")
        let pile = Console.escaped("Z" + String(repeating: "\u{334}", count: 50) + "y")
        #expect(pile.unicodeScalars.filter { $0 == "\u{334}" }.count == 3)
        #expect(pile.hasSuffix("\\u{334}y"))
    }
}
