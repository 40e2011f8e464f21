/// A peer's copy of the directory at one version, and the SNAPSHOT that is being received.
///
/// A DELTA is applied only if it begins at the version that is held. A SNAPSHOT is applied only when all its parts have
/// arrived. Its version must be above the version that is held, unless the directory was found wrong.
///
/// A DELTA is early if it begins at a later version, because it has overtaken other DELTAs. An early DELTA is kept
/// until the directory reaches the version at which it begins. If early DELTAs were dropped, then on a network that
/// reorders datagrams, a burst of DELTAs would advance the directory by only one version per heartbeat.
package struct DirectoryReplica: MemberLookup {
    private var directory: Directory { didSet { generation += 1 } }
    /// A number that rises at least with each change of the directory. As long as it stays the same, each listed member
    /// keeps its entry.
    private(set) package var generation: UInt64 = 0
    /// The version of the directory that this replica holds; 0 if it holds no directory.
    private(set) package var version: UInt64 = 0
    /// The directory id in the newest session; 0 before the first session.
    private(set) package var id: UInt64 = 0
    /// The epoch of the server in the newest session; 0 before the first session.
    private(set) package var epoch: UInt64 = 0
    /// The key of the server in the newest session; nil before the first session.
    private var server: PublicKey?
    /// The instant at which this replica reached its version, or at which the session began if that is later.
    private var reachedAt = Instant(nanoseconds: .min)
    private var proof = DirectoryProof()
    /// The former members: members of the previous directory that may still come back.
    private(set) package var former: FormerDirectory
    /// A number that rises with each change of the members.
    private(set) package var changeCount = 0
    /// The time without a return after which the missing members of the old directory are given up.
    private var returnPeriod = ProtocolConstants.returnPeriod
    private let own: PublicKey
    private var assembly: SnapshotAssembly?
    /// The early DELTAs, keyed by the version at which each DELTA begins.
    private var early: [UInt64: Delta] = [:]
    /// The key that was last seen under each name, in all sessions of this process.
    private var knownNames = KnownNames()

    /// Makes a replica that holds no directory.
    ///
    /// - Parameters:
    ///   - own: The identity of this peer. The directory lists this peer like all members, but changes of its entry are
    ///     not reported as events.
    ///   - pool: The entries that the peers in this process share to save memory; nil if they share none.
    package init(of own: PublicKey, pool: (any EntrySharing)? = nil) {
        self.own = own
        directory = Directory(pool: pool)
        former = FormerDirectory(directory.empty)
    }

    /// The number of members: the listed members, including this peer once it is listed, and the former members that
    /// may come back.
    package var count: Int { directory.count + former.missingCount }
    /// The entries of all members except this peer. The listed members are first, and the former members that may come
    /// back follow.
    package var others: [Entry] { directory.inOrder.filter { $0.identity != own } + former.missing }

    /// The entry of a session; nil if the session is not listed, or if no directory is held.
    package subscript(session: SessionID) -> Entry? { version > 0 ? directory[session] : nil }

    /// Returns the entry of the listed member with this identity, or of the former member with this identity that may
    /// come back; nil if there is neither.
    package func entry(of identity: PublicKey) -> Entry? {
        directory.entry(of: identity) ?? former.missing(identity)
    }

    /// Returns the entry of the listed member with this name, or of the former member with this name that may come
    /// back; nil if there is neither.
    package func entry(named name: PeerName) -> Entry? {
        directory.entry(named: name) ?? former.missing(named: name)
    }

    /// Returns the entry of the listed member at this address, or of the former member at this address that may come
    /// back; nil if there is neither.
    package func entry(at address: SocketAddress) -> Entry? {
        directory.entry(at: address) ?? former.missing(at: address)
    }

    /// Returns the signer of a message to a member, and the entry of the session for which the message is sealed.
    /// Returns nil if no message can be sealed for the member now.
    package func receiver(_ identity: PublicKey, by speakers: Speakers) -> (shared: SharedEntry, signer: Signer)? {
        if let signer = speakers.listed, let entry = directory.shared(of: identity) { return (entry, signer) }
        if let signer = speakers.former, let entry = former.shared(of: identity) { return (entry, signer) }
        return nil
    }

    /// Returns all other members for which a message can be sealed now, in the order of `others`.
    package func receivers(by speakers: Speakers) -> BroadcastReceivers {
        guard speakers.reachOnlyListed else {
            return BroadcastReceivers(
                others.compactMap { receiver($0.identity, by: speakers)?.shared }, generation: nil)
        }
        return BroadcastReceivers(
            directory.sharedInOrder.filter { $0.entry.identity != own }, generation: generation)
    }

    /// Returns true if the directory lists a member with this identity.
    package func lists(_ identity: PublicKey) -> Bool { directory.entry(of: identity) != nil }

    /// Returns true if the directory lists the session, or if the session belongs to a former member and has not ended.
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

    /// The version of the directory if it is proven to be the directory of this session's server; otherwise 0.
    package var provenVersion: UInt64 { proof.isProven ? version : 0 }

    /// The index of the lowest missing part of the SNAPSHOT that is being received; 0 if no SNAPSHOT is being received.
    package var wantedPart: UInt16 { assembly?.missingPart ?? 0 }

    /// The held version and the received parts, from which the next repair request is scheduled.
    package var progress: RepairRequest.Progress {
        RepairRequest.Progress(
            version: claimedVersion, part: assembly?.missingPart.map { Int($0) },
            waiting: (assembly?.count ?? 0) + early.count
        )
    }

    /// Begins a session. If `id` names another directory than the one held, this replica begins again without entries.
    ///
    /// - Parameters:
    ///   - id: The directory id in WELCOME.
    ///   - epoch: The epoch of the session's server.
    ///   - server: The key of the session's server.
    ///   - returnPeriod: The time without a return after which the missing members of the old directory are given up.
    /// - Returns: The former members that are given up: members of a still earlier directory that have not come back.
    ///   For each of them, the old directory lists another member with its session, name or address, or has no room.
    package mutating func begin(
        _ id: UInt64, epoch: UInt64, server: PublicKey,
        returnPeriod: Duration = ProtocolConstants.returnPeriod, now: Instant
    ) -> DirectoryChange {
        proof.begin()
        reachedAt = now
        // Servers divide one directory into parts in their own way. A malicious server may have sent DELTAs that
        // another server of the same directory never sends.
        if epoch != self.epoch || server != self.server { forgetReceived() }
        (self.epoch, self.server) = (epoch, server)
        guard id != self.id else { return DirectoryChange() }
        self.id = id
        self.returnPeriod = returnPeriod
        // If this replica has never held a version of the old directory, the former members stay the same.
        let lost = version > 0 ? former.begin(directory, without: own, now: now) : []
        if !lost.isEmpty { changeCount += 1 }
        directory = directory.empty
        proof = DirectoryProof()
        version = 0
        forgetReceived()
        return DirectoryChange(ended: lost, events: lost.map(Self.givenUp))
    }

    /// Forgets the SNAPSHOT that is being received, and the early DELTAs.
    private mutating func forgetReceived() {
        assembly = nil
        early = [:]
    }

    /// Compares the directory with a fresh PULSE: its version with the version of the PULSE, and its digest with the
    /// digest in the PULSE. If the version of the PULSE is not held yet, the digests are compared when that version is
    /// reached. The digest of a proven directory is not computed again within `Limits.digestGap`.
    ///
    /// - Parameters:
    ///   - sentAfter: The instant at which this peer sent the heartbeat that the PULSE echoes. The server sent the
    ///     PULSE after this instant.
    ///   - isBeingListed: True if the DELTA that lists this peer's session has not been sealed for all other members
    ///     yet. PULSEs with a lower version than that DELTA are then expected.
    /// - Returns: False if this comparison found that the directory is wrong; otherwise true. A wrong directory stays
    ///   in use until a whole SNAPSHOT replaces it.
    package mutating func compare(_ pulse: Pulse, sentAfter: Instant, isBeingListed: Bool, now: Instant) -> Bool {
        proof.expect(pulse.digest, of: pulse.version)
        // For a short time, the PULSEs of an honest server have a lower version than a DELTA that this peer has already
        // received, because the server is still sealing this DELTA for other members.
        let settled = sentAfter - Limits.versionGap
        if let assembly, assembly.version > pulse.version, assembly.begunAt <= settled { self.assembly = nil }
        guard version <= pulse.version || reachedAt > settled || isBeingListed || proof.isWrong else {
            foundWrong()
            return false
        }
        return compareDigest(now)
    }

    /// Notes that the directory is wrong, and forgets the SNAPSHOT parts and DELTAs that wait to be applied.
    private mutating func foundWrong() {
        proof.foundWrong()
        forgetReceived()
    }

    private mutating func compareDigest(_ now: Instant) -> Bool {
        if proof.needsDigest(of: version, now: now) {
            proof.note(directory.digest(id: id, version: version), of: version, now: now)
        }
        let isRight = proof.compare(held: version)
        if !isRight { foundWrong() }
        return isRight
    }

    /// Applies a DELTA if it begins at the version held, and then applies the early DELTAs that follow it. A DELTA that
    /// begins at a later version is kept as an early DELTA.
    package mutating func apply(_ delta: Delta, now: Instant) throws(Rejection) -> DirectoryChange {
        try checkSessions(delta.added)
        // A directory that was found wrong may contradict an honest DELTA. This DELTA is then kept until a SNAPSHOT has
        // replaced the directory.
        guard version > 0, delta.from == version,
            !proof.isWrong || directory.allows(removing: delta.removed.map(\.session), adding: delta.added)
        else {
            try keep(delta)
            return DirectoryChange()
        }
        var change = try step(delta, now: now)
        applyEarly(&change, now: now)
        return change
    }

    /// Keeps an early DELTA, or throws `deltaNotApplicable` if it begins too early, too late, or at the same version as
    /// another early DELTA.
    ///
    /// The DELTA must begin at the base, or fewer than `Limits.earlyDeltas` versions above it. The base is the version
    /// held, or the version of the SNAPSHOT that is being received if that is higher. If the directory was found wrong,
    /// the version held does not count. Without a base, no DELTA is kept.
    private mutating func keep(_ delta: Delta) throws(Rejection) {
        let base = proof.isWrong ? assembly?.version ?? 0 : max(version, assembly?.version ?? 0)
        guard base > 0, delta.from >= base, delta.from - base < UInt64(Limits.earlyDeltas), early[delta.from] == nil
        else { throw .deltaNotApplicable }
        // The base can rise and fall, so some early DELTAs may begin below it or too far above it.
        if early.count >= Limits.earlyDeltas {
            early = early.filter { $0.key >= base && $0.key - base < UInt64(Limits.earlyDeltas) }
        }
        early[delta.from] = delta
    }

    private mutating func step(_ delta: Delta, now: Instant) throws(Rejection) -> DirectoryChange {
        let removed = delta.removed.map(\.session)
        guard directory.allows(removing: removed, adding: delta.added) else { throw contradiction() }
        let before = removed.compactMap { directory.shared($0) }
        let reasons = Dictionary(delta.removed.map { ($0.session, Departure($0.reason)) }) { first, _ in first }
        for session in removed { directory.remove(session) }
        for entry in delta.added { directory.insert(entry) }
        (version, reachedAt) = (delta.to, now)
        if let assembly, assembly.version <= version, !proof.isWrong { self.assembly = nil }
        let after = delta.added.compactMap { directory.shared($0.session) }
        var change = changes(from: before, to: after, reasons: reasons, now: now)
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

    /// Adds a part of a SNAPSHOT. Once all parts have arrived, applies the SNAPSHOT, and then the early DELTAs that
    /// follow it.
    package mutating func apply(_ snapshot: Snapshot, now: Instant) throws(Rejection) -> DirectoryChange {
        try checkSessions(snapshot.entries)
        guard snapshot.version > claimedVersion, snapshot.parts <= Limits.snapshotParts,
            snapshot.version >= assembly?.version ?? 0
        else { throw .snapshotNotWanted }
        if assembly?.version != snapshot.version {
            assembly = SnapshotAssembly(
                version: snapshot.version, parts: snapshot.parts, empty: directory.empty, begunAt: now)
        }
        guard assembly?.insert(snapshot, held: directory) == true else { throw .snapshotNotWanted }
        guard let assembly, assembly.missingPart == nil else { return DirectoryChange() }
        self.assembly = nil
        var change = try adopt(assembly, now: now)
        applyEarly(&change, now: now)
        return change
    }

    /// Throws if an entry has the epoch as its session. The datagrams of such a member would have the same `from` as
    /// the server's datagrams.
    private func checkSessions(_ entries: [Entry]) throws(Rejection) {
        guard entries.allSatisfy({ $0.session.rawValue != epoch }) else { throw .invalidSessionIDs }
    }

    /// Replaces the directory with that of a complete SNAPSHOT. Sessions that are not in the SNAPSHOT are removed. A
    /// session that stays must have the same entry as before, unless the directory was found wrong.
    private mutating func adopt(_ snapshot: SnapshotAssembly, now: Instant) throws(Rejection) -> DirectoryChange {
        let isFirst = version == 0
        var next = snapshot.directory
        guard let entries = snapshot.entries else { throw .directoryContradiction }
        guard let (gone, new) = next.succeed(proof.isWrong ? directory.empty : directory, entries: entries) else {
            throw contradiction()
        }
        let held = directory
        let wasWrong = proof.isWrong && !isFirst
        directory = next
        (version, reachedAt) = (snapshot.version, now)
        proof.replaced()
        if isFirst { former.whole(period: returnPeriod, now: now) }
        var change = wasWrong ? corrections(of: held, now: now) : changes(from: gone, to: new, now: now)
        if !compareDigest(now) { change.refusal = .directoryMismatch }
        return change
    }

    /// Returns the refusal of a DELTA or a SNAPSHOT that contradicts the directory.
    ///
    /// If the directory is neither proven nor known to be wrong, marks it as wrong, and forgets all that waits to be
    /// applied. Otherwise changes nothing. So the SNAPSHOT that is to replace a wrong directory is not forgotten.
    private mutating func contradiction() -> Rejection {
        if version > 0, !proof.isProven, !proof.isWrong { foundWrong() }
        return .directoryContradiction
    }

    /// Returns the changes from `wrong` to the present directory. `wrong` was replaced because it was found wrong.
    private mutating func corrections(of wrong: Directory, now: Instant) -> DirectoryChange {
        let right = directory
        var change = changes(
            from: wrong.sharedInOrder.filter { right[$0.entry.session] != $0.entry },
            to: right.sharedInOrder.filter { wrong[$0.entry.session] != $0.entry }, now: now)
        // If a session keeps its identity and agreement key, its message keys stay the same, and its pair goes on.
        change.gone.removeAll { old in
            right[old.entry.session].map {
                $0.identity == old.entry.identity && $0.agreementKey == old.entry.agreementKey
            } ?? false
        }
        return change
    }

    /// Removes the missing members that have not come back in time, and the former sessions that have ended. Returns
    /// the changes.
    package mutating func expireFormer(_ now: Instant) -> DirectoryChange {
        let (missing, returned) = former.expire(now)
        if !missing.isEmpty { changeCount += 1 }
        return DirectoryChange(ended: missing + returned, events: missing.map(Self.givenUp))
    }

    private static func givenUp(_ entry: Entry) -> PeerEvent { .memberLeft(Member(entry), reason: .stopping) }

    /// Notes that the entries `before` have been replaced by the entries `after`, and returns the changes.
    ///
    /// - Parameter reasons: The known reasons why sessions have ended. Sessions whose reason is not known are left out.
    private mutating func changes(
        from before: [SharedEntry], to after: [SharedEntry], reasons: [SessionID: Departure] = [:], now: Instant
    ) -> DirectoryChange {
        changeCount += 1
        var change = DirectoryChange(gone: before)
        let before = before.map(\.entry)
        let stays = before.isEmpty ? [] : Set(after.map(\.entry.identity))
        let left = before.filter { !stays.contains($0.identity) }
        change.ended = left.compactMap { former.remove($0.identity) }
        change.events = left.filter { $0.identity != own }.map {
            .memberLeft(Member($0), reason: reasons[$0.session])
        }
        let old = Dictionary(before.map { ($0.identity, $0) }) { first, _ in first }
        // All returning members are noted before any is ousted, because members may have exchanged their addresses.
        let returned = after.map { former.returns($0.entry.identity, now: now) }
        change.events.reserveCapacity(change.events.count + after.count)
        knownNames.reserve(after.count)
        for (shared, returned) in zip(after, returned) {
            let entry = shared.entry
            let ousted = former.oust(by: entry)
            change.ended += ousted
            change.events += ousted.map(Self.givenUp)
            if let known = knownNames.note(shared, listed: directory) {
                change.events.append(.nameMoved(entry.name, from: known, to: entry.identity))
            }
            guard entry.identity != own else { continue }
            guard let old = old[entry.identity] ?? returned?.entry else {
                change.events.append(.memberJoined(Member(entry)))
                continue
            }
            guard old != entry else { continue }
            let previousName = old.name == entry.name ? nil : old.name
            change.events.append(.memberRejoined(Member(entry), previousName: previousName))
        }
        return change
    }
}
