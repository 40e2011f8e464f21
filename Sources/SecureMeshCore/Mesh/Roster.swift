/// Who may join: a list of public keys with their names, or anyone.
public struct Roster: Hashable, Sendable {
    private var names: [PublicKey: PeerName]
    /// Anyone may join, under any name that no other key holds.
    public let isOpen: Bool

    /// Anyone may join: the first key to confirm a name keeps it until 24 h after it left.
    public static let open = Roster(names: [:], isOpen: true)

    private init(names: [PublicKey: PeerName], isOpen: Bool) {
        self.names = names
        self.isOpen = isOpen
    }

    /// These keys alone, each under its name. Two keys may share a name, one at a time.
    public init(authorised: [PublicKey: PeerName]) {
        self.init(names: authorised, isOpen: false)
    }

    /// Reads an `authorized_peers` text: a line `NAME p2ppub1_…` a peer; empty lines and lines that begin with `#`
    /// are skipped.
    public init(text: String) throws(RosterError) {
        var lines: [PublicKey: (name: PeerName, line: Int)] = [:]
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let fields = raw.split { $0 == " " || $0 == "\t" }
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            let line = index + 1
            guard fields.count == 2 else { throw RosterError(line: line, problem: .notTwoFields) }
            guard let name = PeerName(String(first)) else { throw RosterError(line: line, problem: .invalidName) }
            let key: PublicKey
            do {
                key = try PublicKey(text: String(fields[1]))
            } catch {
                throw RosterError(line: line, problem: .invalidKey(error))
            }
            if let other = lines[key] { throw RosterError(line: line, problem: .repeatedKey(line: other.line)) }
            lines[key] = (name, line)
        }
        self.init(authorised: lines.mapValues { $0.name })
    }

    public var count: Int { names.count }

    public func allows(_ key: PublicKey, as name: PeerName) -> Bool {
        isOpen || names[key] == name
    }
}

/// What is wrong with a line of a roster's text. Holds nothing of the line.
public struct RosterError: Error, Hashable, Sendable {
    public enum Problem: Hashable, Sendable {
        case notTwoFields
        case invalidName
        case invalidKey(KeyTextError)
        case repeatedKey(line: Int)
    }

    /// Counted from 1.
    public let line: Int
    public let problem: Problem
}

/// What the server remembers of identities beyond their sessions: join buckets, bars, and names in open mode.
/// Each table is bounded; the longest known goes first.
package struct IdentityLedger: Sendable {
    private struct Record: Sendable {
        var joins = RateLimiter()
        var barredUntil: Instant?
    }

    private struct Reservation: Sendable {
        var identity: PublicKey
        /// Nil while the identity is a member under the name.
        var leftAt: Instant?
    }

    private var records = BoundedTable<PublicKey, Record>(limit: Limits.rememberedIdentities)
    private var reservations = BoundedTable<PeerName, Reservation>(limit: Limits.rememberedIdentities)

    package init() {}

    package var usages: [Usage] {
        [
            Usage("remembered identities", records.count, limit: Limits.rememberedIdentities),
            Usage("reserved names", reservations.count, limit: Limits.rememberedIdentities),
        ]
    }

    /// How long the identity has to wait before it may join; zero: not at all.
    package func wait(_ identity: PublicKey, now: Instant) -> Duration {
        guard let record = records[identity] else { return .zero }
        let barred = record.barredUntil.map { max($0 - now, .zero) } ?? .zero
        return max(barred, record.joins.wait(Limits.joinRate, now: now))
    }

    package mutating func chargeJoin(_ identity: PublicKey, now: Instant) {
        var record = records[identity] ?? Record()
        _ = record.joins.accept(Limits.joinRate, now: now)
        records[identity] = record
    }

    package mutating func bar(_ identity: PublicKey, now: Instant) {
        var record = records[identity] ?? Record()
        record.barredUntil = now + ProtocolConstants.barredPeriod
        records[identity] = record
    }

    /// Whether `name` is kept for another identity.
    package func isReserved(_ name: PeerName, for identity: PublicKey, now: Instant) -> Bool {
        guard let reservation = reservations[name], reservation.identity != identity else { return false }
        guard let leftAt = reservation.leftAt else { return true }
        return now - leftAt < ProtocolConstants.nameReservation
    }

    package mutating func reserve(_ name: PeerName, for identity: PublicKey) {
        reservations[name] = Reservation(identity: identity, leftAt: nil)
    }

    package mutating func release(_ name: PeerName, of identity: PublicKey, now: Instant) {
        guard reservations[name]?.identity == identity else { return }
        reservations[name]?.leftAt = now
    }
}

/// A dictionary that forgets its oldest key when it is full.
private struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var values: [Key: Value] = [:]
    private var order: [Key] = []
    private var oldest = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { values.count }

    subscript(key: Key) -> Value? {
        get { values[key] }
        set {
            guard let newValue else { return }
            guard values.updateValue(newValue, forKey: key) == nil else { return }
            guard order.count == limit else { return order.append(key) }
            values[order[oldest]] = nil
            order[oldest] = key
            oldest = (oldest + 1) % limit
        }
    }
}
