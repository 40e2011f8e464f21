internal import Testing

@testable import p2p

@Suite("lines that wait for a stream")
struct WaitingLinesTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func lines(limit: Int) -> WaitingLines {
        WaitingLines(limit: limit) { Self.bytes("[\($0) lost]") }
    }

    /// Removes all bytes from `lines`, at most `most` bytes per step, and returns them as text.
    private func drain(_ lines: inout WaitingLines, most: Int = 1_000) -> String {
        var all: [UInt8] = []
        while !lines.isEmpty {
            let next = lines.next(most, before: nil)
            #expect(!next.isEmpty && next.count <= most)
            all += next
            lines.remove(next.count)
        }
        return String(decoding: all, as: UTF8.self)
    }

    @Test("lines are written in order, in pieces of any size", arguments: 1...12)
    func order(most: Int) {
        var lines = lines(limit: 100)
        for (index, text) in ["one ", "a longer line ", "three "].enumerated() {
            lines.append(Self.bytes(text), order: UInt64(index))
        }
        #expect(drain(&lines, most: most) == "one a longer line three ")
    }

    @Test("lines beyond the limit are dropped, and one line in their place says how many")
    func limit() {
        var lines = lines(limit: 20)
        for index in 0..<5 { lines.append(Self.bytes("12345678 "), order: UInt64(index)) }
        #expect(lines.lost == 3)
        lines.remove(18)
        #expect(drain(&lines) == "[3 lost]")
        lines.append(Self.bytes("next"), order: 9)
        #expect(drain(&lines) == "next")
    }

    @Test("a line for which there is room again comes after the line about the dropped ones")
    func roomAgain() {
        var lines = lines(limit: 30)
        for index in 0..<4 { lines.append(Self.bytes("12345678 "), order: UInt64(index)) }
        #expect(lines.lost == 1)
        lines.remove(18)
        lines.append(Self.bytes("next"), order: 9)
        #expect(drain(&lines) == "12345678 [1 lost]next")
    }

    @Test("one line may be longer than the limit")
    func longLine() {
        var lines = lines(limit: 4)
        lines.append(Self.bytes("longer"), order: 0)
        #expect(drain(&lines, most: 4) == "longer")
    }

    @Test("lines of one stream are not written before an older line of another stream")
    func streams() {
        var lines = lines(limit: 100)
        for index in [1, 3, 5] { lines.append(Self.bytes("\(index) "), order: UInt64(index)) }
        #expect(String(decoding: lines.next(100, before: 4), as: UTF8.self) == "1 3 ")
        #expect(lines.order == 1)
    }
}
