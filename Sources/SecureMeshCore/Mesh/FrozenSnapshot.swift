/// The directory at one version, divided into parts. Each part fits into one datagram and is signed once.
struct FrozenSnapshot: Sendable {
    let version: UInt64
    /// The instant until which the snapshot is young. A young snapshot is sent to each member that needs a snapshot and
    /// is not receiving another snapshot.
    private(set) var youngUntil: Instant
    private let frozenAt: Instant
    private let interval: Duration
    /// The entries of all parts. The directory and the snapshot share them, because a copy of a member's entry would
    /// take more memory than everything else that the server keeps about the member.
    private let entries: [SharedEntry]
    /// For each part, the index of its first entry in `entries`. The last element is the number of entries.
    private let bounds: [Int]
    private var signed: [SignedPayload?]

    init(version: UInt64, now: Instant, interval: Duration, entries: [SharedEntry]) {
        self.version = version
        var bounds = [0]
        var room = Snapshot.room
        for (index, shared) in entries.enumerated() {
            let size = shared.entry.encodedSize
            if size > room {
                bounds.append(index)
                room = Snapshot.room
            }
            room -= size
        }
        let count = bounds.count
        bounds.append(entries.count)
        self.entries = entries
        self.bounds = bounds
        frozenAt = now
        self.interval = interval
        youngUntil = now
        signed = [SignedPayload?](repeating: nil, count: count)
        // A burst takes a round trip, which is rarely longer than half an interval.
        stayYoung(for: max(Limits.snapshotAge, interval * SnapshotBurst.count(parts: count) / 2))
    }

    var partCount: Int { signed.count }

    /// Extends the time for which the snapshot is young, so that even the slowest member can receive all parts. The
    /// slowest member gets only the smallest repair, `Limits.leastRepair` parts per interval.
    mutating func prolong() { stayYoung(for: interval * (partCount / Limits.leastRepair + 1)) }

    private mutating func stayYoung(for duration: Duration) { youngUntil = max(youngUntil, frozenAt + duration) }

    /// Returns the part with this index. The part is signed when it is first returned.
    mutating func part(_ index: Int, sign: (Snapshot) -> SignedPayload) -> SignedPayload {
        if let payload = signed[index] { return payload }
        let payload = sign(
            Snapshot(
                version: version, part: UInt16(clamping: index), parts: UInt16(clamping: partCount),
                entries: entries[bounds[index]..<bounds[index + 1]].map(\.entry)))
        signed[index] = payload
        return payload
    }
}
