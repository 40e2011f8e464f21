/// A peer's copy of the directory at one version, and the SNAPSHOT that is being received.
///
/// A DELTA applies only to the version held, and a SNAPSHOT only when it is complete and newer, so versions never go
/// back. An early DELTA, which has overtaken others, is kept until its version is reached. Otherwise, on a network that
/// reorders datagrams, a burst of DELTAs would advance the directory by only one version per heartbeat.
package struct DirectoryReplica: MemberLookup {
    private var directory: Directory
    /// The version held; 0 if none is.
    private(set) package var version: UInt64 = 0
    /// The id of the directory whose versions are counted; 0 before the first session.
    private(set) package var id: UInt64 = 0
    /// The epoch of the server that the directory comes from.
    private(set) package var epoch: UInt64 = 0
    private var proof = DirectoryProof()
    /// The members of the directory before this one that may still come back.
    private(set) package var former: FormerDirectory
    /// A number that rises with each change of the members.
    private(set) package var changeCount = 0
    /// The time within which former members that the new directory does not list may join again.
    private var returnPeriod = ProtocolConstants.returnPeriod
    private let own: PublicKey
    private var assembly: SnapshotAssembly?
    /// The early DELTAs, by the version at which each begins. That version is not held yet.
    private var early: [UInt64: Delta] = [:]
    /// The entries with the key last seen under each name, in all sessions of this process.
    private var knownNames = KnownNames()

    /// - Parameters:
    ///   - own: The identity of this peer. It is listed like all others, but its changes are not reported as events.
    ///   - pool: The entries of other peers in this process, to share memory with them.
    package init(of own: PublicKey, pool: (any EntrySharing)? = nil) {
        self.own = own
        directory = Directory(pool: pool)
        former = FormerDirectory(directory.empty)
    }

    /// The number of members: those that are listed, which include this peer once it is listed, and those of the former
    /// directory that may come back.
    package var count: Int { directory.count + former.missingCount }
    /// All other members: those that are listed, then those that may come back.
    package var others: [Entry] { directory.inOrder.filter { $0.identity != own } + former.missing }

    /// The entry of `session` at the version held.
    package subscript(session: SessionID) -> Entry? { version > 0 ? directory[session] : nil }

    /// Returns the entry of a member, which may be one of the former directory.
    package func entry(of identity: PublicKey) -> Entry? {
        directory.entry(of: identity) ?? former.missing(identity)
    }

    /// Returns the entry of a member, which may be one of the former directory.
    package func entry(named name: PeerName) -> Entry? {
        directory.entry(named: name) ?? former.missing(named: name)
    }

    /// Returns the entry of the member at an address, which may be one of the former directory.
    package func entry(at address: SocketAddress) -> Entry? {
        directory.entry(at: address) ?? former.missing(at: address)
    }

    /// Returns the entry for which a message to a member is sealed, and the signer of the message; nil if the member
    /// cannot be reached now.
    package func receiver(_ identity: PublicKey, by speakers: Speakers) -> (entry: Entry, signer: Signer)? {
        if let signer = speakers.listed, let entry = directory.entry(of: identity) { return (entry, signer) }
        if let signer = speakers.former, let entry = former.entry(of: identity) { return (entry, signer) }
        return nil
    }

    /// Returns the entries of all other members for which a message can be sealed now, in the order of `others`.
    package func receivers(by speakers: Speakers) -> [Entry] {
        guard speakers.listed == nil || speakers.former != nil else {
            return directory.inOrder.filter { $0.identity != own }
        }
        return others.compactMap { receiver($0.identity, by: speakers)?.entry }
    }

    /// Returns whether `identity` was a member when the directory last changed.
    package func lists(_ identity: PublicKey) -> Bool { directory.entry(of: identity) != nil }

    /// Returns whether a session is listed, or is one of the former directory that has not ended.
    package func lists(_ session: SessionID) -> Bool { self[session] != nil || former[session] != nil }

    package var usages: [Usage] {
        directory.usages + former.usages + [
            Usage("early deltas", early.count, limit: Limits.earlyDeltas),
            Usage("parts of a snapshot", assembly?.count ?? 0, limit: Limits.snapshotParts),
            knownNames.usage,
        ]
    }

    /// The version that heartbeats claim: 0 if a whole SNAPSHOT must replace the directory.
    package var claimedVersion: UInt64 { proof.isWrong ? 0 : version }

    /// The version up to which the directory is the one of this session's server; 0 if that is not proven.
    package var provenVersion: UInt64 { proof.isProven ? version : 0 }

    /// The lowest missing part of the SNAPSHOT that is being received; 0 if there is none.
    package var wantedPart: UInt16 { assembly?.missingPart ?? 0 }

    /// The part of the directory that is held, for the schedule of requests.
    package var progress: RepairRequest.Progress {
        RepairRequest.Progress(
            version: claimedVersion, part: assembly?.missingPart.map { Int($0) },
            waiting: (assembly?.count ?? 0) + early.count
        )
    }

    /// Begins a session with the server of `epoch`. If `id` names another directory than the one held, this replica
    /// begins again without entries.
    ///
    /// - Parameter returnPeriod: The time for which members of the old directory may come back, once the first SNAPSHOT
    ///   of the new one is complete.
    package mutating func begin(
        _ id: UInt64, epoch: UInt64, returnPeriod: Duration = ProtocolConstants.returnPeriod
    ) {
        proof.begin()
        // Servers divide one directory into parts in their own way.
        if epoch != self.epoch { assembly = nil }
        self.epoch = epoch
        guard id != self.id else { return }
        self.id = id
        self.returnPeriod = returnPeriod
        // If nothing of the old directory was held, the former members stay those of the directory before it.
        if version > 0 { former.begin(directory.inOrder.filter { $0.identity != own }) }
        directory = directory.empty
        proof = DirectoryProof()
        version = 0
        assembly = nil
        early = [:]
    }

    /// Compares the directory with the digest in a fresh PULSE: at once if the PULSE's version is held, or else when
    /// that version is reached. A proven directory is not compared again within `Limits.digestGap`.
    ///
    /// - Returns: False if the directory has been found wrong. It stays in use until a whole SNAPSHOT replaces it.
    package mutating func compare(_ pulse: Pulse, now: Instant) -> Bool {
        proof.expect(pulse.digest, of: pulse.version)
        return compareDigest(now)
    }

    private mutating func compareDigest(_ now: Instant) -> Bool {
        if proof.needsDigest(of: version, now: now) {
            proof.note(directory.digest(id: id, version: version), of: version, now: now)
        }
        let isRight = proof.compare(held: version)
        // Parts of a SNAPSHOT that was to follow the wrong directory are of no use.
        if !isRight { assembly = nil }
        return isRight
    }

    /// Applies a DELTA that begins at the version held, and then the early DELTAs that follow it. Keeps a DELTA that
    /// begins at a later version, if there is room for it.
    package mutating func apply(_ delta: Delta, now: Instant) throws(Rejection) -> DirectoryChange {
        try checkSessions(delta.added)
        guard version > 0, delta.from == version else {
            try keep(delta)
            return DirectoryChange()
        }
        var change = try step(delta, now: now)
        applyEarly(&change, now: now)
        return change
    }

    /// Keeps an early DELTA. At most `Limits.earlyDeltas` are kept: those nearest to the version held.
    private mutating func keep(_ delta: Delta) throws(Rejection) {
        let base = proof.isWrong ? assembly?.version ?? 0 : max(version, assembly?.version ?? 0)
        guard base > 0, delta.from >= base, delta.from - base < UInt64(Limits.earlyDeltas), early[delta.from] == nil
        else { throw .deltaNotApplicable }
        // All early DELTAs at or above `base` fit, this one included, because none begins `Limits.earlyDeltas` versions
        // or more above it.
        if early.count == Limits.earlyDeltas { early = early.filter { $0.key >= base } }
        early[delta.from] = delta
    }

    private mutating func step(_ delta: Delta, now: Instant) throws(Rejection) -> DirectoryChange {
        let removed = delta.removed.map(\.session)
        guard directory.allows(removing: removed, adding: delta.added) else { throw .directoryContradiction }
        let before = removed.compactMap { directory[$0] }
        let reasons = Dictionary(delta.removed.map { ($0.session, Departure($0.reason)) }) { first, _ in first }
        for session in removed { directory.remove(session) }
        for entry in delta.added { directory.insert(entry) }
        version = delta.to
        if let assembly, assembly.version <= version, !proof.isWrong { self.assembly = nil }
        var change = changes(from: before, to: delta.added, reasons: reasons, now: now)
        if !compareDigest(now) { change.refusal = .directoryMismatch }
        return change
    }

    /// Applies the early DELTAs that follow the version held.
    private mutating func applyEarly(_ change: inout DirectoryChange, now: Instant) {
        while let delta = early.removeValue(forKey: version) {
            do throws(Rejection) {
                let next = try step(delta, now: now)
                change.gone += next.gone
                change.ended += next.ended
                change.events += next.events
                change.refusal = change.refusal ?? next.refusal
            } catch {
                change.refusal = error
                break
            }
        }
        if assembly == nil, !early.isEmpty { early = early.filter { $0.key > version } }
    }

    /// Adds a part of a SNAPSHOT; applies the SNAPSHOT, and the early DELTAs that follow it, once it is complete.
    package mutating func apply(_ snapshot: Snapshot, now: Instant) throws(Rejection) -> DirectoryChange {
        try checkSessions(snapshot.entries)
        guard snapshot.version > claimedVersion, snapshot.parts <= Limits.snapshotParts,
            snapshot.version >= assembly?.version ?? 0
        else { throw .snapshotNotWanted }
        if assembly?.version != snapshot.version {
            assembly = SnapshotAssembly(version: snapshot.version, parts: snapshot.parts)
        }
        guard assembly?.insert(snapshot) == true else { throw .snapshotNotWanted }
        guard let entries = assembly?.entries else { return DirectoryChange() }
        assembly = nil
        var change = try adopt(entries, version: snapshot.version, now: now)
        applyEarly(&change, now: now)
        return change
    }

    /// Refuses an entry whose session is the epoch. The `from` of that member's datagrams would be the server's.
    private func checkSessions(_ entries: [Entry]) throws(Rejection) {
        guard entries.allSatisfy({ $0.session.rawValue != epoch }) else { throw .invalidSessionIDs }
    }

    /// Replaces the directory by `entries`. Sessions that `entries` lacks are removed, and the entry of a session that
    /// stays must be the same. If the directory was found wrong, all of its entries are replaced instead.
    private mutating func adopt(
        _ entries: [Entry], version newVersion: UInt64, now: Instant
    ) throws(Rejection) -> DirectoryChange {
        let isFirst = version == 0
        var next = proof.isWrong ? directory.empty : directory
        var listed: Set<SessionID> = []
        for entry in entries {
            guard listed.insert(entry.session).inserted, next[entry.session].map({ $0 == entry }) ?? true else {
                throw .directoryContradiction
            }
        }
        let gone = next.sessions.filter { !listed.contains($0) }
        let new = entries.filter { next[$0.session] == nil }
        guard zip(entries, entries.dropFirst()).allSatisfy({ $0.session < $1.session }),
            next.allows(removing: gone, adding: new)
        else { throw .directoryContradiction }
        let before = gone.compactMap { next[$0] }
        for session in gone { next.remove(session) }
        for entry in new { next.insert(entry) }
        let held = directory
        let wasWrong = proof.isWrong && !isFirst
        directory = next
        version = newVersion
        proof.replaced()
        if isFirst { former.whole(missingUntil: now + returnPeriod) }
        var change =
            wasWrong
            ? corrections(of: held, now: now) : changes(from: before, to: new, now: now)
        if !compareDigest(now) { change.refusal = .directoryMismatch }
        return change
    }

    /// Returns the changes from a directory that was wrong to the one that has replaced it.
    private mutating func corrections(of wrong: Directory, now: Instant) -> DirectoryChange {
        let right = directory
        var change = changes(
            from: wrong.inOrder.filter { right[$0.session] != $0 },
            to: right.inOrder.filter { wrong[$0.session] != $0 }, now: now)
        // A pair of sessions ends unless the keys of its messages stay the same.
        change.gone.removeAll { old in
            right[old.session].map { $0.identity == old.identity && $0.agreementKey == old.agreementKey } ?? false
        }
        return change
    }

    /// Removes the members of the former directory that have not come back in time, and returns the changes.
    package mutating func expireFormer(_ now: Instant) -> DirectoryChange {
        let (missing, returned) = former.expire(now)
        if !missing.isEmpty { changeCount += 1 }
        return DirectoryChange(ended: missing + returned, events: missing.map(Self.givenUp))
    }

    private static func givenUp(_ entry: Entry) -> PeerEvent { .memberLeft(Member(entry), reason: .stopping) }

    /// Notes that the entries `before` have been replaced by the entries `after`.
    ///
    /// - Parameter reasons: The reasons why sessions have ended, as far as they are known.
    private mutating func changes(
        from before: [Entry], to after: [Entry], reasons: [SessionID: Departure] = [:], now: Instant
    ) -> DirectoryChange {
        changeCount += 1
        let stays = before.isEmpty ? [] : Set(after.map(\.identity))
        let left = before.filter { !stays.contains($0.identity) }
        var change = DirectoryChange(gone: before)
        change.ended = left.compactMap { former.remove($0.identity) }
        change.events = left.filter { $0.identity != own }.map {
            .memberLeft(Member($0), reason: reasons[$0.session])
        }
        let old = Dictionary(before.map { ($0.identity, $0) }) { first, _ in first }
        // All returning members are noted before any is ousted, because members may have exchanged their addresses.
        var returned: [PublicKey: Entry] = [:]
        for entry in after {
            returned[entry.identity] = former.returns(entry.identity, until: now + ProtocolConstants.pairLingering)
        }
        for entry in after {
            let ousted = former.oust(by: entry)
            change.ended += ousted
            change.events += ousted.map(Self.givenUp)
            noteName(of: entry, in: &change)
            guard entry.identity != own else { continue }
            guard let old = old[entry.identity] ?? returned[entry.identity] else {
                change.events.append(.memberJoined(Member(entry)))
                continue
            }
            guard old != entry else { continue }
            let previousName = old.name == entry.name ? nil : old.name
            change.events.append(.memberRejoined(Member(entry), previousName: previousName))
        }
        return change
    }

    private mutating func noteName(of entry: Entry, in change: inout DirectoryChange) {
        guard let known = knownNames.note(directory.shared(entry), listed: directory) else { return }
        change.events.append(.nameMoved(entry.name, from: known, to: entry.identity))
    }
}
