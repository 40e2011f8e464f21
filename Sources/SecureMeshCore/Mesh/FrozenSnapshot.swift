/// The directory at one version, in parts that each fit a datagram and are signed once.
struct FrozenSnapshot: Sendable {
    let version: UInt64
    /// Until then the snapshot is sent to members that have not begun another.
    private(set) var youngUntil: Instant
    private let frozenAt: Instant
    private let interval: Duration
    private let parts: [[Entry]]
    private var signed: [SignedPayload?]

    init(version: UInt64, now: Instant, interval: Duration, entries: [Entry]) {
        self.version = version
        var parts: [[Entry]] = [[]]
        var room = Snapshot.room
        for entry in entries {
            if entry.encodedSize > room {
                parts.append([])
                room = Snapshot.room
            }
            parts[parts.count - 1].append(entry)
            room -= entry.encodedSize
        }
        self.parts = parts
        frozenAt = now
        self.interval = interval
        youngUntil = now
        signed = [SignedPayload?](repeating: nil, count: parts.count)
        stayYoung(for: burst)
    }

    var partCount: Int { parts.count }

    /// The number of parts that a member is sent at once.
    var burst: Int {
        let share = (parts.count + Limits.snapshotHeartbeats - 1) / Limits.snapshotHeartbeats
        return min(max(share, Limits.snapshotPartsPerHeartbeat), Limits.mostSnapshotParts)
    }

    /// Stays young for as long as it takes to send all parts in the smallest bursts.
    mutating func prolong() { stayYoung(for: Limits.snapshotPartsPerHeartbeat) }

    /// Stays young for as long as it takes to send all parts, `burst` of them per interval.
    private mutating func stayYoung(for burst: Int) {
        youngUntil = max(youngUntil, frozenAt + max(Limits.snapshotAge, interval * (parts.count / burst + 1)))
    }

    /// Returns the part, which is signed when it is first sent.
    mutating func part(_ index: Int, sign: (Snapshot) -> SignedPayload) -> SignedPayload {
        if let payload = signed[index] { return payload }
        let payload = sign(
            Snapshot(
                version: version, part: UInt16(clamping: index), parts: UInt16(clamping: parts.count),
                entries: parts[index]))
        signed[index] = payload
        return payload
    }
}
