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

    /// Reads the text of an `authorized_peers` file: one line `NAME p2ppub1_…` per peer.
    ///
    /// Empty lines and lines that begin with `#` are skipped.
    ///
    /// - Throws: ``RosterError``, with the number of the first line that is wrong.
    public init(_ text: String) throws(RosterError) {
        var lines: [PublicKey: (name: PeerName, line: Int)] = [:]
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let fields = raw.split { $0 == " " || $0 == "\t" }
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            let line = index + 1
            guard fields.count == 2 else { throw RosterError(line: line, problem: .notTwoFields) }
            guard let name = try? PeerName(String(first)) else { throw RosterError(line: line, problem: .invalidName) }
            let key: PublicKey
            do {
                key = try PublicKey(String(fields[1]))
            } catch {
                throw RosterError(line: line, problem: .invalidKey(error))
            }
            if let other = lines[key] { throw RosterError(line: line, problem: .repeatedKey(line: other.line)) }
            lines[key] = (name, line)
        }
        self.init(authorized: lines.mapValues { $0.name })
    }

    /// The number of listed keys; 0 for an open roster.
    public var count: Int { names.count }

    /// Returns true if the holder of `key` may join under `name`.
    public func allows(_ key: PublicKey, as name: PeerName) -> Bool {
        isOpen || names[key] == name
    }
}
