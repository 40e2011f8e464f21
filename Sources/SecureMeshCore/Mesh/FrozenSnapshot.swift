/// The directory at one version, in parts that each fit a datagram and are signed once.
struct FrozenSnapshot: Sendable {
    let version: UInt64
    /// The instant until which the snapshot is sent to members that have not begun to receive another one.
    private(set) var youngUntil: Instant
    private let frozenAt: Instant
    private let interval: Duration
    /// The entries of all parts, shared with the directory. A copy of an entry would take more memory than everything
    /// else that the server keeps about it.
    private let entries: [SharedEntry]
    /// The index of the first entry of each part, and the number of entries.
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

    /// Keeps the snapshot young until even a member that gets only `Limits.leastRepair` parts per interval, the
    /// smallest repair, can have received all parts.
    mutating func prolong() { stayYoung(for: interval * (partCount / Limits.leastRepair + 1)) }

    private mutating func stayYoung(for duration: Duration) { youngUntil = max(youngUntil, frozenAt + duration) }

    /// Returns the part, which is signed when it is first sent.
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
