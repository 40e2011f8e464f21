/// The server's directory with its history: waiting changes, recent DELTAs and frozen SNAPSHOTs (PROTOCOL.md,
/// section 6.5).
///
/// `version` counts the published changes; `directory` contains the waiting ones as well.
package struct DirectoryLog: Sendable {
    private let id: UInt64
    private(set) package var directory = Directory()
    private(set) package var version: UInt64 = 1
    private var waiting: [Change] = []
    /// The sessions that `waiting` adds.
    private var unpublished: Set<SessionID> = []
    /// `deltas[i]` leads to version `version - deltas.count + i + 1`.
    private var deltas: [SignedPayload] = []
    private var frozen: [FrozenSnapshot] = []
    private var newestDigest: (version: UInt64, digest: Bytes32)?
    private var lastFlush: Instant
    private var tick = Limits.tick

    private struct Change: Sendable {
        var removed: Entry?
        var added: Entry?

        var size: Int { (removed == nil ? 0 : 8) + (added?.encodedSize ?? 0) }
    }

    /// Creates an empty directory whose first change is due at once.
    ///
    /// - Parameter id: The id of the directory, which the digest covers.
    package init(id: UInt64, now: Instant) {
        self.id = id
        lastFlush = now - tick
    }

    package var usages: [Usage] {
        directory.usages + [
            Usage("recent deltas", deltas.count, limit: Limits.deltaLog),
            Usage("frozen snapshots", frozen.count, limit: Limits.frozenSnapshots),
        ]
    }

    /// The time at which the waiting changes are due to be published; nil if there are none.
    package var flushDeadline: Instant? {
        waiting.isEmpty ? nil : lastFlush + tick
    }

    /// Returns true if a DELTA has listed `session`.
    package func isPublished(_ session: SessionID) -> Bool {
        !unpublished.contains(session)
    }

    /// Adds `entry`, and removes the identity's older session in the same change.
    package mutating func insert(_ entry: Entry, replacing old: SessionID?) {
        let published = old.flatMap { withdraw($0) ? nil : directory[$0] }
        if let old { directory.remove(old) }
        directory.insert(entry)
        waiting.append(Change(removed: published, added: entry))
        unpublished.insert(entry.session)
    }

    package mutating func remove(_ session: SessionID) {
        if !withdraw(session) { waiting.append(Change(removed: directory[session])) }
        directory.remove(session)
    }

    /// Publishes the waiting changes, one version per DELTA, and returns the DELTAs in order.
    package mutating func flush(now: Instant, sign: (Delta) -> SignedPayload) -> [SignedPayload] {
        guard !waiting.isEmpty else { return [] }
        var published: [SignedPayload] = []
        var start = 0
        while start < waiting.count {
            var end = start
            var size = 0
            while end < waiting.count, size + waiting[end].size <= Delta.room {
                size += waiting[end].size
                end += 1
            }
            let changes = waiting[start..<end]
            let delta = Delta(
                from: version, to: version + 1, removed: changes.compactMap(\.removed?.session).sorted(),
                added: changes.compactMap(\.added).sorted { $0.session < $1.session })
            published.append(sign(delta))
            version += 1
            start = end
        }
        waiting.removeAll(keepingCapacity: true)
        unpublished.removeAll(keepingCapacity: true)
        deltas.append(contentsOf: published)
        deltas.removeFirst(max(deltas.count - Limits.deltaLog, 0))
        lastFlush = now
        if published.count > Limits.deltasPerTick {
            tick = min(tick * 2, Limits.longestTick)
        } else if published.count == 1 {
            tick = max(tick / 2, Limits.tick)
        }
        return published
    }

    /// Returns the digest of the directory at `version`, without the waiting changes. It is computed once per version.
    package mutating func digest() -> Bytes32 {
        if let newestDigest, newestDigest.version == version { return newestDigest.digest }
        var entries = directory.inOrder
        if !waiting.isEmpty {
            entries.removeAll { unpublished.contains($0.session) }
            entries += waiting.compactMap(\.removed)
            entries.sort { $0.session < $1.session }
        }
        let digest = entries.digest(id: id, version: version)
        newestDigest = (version, digest)
        return digest
    }

    /// Returns the DELTAs that follow version `held`, oldest first and at most `limit`; nil if the log begins later.
    package func deltas(after held: UInt64, limit: Int) -> [SignedPayload]? {
        guard held > 0, held <= version, version - held <= UInt64(deltas.count) else { return nil }
        return Array(deltas.suffix(Int(version - held)).prefix(limit))
    }

    /// Returns the version of a snapshot for a member that holds version `held`: the one it was being sent, or a young
    /// one. Nil if neither is above `held` and within reach of the kept DELTAs.
    package func frozenVersion(begun: UInt64?, above held: UInt64 = 0, now: Instant) -> UInt64? {
        func isOfUse(_ snapshot: FrozenSnapshot) -> Bool {
            snapshot.version > held && version - snapshot.version <= UInt64(deltas.count)
        }
        if let begun, frozen.contains(where: { $0.version == begun && isOfUse($0) }) { return begun }
        guard let newest = frozen.last, isOfUse(newest), newest.version == version || now < newest.youngUntil else {
            return nil
        }
        return newest.version
    }

    /// Freezes the directory at `version` and returns the version. The waiting changes must have been published.
    ///
    /// A member gets the next burst as soon as it has the last one. The snapshot stays young for as long as that may
    /// take: in a large directory that keeps changing, no snapshot would otherwise be complete before it is dropped.
    package mutating func freeze(now: Instant, interval: Duration) -> UInt64 {
        frozen.append(FrozenSnapshot(version: version, now: now, interval: interval, entries: directory.inOrder))
        frozen.removeFirst(max(frozen.count - Limits.frozenSnapshots, 0))
        return version
    }

    /// Returns parts of a frozen snapshot, from `part` on, or from the first one if there is no such part. A part is
    /// signed when it is first sent.
    package mutating func parts(
        of version: UInt64, from part: Int, limit: Int, sign: (Snapshot) -> SignedPayload
    ) -> [SignedPayload] {
        guard let index = frozen.lastIndex(where: { $0.version == version }) else { return [] }
        let count = frozen[index].partCount
        let first = part < count ? part : 0
        return (first..<min(first + limit, count)).map { frozen[index].part($0, sign: sign) }
    }

    /// Keeps the snapshot young for as long as it takes to send it in the smallest bursts.
    package mutating func prolong(_ version: UInt64) {
        guard let index = frozen.lastIndex(where: { $0.version == version }) else { return }
        frozen[index].prolong()
    }

    package func partCount(of version: UInt64) -> Int {
        frozen.last { $0.version == version }?.partCount ?? 0
    }

    /// Takes back an addition that was not published yet. Returns false if there is none.
    private mutating func withdraw(_ session: SessionID) -> Bool {
        guard unpublished.remove(session) != nil,
            let index = waiting.firstIndex(where: { $0.added?.session == session })
        else { return false }
        waiting[index].added = nil
        if waiting[index].removed == nil { waiting.remove(at: index) }
        return true
    }
}
