/// The server's directory with its history: waiting changes, recent DELTAs and frozen SNAPSHOTs (PROTOCOL.md, section
/// 6.5).
///
/// `version` is the version to which the newest DELTA leads. `directory` also contains the changes that wait to be
/// published.
package struct DirectoryLog: Sendable {
    private let id: UInt64
    private(set) package var directory = Directory()
    private(set) package var version: UInt64
    /// The additions that wait to be published, oldest first. An addition can include the removal of an older session
    /// of the same identity.
    private var waiting: [Change] = []
    /// The sessions that `waiting` adds.
    private var unpublished: Set<SessionID> = []
    /// The removals that wait to be published and are not part of an addition. They are published before all additions,
    /// because the removal of a member never makes an addition invalid.
    private var removals: [Removal] = []
    /// The published entries that a waiting change removes.
    private var leaving: [SessionID: SharedEntry] = [:]
    /// The recent DELTAs. `deltas[i]` leads to version `version - deltas.count + i + 1`.
    private var deltas: [SignedPayload] = []
    private var frozen: [FrozenSnapshot] = []
    /// The hash tree of the published directory, which is the directory at `version`.
    private var tree = DirectoryTree()
    private var newestDigest: (version: UInt64, digest: Bytes32)?
    private var lastFlush: Instant

    private struct Change: Sendable {
        let removed: SessionID?
        let added: Entry

        var size: Int { (removed == nil ? 0 : Removal.encodedSize) + added.encodedSize }
    }

    /// Creates a directory without history. Its first change may be published at once.
    ///
    /// - Parameters:
    ///   - id: The directory id, which is part of the digest.
    ///   - entries: The published entries at `version`. An entry is left out if it contradicts an earlier one.
    package init(id: UInt64, version: UInt64 = 1, entries: [Entry] = [], now: Instant) {
        self.id = id
        self.version = version
        lastFlush = now - Limits.tick
        for entry in entries { _ = directory.insertIfFree(SharedEntry(entry)) }
    }

    package var usages: [Usage] {
        directory.usages + [
            Usage("recent deltas", deltas.count, limit: Limits.deltaLog),
            Usage("frozen snapshots", frozen.count, limit: Limits.frozenSnapshots),
            Usage("waiting additions", waiting.count, limit: directory.count),
            Usage("waiting removals", leaving.count, limit: Limits.directoryEntries),
        ]
    }

    /// The earliest time at which the waiting changes may be published; nil if no change waits.
    package var flushDeadline: Instant? {
        hasChanges ? lastFlush + Limits.tick : nil
    }

    private var hasChanges: Bool { !waiting.isEmpty || !removals.isEmpty }

    /// The number of members that no DELTA has listed yet.
    package var unpublishedCount: Int { waiting.count }

    /// The number of full DELTAs that the waiting changes fill.
    package var fullDeltas: Int {
        waiting.count / Delta.mostAdditions + removals.count / Delta.mostRemovals
    }

    /// The number of DELTAs that the waiting removals need.
    package var removalDeltas: Int {
        (removals.count + Delta.mostRemovals - 1) / Delta.mostRemovals
    }

    /// Returns false if the addition of `session` waits to be published; otherwise true.
    package func isPublished(_ session: SessionID) -> Bool {
        !unpublished.contains(session)
    }

    /// Adds `entry`, and removes `old`, the older session of the same identity, in the same change.
    package mutating func insert(_ entry: Entry, replacing old: SessionID?) {
        var published = old
        if let old {
            if withdraw(old, .replaced) { published = nil } else { leaving[old] = directory.shared(old) }
            directory.remove(old)
        }
        directory.insert(entry)
        waiting.append(Change(removed: published, added: entry))
        unpublished.insert(entry.session)
    }

    /// Removes an entry.
    ///
    /// - Parameter reason: The reason why the server ended the session; nil if the member left.
    package mutating func remove(_ session: SessionID, _ reason: Goodbye.Reason?) {
        if !withdraw(session, reason), let shared = directory.shared(session) {
            leaving[session] = shared
            removals.append(Removal(session, reason))
        }
        directory.remove(session)
    }

    /// Publishes waiting changes, one version per DELTA, and returns the DELTAs in order.
    ///
    /// - Parameter limit: The largest number of DELTAs. Changes that do not fit into these DELTAs keep waiting.
    package mutating func flush(now: Instant, limit: Int = .max, sign: (Delta) -> SignedPayload) -> [SignedPayload] {
        guard hasChanges, limit > 0 else { return [] }
        var published: [SignedPayload] = []
        while published.count < limit, hasChanges {
            published.append(sign(nextDelta()))
            version += 1
        }
        deltas.append(contentsOf: published)
        deltas.removeFirst(max(deltas.count - Limits.deltaLog, 0))
        lastFlush = now
        return published
    }

    /// Returns the digest of the directory at `version`, without the waiting changes. The digest is computed once per
    /// version.
    package mutating func digest() -> Bytes32 {
        if let newestDigest, newestDigest.version == version { return newestDigest.digest }
        let leaving = Dictionary(grouping: leaving.values) { DirectoryTree.bucket(of: $0.entry.session) }
        // The closure reads `self`, so the tree is moved out. Changing a copy of the tree would copy its hashes.
        var tree = DirectoryTree()
        swap(&tree, &self.tree)
        let digest = tree.digest(id: id, version: version) { bucket, bytes in
            guard hasChanges else { return directory.forEach(inBucket: bucket) { $0.hash.append(to: &bytes) } }
            var listed: [SharedEntry] = []
            directory.forEach(inBucket: bucket) { listed.append($0) }
            for shared in published(listed, leaving[bucket] ?? []) { shared.hash.append(to: &bytes) }
        }
        swap(&tree, &self.tree)
        newestDigest = (version, digest)
        return digest
    }

    /// Takes as many waiting changes as fit in a DELTA, removals first, and returns the DELTA.
    private mutating func nextDelta() -> Delta {
        var removed = Array(removals.prefix(Delta.mostRemovals))
        removals.removeFirst(removed.count)
        var room = Delta.room - removed.count * Removal.encodedSize
        var count = 0
        while count < waiting.count, waiting[count].size <= room {
            room -= waiting[count].size
            count += 1
        }
        let changes = waiting.prefix(count)
        removed += changes.compactMap { change in change.removed.map { Removal($0, .replaced) } }
        let added = changes.map(\.added)
        waiting.removeFirst(count)
        for removal in removed {
            leaving[removal.session] = nil
            tree.change(removal.session)
        }
        for entry in added {
            unpublished.remove(entry.session)
            tree.change(entry.session)
        }
        return Delta(
            from: version, to: version + 1, removed: removed.sorted { $0.session < $1.session },
            added: added.sorted { $0.session < $1.session })
    }

    /// The entries of the published directory, in ascending order of their sessions.
    private var published: [SharedEntry] { published(directory.sharedInOrder, Array(leaving.values)) }

    /// Returns the entries of `listed` whose addition was published, together with all entries of `leaving`, in
    /// ascending order of their sessions.
    private func published(_ listed: [SharedEntry], _ leaving: [SharedEntry]) -> [SharedEntry] {
        let staying = unpublished.isEmpty ? listed : listed.filter { !unpublished.contains($0.entry.session) }
        guard !leaving.isEmpty else { return staying }
        return (staying + leaving).sorted { $0.entry.session < $1.entry.session }
    }

    /// Returns the DELTAs that follow version `held`, oldest first and at most `limit`. Returns nil if `held` is 0 or
    /// above `version`, or if the log does not have all DELTAs after `held`.
    package func deltas(after held: UInt64, limit: Int) -> [SignedPayload]? {
        guard held > 0, held <= version, version - held <= UInt64(deltas.count) else { return nil }
        return Array(deltas.suffix(Int(version - held)).prefix(limit))
    }

    /// Returns the version of the frozen snapshot to send to a member; nil if none can be sent.
    ///
    /// A snapshot can be sent if its version is above `held`, and the log has all DELTAs after its version. If the
    /// snapshot that the member is already receiving can be sent, it is preferred. Otherwise the newest snapshot is
    /// sent, if it has the present version or is still young (`FrozenSnapshot.youngUntil`).
    ///
    /// - Parameters:
    ///   - begun: The version of the snapshot that the member is receiving; nil if the member is receiving none.
    ///   - held: The version of the directory that the member holds.
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

    /// Freezes the directory at `version`, without the waiting changes, and returns the version.
    ///
    /// While a snapshot is young, members get this snapshot instead of a newer one. A snapshot stays young long enough
    /// to send all its bursts one after another. Without this rule, the snapshots of a large directory that keeps
    /// changing would be dropped before any member had received all parts.
    package mutating func freeze(now: Instant, interval: Duration) -> UInt64 {
        frozen.append(FrozenSnapshot(version: version, now: now, interval: interval, entries: published))
        frozen.removeFirst(max(frozen.count - Limits.frozenSnapshots, 0))
        return version
    }

    /// Returns at most `limit` parts of the frozen snapshot of `version`; empty if there is no such snapshot. The first
    /// of them is `part`, or part 0 if the snapshot has no such part. A part is signed when it is first returned.
    package mutating func parts(
        of version: UInt64, from part: Int, limit: Int, sign: (Snapshot) -> SignedPayload
    ) -> [SignedPayload] {
        guard let index = frozen.lastIndex(where: { $0.version == version }) else { return [] }
        let count = frozen[index].partCount
        let first = part < count ? part : 0
        return (first..<min(first + limit, count)).map { frozen[index].part($0, sign: sign) }
    }

    /// Keeps the snapshot of `version` young for the time that it takes to send all its parts at the lowest rate of
    /// repairs, which is `Limits.leastRepair` parts per interval.
    package mutating func prolong(_ version: UInt64) {
        guard let index = frozen.lastIndex(where: { $0.version == version }) else { return }
        frozen[index].prolong()
    }

    package func partCount(of version: UInt64) -> Int {
        frozen.last { $0.version == version }?.partCount ?? 0
    }

    /// Cancels a waiting addition. If the addition includes the removal of an older session, the older session is
    /// removed with `reason`.
    ///
    /// - Returns: False if no addition of `session` waits.
    private mutating func withdraw(_ session: SessionID, _ reason: Goodbye.Reason?) -> Bool {
        guard unpublished.remove(session) != nil,
            let index = waiting.firstIndex(where: { $0.added.session == session })
        else { return false }
        if let removed = waiting.remove(at: index).removed { removals.append(Removal(removed, reason)) }
        return true
    }
}
