/// The peers that may join: a list of public keys with their names, or anyone.
public struct Roster: Hashable, Sendable {
    private var names: [PublicKey: PeerName]
    /// True if anyone may join, under any name that no other key holds.
    public let isOpen: Bool

    /// A roster under which anyone may join. The first key to join under a name keeps it until 24 h after it left.
    public static let open = Roster(names: [:], isOpen: true)

    private init(names: [PublicKey: PeerName], isOpen: Bool) {
        self.names = names
        self.isOpen = isOpen
    }

    /// Allows only these keys, each under its name. Keys that share a name can be members one at a time.
    public init(authorized: [PublicKey: PeerName]) {
        self.init(names: authorized, isOpen: false)
    }

    /// Reads the text of an `authorized_peers` file: one line `NAME p2ppub1_…` per peer (PROTOCOL.md, section 8).
    ///
    /// Empty lines and comments, from a field that begins with `#` to the end of the line, are skipped.
    ///
    /// - Throws: ``RosterError``, with the number of the first line that is wrong.
    public init(_ text: String) throws(RosterError) {
        try self.init(utf8: Array(text.utf8).span)
    }

    /// Reads the bytes of an `authorized_peers` file; see ``init(_:)``.
    package init(utf8 bytes: Span<UInt8>) throws(RosterError) {
        var found: [PublicKey: (name: PeerName, line: Int)] = [:]
        var lines = TextLines()
        while let line = try Self.next(&lines, in: bytes) {
            let number = line.number
            guard line.fields.count == 2 else { throw RosterError(line: number, problem: .notTwoFields) }
            guard let name = PeerName(utf8: [UInt8](copying: bytes.extracting(line.fields[0]))) else {
                throw RosterError(line: number, problem: .invalidName)
            }
            let key: PublicKey
            do throws(KeyTextError) {
                key = try PublicKey(utf8: bytes.extracting(line.fields[1]))
            } catch {
                throw RosterError(line: number, problem: .invalidKey(error))
            }
            if let other = found[key] { throw RosterError(line: number, problem: .repeatedKey(line: other.line)) }
            found[key] = (name, number)
        }
        self.init(authorized: found.mapValues { $0.name })
    }

    private static func next(
        _ lines: inout TextLines, in bytes: Span<UInt8>
    ) throws(RosterError) -> TextLines.Line? {
        do throws(TextFault) {
            return try lines.next(in: bytes)
        } catch {
            switch error {
            case .notUTF8(let line): throw RosterError(line: line, problem: .notText)
            case .controlCharacter(let line): throw RosterError(line: line, problem: .controlCharacter)
            }
        }
    }

    /// The listed keys with their names.
    package var authorized: [PublicKey: PeerName] { names }

    /// The number of listed keys; 0 for an open roster.
    public var count: Int { names.count }

    /// Returns true if the holder of `key` may join under `name`.
    public func allows(_ key: PublicKey, as name: PeerName) -> Bool {
        isOpen || names[key] == name
    }
}
