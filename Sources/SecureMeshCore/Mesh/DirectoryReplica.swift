/// A peer's copy of the directory at one version, and the snapshot that it is putting together.
///
/// A DELTA applies only at the version held, a SNAPSHOT only when it is complete and newer; versions never go back. A DELTA
/// that overtook others waits for them: where a network reorders, a burst of them would else bring one step a heartbeat.
package struct DirectoryReplica: Sendable {
    private(set) package var directory = Directory()
    /// 0: nothing held.
    private(set) package var version: UInt64 = 0
    private(set) package var epoch: UInt64 = 0
    private let own: PublicKey
    private var assembly: Assembly?
    /// DELTAs from versions that are not held yet, by that version.
    private var early: [UInt64: Delta] = [:]
    /// The key last seen under each name, over all sessions of this process.
    private var knownNames: [PeerName: PublicKey] = [:]

    private struct Assembly: Sendable {
        let version: UInt64
        let parts: UInt16
        var received: [UInt16: [Entry]] = [:]
    }

    /// What one DELTA or SNAPSHOT changed.
    package struct Change: Sendable {
        package var gone: [Entry] = []
        package var events: [PeerEvent] = []
        /// What an early DELTA, whose turn had come, was refused for.
        package var refusal: Rejection?
    }

    /// `own` is in the directory like all the others, but its own changes are no event.
    package init(of own: PublicKey) {
        self.own = own
    }

    package var others: [Entry] { directory.inOrder.filter { $0.identity != own } }

    /// The entry of `session`, at the version held.
    package subscript(session: SessionID) -> Entry? { version > 0 ? directory[session] : nil }

    /// Whether `identity` is a member, as last told.
    package func lists(_ identity: PublicKey) -> Bool { directory.entry(of: identity) != nil }

    package var usages: [Usage] {
        directory.usages + [
            Usage("early deltas", early.count, limit: Limits.earlyDeltas),
            Usage("parts of a snapshot", assembly?.received.count ?? 0, limit: Limits.snapshotParts),
            Usage("known names", knownNames.count, limit: Limits.rememberedIdentities),
        ]
    }

    /// The part to ask for: the lowest that is missing; 0 when none is wanted.
    package var wantedPart: UInt16 {
        guard let assembly else { return 0 }
        return (0..<assembly.parts).first { assembly.received[$0] == nil } ?? 0
    }

    /// A server with another epoch is another directory: nothing of it is held yet.
    package mutating func begin(epoch: UInt64) {
        guard epoch != self.epoch else { return }
        self.epoch = epoch
        version = 0
        assembly = nil
        early = [:]
    }

    package mutating func apply(_ delta: Delta) throws(Rejection) -> Change {
        guard version > 0, delta.from == version else {
            try keep(delta)
            return Change()
        }
        var change = try step(delta)
        applyEarly(&change)
        return change
    }

    /// For its turn: at most so many, those that come soonest.
    private mutating func keep(_ delta: Delta) throws(Rejection) {
        let base = max(version, assembly?.version ?? 0)
        guard base > 0, delta.from >= base, delta.from - base < UInt64(Limits.earlyDeltas), early[delta.from] == nil
        else { throw .deltaNotApplicable }
        // Those that are left are within the limit: this one is not among them, and none is further ahead.
        if early.count == Limits.earlyDeltas { early = early.filter { $0.key >= base } }
        early[delta.from] = delta
    }

    private mutating func step(_ delta: Delta) throws(Rejection) -> Change {
        guard directory.allows(removing: delta.removed, adding: delta.added) else { throw .directoryContradiction }
        let before = delta.removed.compactMap { directory[$0] }
        for session in delta.removed { directory.remove(session) }
        for entry in delta.added { directory.insert(entry) }
        version += 1
        if let assembly, assembly.version <= version { self.assembly = nil }
        return changes(from: before, to: delta.added)
    }

    /// Those whose turn has come.
    private mutating func applyEarly(_ change: inout Change) {
        while let delta = early.removeValue(forKey: version) {
            do throws(Rejection) {
                let next = try step(delta)
                change.gone += next.gone
                change.events += next.events
            } catch {
                change.refusal = error
                break
            }
        }
        if assembly == nil, !early.isEmpty { early = early.filter { $0.key > version } }
    }

    package mutating func apply(_ snapshot: Snapshot) throws(Rejection) -> Change {
        guard snapshot.version > version, snapshot.parts <= Limits.snapshotParts,
            snapshot.version >= assembly?.version ?? 0
        else { throw .snapshotNotWanted }
        if assembly?.version != snapshot.version {
            assembly = Assembly(version: snapshot.version, parts: snapshot.parts)
        }
        guard assembly?.parts == snapshot.parts, assembly?.received[snapshot.part] == nil else {
            throw .snapshotNotWanted
        }
        assembly?.received[snapshot.part] = snapshot.entries
        guard let assembly, assembly.received.count == Int(assembly.parts) else { return Change() }
        self.assembly = nil
        var change = try adopt((0..<assembly.parts).flatMap { assembly.received[$0] ?? [] }, version: assembly.version)
        applyEarly(&change)
        return change
    }

    /// Absent sessions go; one that stays keeps its state and must be what it was.
    private mutating func adopt(_ entries: [Entry], version newVersion: UInt64) throws(Rejection) -> Change {
        let isNewEpoch = version == 0
        var next = isNewEpoch ? Directory() : directory
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
        let before = isNewEpoch ? directory.inOrder : gone.compactMap { next[$0] }
        for session in gone { next.remove(session) }
        for entry in new { next.insert(entry) }
        directory = next
        version = newVersion
        return changes(from: before, to: new)
    }

    private mutating func changes(from before: [Entry], to after: [Entry]) -> Change {
        let left = Dictionary(before.map { ($0.identity, $0) }) { first, _ in first }
        let stays = before.isEmpty ? [] : Set(after.map(\.identity))
        var events: [PeerEvent] = before.filter { !stays.contains($0.identity) && $0.identity != own }
            .map { .memberLeft(Member($0)) }
        for entry in after {
            let known = knownNames[entry.name]
            if let known, known != entry.identity {
                events.append(.nameMoved(entry.name, from: known, to: entry.identity))
            }
            if known != entry.identity, known != nil || knownNames.count < Limits.rememberedIdentities {
                knownNames[entry.name] = entry.identity
            }
            guard entry.identity != own else { continue }
            guard let old = left[entry.identity] else {
                events.append(.memberJoined(Member(entry)))
                continue
            }
            if old != entry { events.append(.memberRejoined(Member(entry))) }
        }
        return Change(gone: before, events: events)
    }
}
