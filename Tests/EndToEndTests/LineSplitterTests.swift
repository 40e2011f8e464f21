internal import Testing

@testable import p2p

@Suite("lines of standard input")
struct LineSplitterTests {
    /// Splits `bytes` into lines. The splitter receives the bytes in pieces of `size` bytes.
    private func lines(of bytes: [UInt8], in size: Int, limit: Int = 8) -> [LineSplitter.Line] {
        var splitter = LineSplitter(limit: limit)
        var lines: [LineSplitter.Line] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            splitter.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let line = splitter.next() { lines.append(line) }
        }
        splitter.finish()
        while let line = splitter.next() { lines.append(line) }
        return lines
    }

    @Test("lines end with LF or CR LF, the last one also with neither, in pieces of any size", arguments: 1...30)
    func ends(size: Int) {
        #expect(lines(of: Array("a\r\n\nb c\nlast".utf8), in: size) == ["a", "", "b c", "last"].map { .text($0) })
        #expect(lines(of: Array("a\n".utf8), in: size) == [.text("a")])
    }

    @Test("lines that are too long or not UTF-8 are refused, and the line after them is not", arguments: 1...30)
    func refusals(size: Int) {
        let bytes = Array("12345678\n123456789\n".utf8) + [0xC3, 10] + Array("x\n1234567890123456".utf8)
        #expect(
            lines(of: bytes, in: size) == [.text("12345678"), .tooLong, .notUTF8, .text("x"), .tooLong])
    }
}
