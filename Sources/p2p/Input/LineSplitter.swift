/// Divides bytes into lines of UTF-8. The memory of a splitter is bounded, however long a line is.
struct LineSplitter {
    enum Line: Equatable, Sendable {
        case text(String)
        case notUTF8
        case tooLong
    }

    private let limit: Int
    private var bytes: [UInt8] = []
    /// Two indices in `bytes`: `start`, of the first byte after the returned lines, and `searched`, of the first byte
    /// that has not been searched for a line end.
    private var (start, searched) = (0, 0)
    /// True while the rest of a line that is too long is being dropped.
    private var isDropping = false
    private var hasEnded = false

    /// - Parameter limit: The largest number of bytes of a line.
    init(limit: Int) {
        self.limit = limit
    }

    mutating func append(_ more: [UInt8]) {
        bytes.removeFirst(start)
        (start, searched) = (0, searched - start)
        bytes += more
    }

    /// Notes that the input has ended. If bytes follow the last line end, `next` returns them as a line.
    mutating func finish() {
        hasEnded = true
    }

    /// Returns the next line without its line end (LF or CR LF); nil if there is no complete line.
    mutating func next() -> Line? {
        if let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
            return take(bytes[start..<end], after: end + 1)
        }
        searched = bytes.count
        if bytes.count - start > limit {
            isDropping = true
            start = bytes.count
        }
        guard hasEnded, isDropping || start < bytes.count else { return nil }
        return take(bytes[start...], after: bytes.count)
    }

    private mutating func take(_ content: ArraySlice<UInt8>, after end: Int) -> Line {
        defer { (start, searched, isDropping) = (end, end, false) }
        let line = content.last == UInt8(ascii: "\r") ? content.dropLast() : content
        guard !isDropping, line.count <= limit else { return .tooLong }
        return String(validating: line, as: UTF8.self).map(Line.text) ?? .notUTF8
    }
}
