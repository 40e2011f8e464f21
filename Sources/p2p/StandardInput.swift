internal import SecureMesh

/// Reads standard input.
struct StandardInput {
    private var rest: [UInt8] = []
    private var hasEnded = false

    /// Returns all bytes until the end of the input. If there are more than `limit` bytes, returns only the first
    /// `limit` + 1, so that the caller can tell that there are too many.
    mutating func all(limit: Int) throws -> [UInt8] {
        while !hasEnded, rest.count <= limit { try read() }
        defer { rest = [] }
        return Array(rest.prefix(limit + 1))
    }

    /// Returns the next line without its newline; nil at the end of the input.
    ///
    /// If the line has more than `limit` bytes, the result has more than `limit` bytes too, but may lack the end of the
    /// line. So the caller can tell that the line is too long.
    mutating func line(limit: Int) throws -> [UInt8]? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeFirst(end + 1) }
                return Array(rest[..<end])
            }
            if rest.count > limit || hasEnded {
                defer { rest = [] }
                return rest.isEmpty ? nil : Array(rest.prefix(limit + 1))
            }
            try read()
        }
    }

    private mutating func read() throws {
        guard !StandardStreams.inputWasClosed else { throw Failure(.inputOutput, "standard input is closed") }
        do throws(SystemError) {
            let bytes = try FileSystem.readSome(65_536, from: FileSystem.standardInput)
            hasEnded = bytes.isEmpty
            rest += bytes
        } catch {
            throw Failure(.inputOutput, "cannot read standard input: \(error.text)")
        }
    }
}
