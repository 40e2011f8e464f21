/// The lines that wait for one stream, in order. Their size is bounded. Lines that do not fit are dropped, and a line
/// in their place says how many were dropped.
struct WaitingLines {
    private struct Line {
        /// The position of the line among the lines of all streams.
        let order: UInt64
        let bytes: [UInt8]
    }

    private let limit: Int
    private let lostLine: (Int) -> [UInt8]
    private var lines: [Line] = []
    /// The index of the first line that is not completely written, and the number of bytes of this line that are
    /// written.
    private var (head, written) = (0, 0)
    private var size = 0
    /// The number of lines that were dropped after the last line in `lines`.
    private(set) var lost = 0

    /// - Parameters:
    ///   - limit: The largest number of bytes that may wait. A longer line is accepted only if no other line waits.
    ///   - lostLine: Makes the line that says how many lines were dropped.
    init(limit: Int, lostLine: @escaping (Int) -> [UInt8]) {
        self.limit = limit
        self.lostLine = lostLine
    }

    var isEmpty: Bool { head == lines.count }
    var count: Int { lines.count - head + lost }
    /// The position of the first waiting line; nil if no line waits.
    var order: UInt64? { isEmpty ? nil : lines[head].order }

    /// Returns true if `append` would not drop a line of `bytes` bytes.
    func hasRoom(for bytes: Int) -> Bool {
        isEmpty || size + bytes + (lost > 0 ? lostLine(lost).count : 0) <= limit
    }

    /// Appends a line, or drops the line if there is no room.
    mutating func append(_ bytes: [UInt8], order: UInt64) {
        guard hasRoom(for: bytes.count) else {
            lost += 1
            return
        }
        if lost > 0 { push(lostLine(lost), order: order) }
        lost = 0
        push(bytes, order: order)
    }

    /// Returns the next bytes to write: the rest of the first line, and as many further lines as fit completely.
    /// Returns an empty array if no line waits.
    ///
    /// - Parameters:
    ///   - most: The largest number of bytes to return. If the rest of the first line is longer, only its beginning is
    ///     returned.
    ///   - limit: A position among the lines of all streams. A further line is returned only if its own position is
    ///     lower; nil for no such limit.
    func next(_ most: Int, before limit: UInt64?) -> [UInt8] {
        guard !isEmpty else { return [] }
        var bytes = Array(lines[head].bytes.dropFirst(written).prefix(most))
        for line in lines[(head + 1)...] {
            guard bytes.count + line.bytes.count <= most, limit.map({ line.order < $0 }) ?? true else { break }
            bytes += line.bytes
        }
        return bytes
    }

    /// Removes the first `count` bytes, which have been written.
    mutating func remove(_ count: Int) {
        size -= count
        written += count
        while !isEmpty, written >= lines[head].bytes.count {
            written -= lines[head].bytes.count
            head += 1
        }
        if isEmpty, lost > 0 {
            push(lostLine(lost), order: lines.last?.order ?? 0)
            lost = 0
        }
        guard head > lines.count / 2 else { return }
        lines.removeFirst(head)
        head = 0
    }

    /// Removes all lines.
    mutating func removeAll() {
        (lines, head, written, size, lost) = ([], 0, 0, 0, 0)
    }

    private mutating func push(_ bytes: [UInt8], order: UInt64) {
        lines.append(Line(order: order, bytes: bytes))
        size += bytes.count
    }
}
