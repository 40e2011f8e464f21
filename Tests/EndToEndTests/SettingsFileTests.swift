internal import Testing

@testable import p2p

@Suite("settings file")
struct SettingsFileTests {
    private static func refusal(_ text: String) -> String? {
        do {
            _ = try SettingsFile(text, path: "f")
            return nil
        } catch {
            #expect(error.code == .configuration)
            return error.message
        }
    }

    @Test("tables, texts, numbers, booleans, arrays and comments are read")
    func values() throws {
        let file = try SettingsFile(
            """
            # a comment
            keys = 'C:\\keys'   # another one

            [server]
            listen = [
              "127.0.0.1:3000",  # a comment in an array
              "[::1]:3000",
            ]
            open = true
            max-peers = 1_000
            [peer]
            message = "say \\"hi\\"\\t\\\\"
            none = []
            """, path: "f")
        #expect(file.tables.map(\.name) == ["server", "peer"])
        #expect(file.entries.map(\.key) == ["keys", "listen", "open", "max-peers", "message", "none"])
        #expect(file.entries.map(\.table) == [nil, "server", "server", "server", "peer", "peer"])
        let contents = file.entries.map(\.value.content)
        #expect(contents[0] == .string("C:\\keys"))
        guard case .array(let listen) = contents[1] else { return #expect(Bool(false)) }
        #expect(listen.map(\.content) == [.string("127.0.0.1:3000"), .string("[::1]:3000")])
        #expect(listen.map(\.position) == [.init(line: 6, column: 3), .init(line: 7, column: 3)])
        #expect(contents[2...] == [.boolean(true), .integer(1_000), .string("say \"hi\"\t\\"), .array([])])
        #expect(file.entries[3].position == .init(line: 10, column: 1))
        #expect(file.entries[3].value.position == .init(line: 10, column: 13))
    }

    @Test("lines that end with CR LF are read, and the last line needs no end")
    func lineEnds() throws {
        let file = try SettingsFile("a = 1\r\n\r\n[server]\r\nb = 2", path: "f")
        #expect(file.entries.map(\.position.line) == [1, 4])
        #expect(try SettingsFile("", path: "f").entries.isEmpty)
    }

    static let refusals: [(text: String, message: String)] = [
        ("a", "f:1:2: a line is KEY = VALUE"), ("a = ", "f:1:5: a value is"), ("a = b", "f:1:5: b is neither true"),
        ("\n a = \"x", "f:2:6: this text has no closing \""), ("a = 'x\n'", "f:1:5: this text has no closing '"),
        ("a = 1 2", "f:1:7: unexpected text"), ("a = 1.5", "f:1:5: 1.5 is not a whole number"),
        ("a = 99999999999999999999", "f:1:5: 99999999999999999999 is not"), ("= 1", "f:1:1: a key is"),
        ("a = 007", "f:1:5: 007 is not a whole number"), ("a = 1__0", "f:1:5: 1__0 is not a whole number"),
        ("\"a\" = 1", "f:1:1: a key is"), ("a = 1\na = 2", "f:2:1: a is set already"), ("[a", "f:1:3: the name of"),
        ("[a]\n[a]", "f:2:1: the table [a] is there already"), ("[a.b]", "f:1:3: the name of a table ends"),
        ("a = [1", "f:1:5: this array has no ]"), ("a = [1 2]", "f:1:8: the values of an array have commas"),
        ("a = [[1]]", "f:1:6: a value is"), ("a = {b = 1}", "f:1:5: a value is"),
        ("a = \"\"\"x\"\"\"", "f:1:5: a text in three quotes"), ("a = \"\\n\"", "f:1:6: the escapes are \\\""),
        ("a = \"\u{7}\"", "f:1:6: a text contains a control character"), ("# \u{0}", "f:1:3: a comment contains"),
        ("a = \"x\\", "f:1:7: the escapes are"), ("a = [", "f:1:5: this array has no ]"),
    ]

    @Test("a wrong file is refused with line and column", arguments: refusals)
    func wrong(_ text: String, message: String) {
        let refusal = Self.refusal(text)
        #expect(refusal?.hasPrefix(message) == true, "\(refusal ?? "read")")
    }

    @Test("text of every kind is read or refused, and never traps")
    func random() {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        var state = seed
        let letters = Array("ab[]='\"\\,#\n\r\t 01-_.{}\u{7}é\u{301}")
        for _ in 0..<5_000 {
            var text = ""
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text.append(letters[Int(state >> 33) % letters.count])
            }
            if let refusal = Self.refusal(text) { #expect(refusal.hasPrefix("f:"), "seed \(seed)") }
        }
    }
}

@Suite("near misses")
struct NearMissTests {
    @Test("the most similar word is suggested, and none if none is similar")
    func best() {
        let words = ["heartbeat", "lifetime", "listen", "open"]
        #expect(NearMiss.best(of: words, for: "heartbeet") == "heartbeat")
        #expect(NearMiss.best(of: words, for: "hartbeat") == "heartbeat")
        #expect(NearMiss.best(of: words, for: "life-time") == "lifetime")
        #expect(NearMiss.best(of: words, for: "lisen") == "listen")
        #expect(NearMiss.best(of: words, for: "database") == nil)
        #expect(NearMiss.best(of: words, for: "x") == nil)
        #expect(NearMiss.best(of: [], for: "x") == nil)
    }
}
