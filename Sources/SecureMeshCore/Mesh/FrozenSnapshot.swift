/// The directory at one version, in parts that each fit a datagram and are signed once.
struct FrozenSnapshot: Sendable {
    let version: UInt64
    /// The instant until which the snapshot is sent to members that have not begun to receive another one.
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
        // A burst takes a round trip, for which half an interval is much.
        stayYoung(for: max(Limits.snapshotAge, interval * SnapshotBurst.count(parts: parts.count) / 2))
    }

    var partCount: Int { parts.count }

    /// Makes the snapshot stay young until all parts can have been sent to a member that gets the smallest repair,
    /// `Limits.leastRepair` parts, once per interval.
    mutating func prolong() { stayYoung(for: interval * (parts.count / Limits.leastRepair + 1)) }

    private mutating func stayYoung(for duration: Duration) { youngUntil = max(youngUntil, frozenAt + duration) }

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
