/// The peers that may join: a list of public keys with their names, or anyone.
public struct Roster: Hashable, Sendable {
    private var names: [PublicKey: PeerName]
    /// The keys that may join only for a limited time, each with the time at which it expires.
    private var ends: [PublicKey: UnixTime] = [:]
    private var revoked: [PublicKey: PeerName] = [:]
    /// True if anyone may join, under any name that no other key holds.
    public let isOpen: Bool

    /// A roster that lets anyone join. The first key that joins under a name keeps the name while the key is a member.
    /// After that, the name stays reserved for this key for 24 h, or for less time if very many names are reserved.
    public static let open = Roster(names: [:], isOpen: true)

    private init(names: [PublicKey: PeerName], isOpen: Bool) {
        self.names = names
        self.isOpen = isOpen
    }

    /// Makes a roster that allows only these keys, each under its name. If several keys have the same name, only one of
    /// them can be a member at a time.
    public init(authorized: [PublicKey: PeerName]) {
        self.init(names: authorized, isOpen: false)
    }

    /// Reads the text of an `authorized_peers` file: one line `NAME p2ppub1_…` per peer (PROTOCOL.md, section 8).
    ///
    /// Empty lines and comments are skipped. A comment is a field that begins with `#`, and all that follows it in the
    /// line. The option `until=2026-12-31` lets a key join until the end of that day in UTC. The value is a date or an
    /// RFC 3339 time. A key with the option `revoked=` and such a value may not join. Of the keys of one name, at most
    /// one may have neither `until=` nor `revoked=`.
    ///
    /// - Throws: ``RosterError``, with the number of the first line that is wrong.
    public init(_ text: String) throws(RosterError) {
        try self.init(utf8: Array(text.utf8).span)
    }

    /// Reads the bytes of an `authorized_peers` file; see ``init(_:)``.
    package init(utf8 bytes: Span<UInt8>) throws(RosterError) {
        self.init(names: [:], isOpen: false)
        for line in try RosterLine.all(in: bytes) {
            guard line.revokedAt == nil else {
                revoked[line.key] = line.name
                continue
            }
            names[line.key] = line.name
            ends[line.key] = line.until
        }
    }

    /// The number of listed keys that are not revoked; 0 for an open roster.
    public var count: Int { names.count }

    /// The keys that are not revoked, with their names.
    package var authorized: [PublicKey: PeerName] { names }

    /// Returns true if a key that is not revoked has this name.
    package func lists(_ name: PeerName) -> Bool { names.values.contains(name) }

    /// The keys that may join only for a limited time, each with the time at which it expires.
    package var expiries: [PublicKey: UnixTime] { ends }

    /// Returns the keys that have this name and are not revoked.
    package func keys(of name: PeerName) -> [PublicKey] { names.filter { $0.value == name }.map(\.key) }

    package func isRevoked(_ key: PublicKey) -> Bool { revoked[key] != nil }

    /// Returns true if the holder of `key` may join under `name` at `time`: this roster is open, or the key is listed
    /// under `name`, is not revoked and has not expired.
    public func allows(_ key: PublicKey, as name: PeerName, at time: UnixTime) -> Bool {
        (isOpen || names[key] == name) && ends[key].map { time < $0 } ?? true
    }

    /// Returns the first time after `time` at which a key expires; nil if no key expires after `time`.
    package func nextExpiry(after time: UnixTime) -> UnixTime? {
        ends.values.lazy.filter { time < $0 }.min()
    }

    /// Returns the names of the keys that this roster lets join and that `newer` neither lists nor marks as revoked.
    /// The lines of these keys were removed, perhaps by mistake.
    package func missing(in newer: Roster, at time: UnixTime) -> [PeerName] {
        names.filter { key, name in
            allows(key, as: name, at: time) && newer.names[key] == nil && newer.revoked[key] == nil
        }.map(\.value)
    }
}
