internal import SecureMesh

/// The bytes of standard input.
struct StandardInput {
    private var rest: [UInt8] = []
    private var hasEnded = false

    /// Returns everything up to the end, but at most one byte more than `limit`.
    mutating func all(limit: Int) throws -> [UInt8] {
        while !hasEnded, rest.count <= limit { try read() }
        defer { rest = [] }
        return Array(rest.prefix(limit + 1))
    }

    /// Returns the next line without its end, or at most one byte more than `limit` of it; nil at the end.
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
        do throws(SystemError) {
            let bytes = try FileSystem.readSome(65_536, from: FileSystem.standardInput)
            hasEnded = bytes.isEmpty
            rest += bytes
        } catch {
            throw Failure(.inputOutput, "cannot read standard input: \(error.text)")
        }
    }
}
