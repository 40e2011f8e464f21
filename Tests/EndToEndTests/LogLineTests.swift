internal import Logging
internal import Testing

@testable internal import p2p

@Suite("a line of the log")
struct LogLineTests {
    private func formatted(_ line: LogLine, _ format: LogFormat, isColored: Bool = false) -> String {
        var style = OutputStyle()
        style.format = format
        return line.formatted(as: style, time: "TIME", isColored: isColored)
    }

    private let forged = LogLine(
        level: .notice, event: "test", message: "one\n2026 error two\u{1B}[2J\u{202E}",
        fields: [("name", .text("A count=9\" x=\u{7}\u{85}\\")), ("count", .number(3))], isOfLog: true)

    @Test("text: a value cannot look like another field or another line")
    func text() {
        #expect(
            formatted(forged, .text)
                == #"TIME notice one\n2026 error two\u{1b}[2J\u{202e} name="A count=9\" x=\u{7}\u{85}\\" count=3"#
                + "\n")
    }

    @Test("journal: the priority is in front, and no text can add one")
    func journal() {
        #expect(
            formatted(forged, .journal)
                == #"<5>one\n2026 error two\u{1b}[2J\u{202e} name="A count=9\" x=\u{7}\u{85}\\" count=3"# + "\n")
        let failure = LogLine(level: .error, event: "error", message: "no", hint: "a\n<0>b")
        #expect(formatted(failure, .journal) == "<3>error: no\n<3>hint: a\\n<0>b\n")
    }

    @Test("json: control characters are escaped as JSON does")
    func json() {
        #expect(
            formatted(forged, .json)
                == #"{"time":"TIME","level":"notice","event":"test","#
                + #""message":"one\u000a2026 error two\u001b[2J\u202e","#
                + #""name":"A count=9\" x=\u0007\u0085\\","count":3}"# + "\n")
        let tag = LogLine(level: .info, event: "test", message: "\u{E0001}")
        #expect(formatted(tag, .json).contains(#""message":"\udb40\udc01""#))
    }

    @Test("a color for warnings and errors only, and only in text")
    func color() {
        let warning = LogLine(level: .warning, event: "warning", message: "w")
        #expect(formatted(warning, .text, isColored: true) == "p2p: \u{1B}[33mwarning:\u{1B}[0m w\n")
        #expect(formatted(warning, .json, isColored: true).contains("\u{1B}") == false)
        #expect(formatted(LogLine(level: .notice, event: "note", message: "n"), .text, isColored: true) == "p2p: n\n")
    }
}
